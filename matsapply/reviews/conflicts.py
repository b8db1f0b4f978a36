"""Conflicts of interest, declared or detected. An active one hides the application from its person at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import place_of
from matsapply.applications.models import Application, Reference
from matsapply.audit import actions as audit
from matsapply.people.models import Account, EmailAddress, RoleGrant
from matsapply.people.queries import in_force
from matsapply.reviews.actions import facts_for, hold, refresh, void
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment
from matsapply.reviews.rounds import OCCUPIED
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ApplicationState,
    AssignmentState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    ReferenceState,
    Role,
)
from matsapply.tracking.actions import advance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

READING_ROLES = (Role.REVIEWER, Role.MENTOR, Role.STREAM_LEAD, Role.TRACK_LEAD)
# A shared provider says nothing about an employer; nor do the names reserved for examples.
SHARED_DOMAINS = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com mac.com"
    " proton.me protonmail.com pm.me gmx.de gmx.net gmx.com web.de mail.com aol.com fastmail.com zoho.com yandex.com"
    " yandex.ru mail.ru qq.com 163.com 126.com naver.com hey.com tutanota.com example.com example.org"
    " example.net".split()
)
SHARED_ENDINGS = (".example", ".invalid", ".test", ".localhost")
DETECTED_REASON = "A conflict of interest was found."


def declare(
    session: Session,
    actor: Actor,
    *,
    person_id: int,
    application: Application,
    kind: ConflictKind,
    now: datetime,
    note: str = "",
    source: ConflictSource = ConflictSource.DECLARED,
    role: Role = Role.COORDINATOR,
) -> ConflictOfInterest:
    """Make a conflict active. What the person reads or has read of the application is voided (D9), never deleted."""
    found = _set_active(session, person_id, application.id, kind, source, note)
    audit.record(
        session, actor, "conflict.active", now, subject_type="application", subject_id=application.id,
        actor_role=role.value, cohort_id=application.cohort_id, after=kind.value, detail={"person": person_id},
    )  # fmt: skip
    session.flush()
    for assignment in _readings(session, person_id, application.id):
        void(session, actor, assignment, note.strip() or DETECTED_REASON, now, role=role)
    return found


def dismiss(
    session: Session,
    actor: Actor,
    conflict: ConflictOfInterest,
    reason: str,
    now: datetime,
    *,
    role: Role = Role.COORDINATOR,
) -> None:
    """Somebody looked at it and found no conflict. Voided readings stay so until they are restored one by one."""
    if conflict.state is ConflictState.DISMISSED:
        raise refuse(Code.NO_CHANGE)
    if not reason.strip():
        raise refuse(Code.REASON_NEEDED)
    if actor.person_id is None or actor.person_id == conflict.person_id:
        raise refuse(Code.SECOND_PERSON_NEEDED)
    conflict.state, conflict.note, conflict.decided_by_id = ConflictState.DISMISSED, reason, actor.person_id
    audit.record(
        session, actor, "conflict.dismissed", now, subject_type="application", subject_id=conflict.application_id,
        actor_role=role.value, before="active", after="dismissed", reason=reason, detail={"person": conflict.person_id},
    )  # fmt: skip
    session.flush()
    _refresh_after(session, conflict)


def recuse(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    reason: str,
    now: datetime,
    *,
    kind: ConflictKind = ConflictKind.OTHER,
    role: Role = Role.REVIEWER,
) -> ConflictOfInterest:
    """D5: the reader steps back for a conflict of interest; from then on the application is not there for them.

    A conflict that is noticed after the review voids it (D9) and keeps it, as if the team had found it (E13).
    """
    held = hold(session, assignment.id)
    if held.assignment.state is not AssignmentState.SUBMITTED:
        facts = facts_for(held, actor, role, now, reason=reason)
        advance(session, held.assignment, "D5", facts, actor, place_of(held.application))
        session.flush()
    elif held.assignment.reviewer_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    return declare(
        session,
        actor,
        person_id=held.assignment.reviewer_id,
        application=held.application,
        kind=kind,
        now=now,
        note=reason,
        role=Role.SYSTEM,  # other readings of the same person end by the system
    )


def detect(session: Session, cohort_id: int, actor: Actor, now: datetime) -> int:
    """Compare the cohort's applications with everybody who reads now; returns how many conflicts are new.

    Found are readers who are the applicant's referee, and readers whose mail comes from the applicant's own, not
    shared, domain. A conflict that somebody dismissed is not raised again.
    """
    known = set(
        session.execute(
            sa.select(ConflictOfInterest.person_id, ConflictOfInterest.application_id, ConflictOfInterest.kind)
            .join(Application, Application.id == ConflictOfInterest.application_id)
            .where(Application.cohort_id == cohort_id)
        )
    )
    found = {*_referees(session, cohort_id, now), *_domains(session, cohort_id, now)} - known
    for person_id, application_id, kind in sorted(found):
        application = session.get_one(Application, application_id)
        declare(
            session,
            actor,
            person_id=person_id,
            application=application,
            kind=kind,
            now=now,
            source=ConflictSource.DETECTED,
            role=Role.SYSTEM,
        )
    return len(found)


def _addresses(session: Session, now: datetime) -> list[tuple[int, str]]:
    """Every address of everybody who reads now."""
    readers = sa.select(RoleGrant.person_id).where(RoleGrant.role.in_(READING_ROLES), in_force(now))
    of_account = sa.select(Account.person_id, Account.email).where(Account.person_id.in_(readers))
    further = sa.select(EmailAddress.person_id, EmailAddress.address).where(EmailAddress.person_id.in_(readers))
    return list(session.execute(of_account.union(further)))


def _referees(session: Session, cohort_id: int, now: datetime) -> Iterable[tuple[int, int, ConflictKind]]:
    readers: dict[str, set[int]] = {}
    for person_id, address in _addresses(session, now):
        readers.setdefault(address, set()).add(person_id)
    rows = session.execute(
        sa.select(Reference.application_id, Reference.email)
        .join(Application, Application.id == Reference.application_id)
        .where(Application.cohort_id == cohort_id, Reference.state != ReferenceState.REPLACED)
    )
    return [
        (person_id, application_id, ConflictKind.REFEREE)
        for application_id, address in rows
        for person_id in readers.get(address, ())
    ]


def _domains(session: Session, cohort_id: int, now: datetime) -> Iterable[tuple[int, int, ConflictKind]]:
    readers: dict[str, set[int]] = {}
    for person_id, address in _addresses(session, now):
        if telling := domain_of(address):
            readers.setdefault(telling, set()).add(person_id)
    rows = session.execute(
        sa.select(Application.id, Application.person_id, Account.email)
        .join(Account, Account.person_id == Application.person_id)
        .where(Application.cohort_id == cohort_id, Application.state != ApplicationState.CLOSED)
    )
    return [
        (reader, application_id, ConflictKind.MAIL_DOMAIN)
        for application_id, person_id, address in rows
        for reader in readers.get(domain_of(address), ())
        if reader != person_id
    ]


def domain_of(address: str) -> str:
    """The domain of an address where it tells of an employer or a school; empty for a shared one."""
    domain = address.rpartition("@")[2].lower()
    return "" if domain in SHARED_DOMAINS or domain.endswith(SHARED_ENDINGS) else domain


def _set_active(
    session: Session, person_id: int, application_id: int, kind: ConflictKind, source: ConflictSource, note: str
) -> ConflictOfInterest:
    found = session.scalars(
        sa.select(ConflictOfInterest).where(
            ConflictOfInterest.person_id == person_id,
            ConflictOfInterest.application_id == application_id,
            ConflictOfInterest.kind == kind,
        )
    ).one_or_none()
    if found is None:
        found = ConflictOfInterest(person_id=person_id, application_id=application_id, kind=kind, source=source)
        session.add(found)
    found.state, found.decided_by_id = ConflictState.ACTIVE, None
    found.note = note or found.note or ""
    session.flush()
    return found


def _readings(session: Session, person_id: int, application_id: int) -> list[ReviewAssignment]:
    return list(
        session.scalars(
            sa.select(ReviewAssignment).where(
                ReviewAssignment.reviewer_id == person_id,
                ReviewAssignment.application_id == application_id,
                ReviewAssignment.state.in_(OCCUPIED),
            )
        )
    )


def _refresh_after(session: Session, conflict: ConflictOfInterest) -> None:
    """A reading that was never voided (older data) counts again once its reader's conflict is gone."""
    for assignment in _readings(session, conflict.person_id, conflict.application_id):
        if assignment.state is AssignmentState.SUBMITTED:
            refresh(session, hold(session, assignment.id))
