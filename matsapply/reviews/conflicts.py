"""Conflicts of interest as acts. An active one hides the application from its person at once and voids what they read.

What follows for decisions and for the team is in ``process.conflicts``, which is what pages call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import place_of
from matsapply.applications.models import Application, TeamTask
from matsapply.audit import actions as audit
from matsapply.reviews.actions import facts_for, hold, refresh, void
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment, ReviewRound
from matsapply.reviews.rounds import CENTRAL, NEW_READER, OCCUPIED
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ApplicationState,
    AssignmentState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    Role,
)
from matsapply.tracking.actions import advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

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
    basis: str = "",
    source: ConflictSource = ConflictSource.DECLARED,
    role: Role = Role.COORDINATOR,
) -> ConflictOfInterest:
    """Make a conflict active. What the person reads or has read of the application is voided (D9), never deleted, and a
    new reader is asked for where one is missing now."""
    found = _set_active(session, person_id, application.id, kind, source, note)
    found.basis = basis or found.basis
    if role is not Role.SYSTEM:
        found.decided_by_id, found.decided_at = actor.person_id, now
    audit.record(
        session, actor, "conflict.active", now, subject_type="application", subject_id=application.id,
        actor_role=role.value, cohort_id=application.cohort_id, after=kind.value, detail={"person": person_id},
    )  # fmt: skip
    session.flush()
    for assignment in _readings(session, person_id, application.id):
        void(session, actor, assignment, note.strip() or DETECTED_REASON, now, role=role)
        ask_new_reader(session, application, assignment.round_id)
    return found


def propose(
    session: Session,
    *,
    person_id: int,
    application_id: int,
    kind: ConflictKind,
    basis: str,
    source: ConflictSource = ConflictSource.DETECTED,
) -> ConflictOfInterest:
    """A guess for somebody to look at: from now on no plan gives the application to the person, and that is all."""
    made = ConflictOfInterest(
        person_id=person_id,
        application_id=application_id,
        kind=kind,
        source=source,
        state=ConflictState.PROPOSED,
        basis=basis,
    )
    session.add(made)
    session.flush()
    return made


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
    before, conflict.state = conflict.state, ConflictState.DISMISSED
    conflict.note, conflict.decided_by_id, conflict.decided_at = reason, actor.person_id, now
    audit.record(
        session, actor, "conflict.dismissed", now, subject_type="application", subject_id=conflict.application_id,
        actor_role=role.value, before=before.value, after="dismissed", reason=reason,
        detail={"person": conflict.person_id},
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
        ask_new_reader(session, held.application, held.round.id)
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


def ask_new_reader(session: Session, application: Application, round_id: int) -> None:
    """A task for the team where an application that is still read centrally has fewer readers than its round wants."""
    round_ = session.get_one(ReviewRound, round_id)
    if round_.kind not in CENTRAL or round_.closed_at or application.state is not ApplicationState.SUBMITTED:
        return
    readers = session.scalar(
        sa.select(sa.func.count()).where(
            ReviewAssignment.round_id == round_id,
            ReviewAssignment.application_id == application.id,
            ReviewAssignment.state.in_(OCCUPIED),
        )
    )
    asked = session.scalar(
        sa.select(TeamTask.id)
        .where(TeamTask.application_id == application.id, TeamTask.kind == NEW_READER, TeamTask.done_at.is_(None))
        .limit(1)
    )
    if (readers or 0) < round_.readers and asked is None:
        text = "A reader stepped back or has a conflict of interest: a new one is wanted."
        session.add(
            TeamTask(cohort_id=application.cohort_id, application_id=application.id, kind=NEW_READER, text=text)
        )
        session.flush()


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
    found.state, found.decided_by_id, found.decided_at = ConflictState.ACTIVE, None, None
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
