"""Referees and their letters: asked by mail, answered by a link that needs no account.

A referee has one link; a reminder carries it again. Of a link only the digest of its token is kept. The applicant sees
a reference's state and never its content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, Reference, ReferenceLetter
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Cohort, KeyDate
from matsapply.mail.outbox import normal_address
from matsapply.mail.tokens import digest_of, token_of
from matsapply.people.models import Account, Person
from matsapply.rules.access import SYSTEM, Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, ReferenceState, ReferenceTiming, Role
from matsapply.tracking.actions import Letter, advance, begin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

AT_ONCE = 200
MOST_EVER = 12  # whom one application names, those taken off again included: each may have had a mail by then
LINK = "/reference/{token}"
ASKED = (ReferenceState.REQUESTED, ReferenceState.OPENED)
ANSWERABLE = frozenset({*ASKED, ReferenceState.OVERDUE, ReferenceState.RECEIVED})
LIVE_APPLICATION = (ApplicationState.SUBMITTED, ApplicationState.IN_STREAMS)


def token_for(reference: Reference) -> str:
    """The token of the reference's one link. Derived, so that a reminder can carry it again though it is not kept.

    It changes only with the site's secret key; then the next reminder brings the new link.
    """
    return token_of(f"reference {reference.public_id}")


def name_referee(
    session: Session,
    actor: Actor,
    application: Application,
    *,
    name: str,
    email: str,
    consent: bool,
    most: int,
    now: datetime,
) -> Reference:
    """R1: the applicant names somebody who has agreed to be asked.

    ``most`` is how many live referees the form allows. In the stream phase the request goes out at once, since its
    usual moment has passed. Raises ``Refused``: CAP_REACHED, REMINDER_LIMIT (too many were named and taken off again),
    CONFLICT (oneself), REPEATED, NOT_FINISHED (no consent).
    """
    application = lock_application(session, application.id)
    facts = facts_of(session, actor, Role.APPLICANT, now, cohort_id=application.cohort_id)
    _check_open(application, facts.dates.get("T3"), now)
    address = normal_address(email)
    if address is None or not name.strip():
        raise refuse(Code.INCOMPLETE)
    address = address.lower()
    if not consent:
        raise refuse(Code.NOT_FINISHED, "Your referee has to agree before you name them.")
    if address == session.scalar(sa.select(Account.email).where(Account.person_id == application.person_id)):
        raise refuse(Code.CONFLICT, "You cannot be your own referee.")
    live = _live_references(session, application.id)
    if len(live) >= most:
        raise refuse(Code.CAP_REACHED, f"This form takes {most}.")
    if any(reference.email == address for reference in live):
        raise refuse(Code.REPEATED, "This address is named already.")
    ever = sa.select(sa.func.count()).select_from(Reference).where(Reference.application_id == application.id)
    if (session.scalar(ever) or 0) >= MOST_EVER:
        raise refuse(Code.REMINDER_LIMIT)
    free = next(number for number in range(1, most + 1) if number not in {each.position for each in live})
    reference = Reference(
        application_id=application.id, position=free, name=name.strip()[:200], email=address, consent=True
    )
    begin(session, reference, "R1", facts, actor, place_of(application))
    cohort = session.get_one(Cohort, application.cohort_id)
    asks_now = application.state is ApplicationState.IN_STREAMS or (
        application.state is ApplicationState.SUBMITTED and cohort.reference_timing is ReferenceTiming.AT_SUBMIT
    )
    if asks_now and cohort.reference_timing is not ReferenceTiming.ON_DEMAND:
        request_references(session, [application], now)
    return reference


def replace_referee(session: Session, actor: Actor, reference: Reference, *, now: datetime) -> None:
    """R4: take a referee who has not answered off the list; their link is dead from then on."""
    application = lock_application(session, reference.application_id)
    session.refresh(reference)
    facts = facts_of(session, actor, Role.APPLICANT, now, cohort_id=application.cohort_id)
    _check_open(application, facts.dates.get("T3"), now)
    advance(session, reference, "R4", facts, actor, place_of(application))
    reference.token_digest = None


def remind_referee(session: Session, actor: Actor, reference: Reference, *, now: datetime) -> None:
    """R4r: at most one reminder a day, three in all. It carries the link that was sent before."""
    application = lock_application(session, reference.application_id)
    session.refresh(reference)
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=application.cohort_id,
        reminders=reference.reminders,
        reminded_at=reference.reminded_at or reference.requested_at,
    )
    _check_open(application, facts.dates.get("T3"), now)
    opened = reference.state is ReferenceState.OPENED
    letter = _letter(session, application, reference, facts.dates.get("T3"))
    advance(session, reference, "R4r", facts, actor, place_of(application), letter=letter)
    reference.reminders += 1
    reference.reminded_at = now
    if opened:  # a reminder does not make somebody's visit undone
        opening = facts_of(session, SYSTEM, Role.REFEREE, now, cohort_id=application.cohort_id)
        advance(session, reference, "R2o", opening, SYSTEM, place_of(application))


def request_references(session: Session, applications: Sequence[Application], now: datetime) -> int:
    """R2 for every referee named and not yet asked, of applications of one cohort: a link of their own by mail.

    Returns how many were asked. Four queries, however many applications.
    """
    by_id = {application.id: application for application in applications}
    named = session.execute(
        sa.select(Reference, Person.display_name)
        .join(Application, Application.id == Reference.application_id)
        .join(Person, Person.id == Application.person_id)
        .where(Reference.application_id.in_(by_id), Reference.state == ReferenceState.NAMED)
        .order_by(Reference.application_id, Reference.position, Reference.id)
    ).all()
    if not named:
        return 0
    cohort_id = applications[0].cohort_id
    gates = gates_of(session, cohort_id)
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=cohort_id, gates=gates)
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == cohort_id))
    for reference, applicant in named:
        letter = _request(reference, applicant, label, gates.at("T3"))
        place = place_of(by_id[reference.application_id])
        advance(session, reference, "R2", facts, SYSTEM, place, letter=letter)
        reference.requested_at = now
    return len(named)


def overdue(session: Session, now: datetime) -> int:
    """R5: letters asked for and not in by T3; the application goes on without them. Call until it is 0."""
    found = session.execute(
        sa.select(Reference.id, Reference.application_id)
        .join(Application, Application.id == Reference.application_id)
        .join(KeyDate, sa.and_(KeyDate.cohort_id == Application.cohort_id, KeyDate.code == "T3"))
        .where(Reference.state.in_(ASKED), KeyDate.at <= now, Application.state.in_(LIVE_APPLICATION))
        .order_by(Reference.application_id, Reference.id)
        .limit(AT_ONCE)
    ).all()
    done = 0
    for reference_id, application_id in found:
        application = lock_application(session, application_id)
        reference = session.get_one(Reference, reference_id, populate_existing=True)
        if reference.state in ASKED:
            facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id)
            advance(session, reference, "R5", facts, SYSTEM, place_of(application))
            done += 1
    session.flush()
    return done


def by_token(session: Session, token: str) -> Reference | None:
    """The reference this link belongs to; None for a wrong, replaced or foreign token."""
    return session.scalar(
        sa.select(Reference).where(
            Reference.token_digest == digest_of(token), Reference.state != ReferenceState.REPLACED
        )
    )


def save_letter(
    session: Session, reference: Reference, *, scores: Mapping[str, Any], text: str, now: datetime
) -> ReferenceLetter:
    """R3, and R3e until T3: each save is a version of its own, the last one counts. After T3 a first letter is late.

    Raises ``Refused``: CLOSED (a change after T3, or an application that has ended), WRONG_STATE.
    """
    application, facts = _for_referee(session, reference, now)
    place = place_of(application)
    if reference.state is ReferenceState.REQUESTED:
        advance(session, reference, "R2o", facts, SYSTEM, place)
    code = "R3e" if reference.state is ReferenceState.RECEIVED else "R3"
    advance(session, reference, code, facts, SYSTEM, place)
    due = facts.dates.get("T3")
    last = session.scalar(
        sa.select(sa.func.max(ReferenceLetter.number)).where(ReferenceLetter.reference_id == reference.id)
    )
    letter = ReferenceLetter(
        reference_id=reference.id,
        number=(last or 0) + 1,
        scores=dict(scores),
        text=text,
        received_at=now,
        late=due is not None and now >= due,
    )
    session.add(letter)
    session.flush()
    return letter


def decline(session: Session, reference: Reference, *, now: datetime) -> None:
    """R6: the referee will not write; the applicant may name somebody else."""
    application, facts = _for_referee(session, reference, now)
    advance(session, reference, "R6", facts, SYSTEM, place_of(application))


def _for_referee(session: Session, reference: Reference, now: datetime) -> tuple[Application, Any]:
    application = lock_application(session, reference.application_id)
    session.refresh(reference)
    if application.state not in LIVE_APPLICATION:
        raise refuse(Code.CLOSED)
    return application, facts_of(session, SYSTEM, Role.REFEREE, now, cohort_id=application.cohort_id)


def _letter(session: Session, application: Application, reference: Reference, due_at: datetime | None) -> Letter:
    applicant = session.scalar(sa.select(Person.display_name).where(Person.id == application.person_id))
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
    return _request(reference, applicant, label, due_at)


def _request(reference: Reference, applicant: str | None, label: str | None, due_at: datetime | None) -> Letter:
    """The request or reminder, with the reference's one link."""
    token = token_for(reference)
    reference.token_digest = digest_of(token)
    context = {
        "name": reference.name,
        "zone": "UTC",
        "language": None,
        "applicant": applicant,
        "cohort_label": label,
        "link": LINK.format(token=token),
        "due_at": due_at,
    }
    return Letter(None, reference.email, context)


def _check_open(application: Application, due: datetime | None, now: datetime) -> None:
    """Referees may be changed while the application lives and letters are still awaited."""
    if application.state is ApplicationState.CLOSED:
        raise refuse(Code.WRONG_STATE)
    if due is not None and now >= due:
        raise refuse(Code.CLOSED)


def _live_references(session: Session, application_id: int) -> list[Reference]:
    return list(
        session.scalars(
            sa.select(Reference)
            .where(Reference.application_id == application_id, Reference.state != ReferenceState.REPLACED)
            .order_by(Reference.position, Reference.id)
        )
    )


__all__ = [
    "ANSWERABLE",
    "by_token",
    "decline",
    "name_referee",
    "overdue",
    "remind_referee",
    "replace_referee",
    "request_references",
    "save_letter",
]
