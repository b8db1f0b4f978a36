"""A conflict of interest and all that follows from it, beyond the readings: decisions, streams, the team's tasks.

A decision that rests on a voided reading, or was taken by somebody who has a conflict, is in doubt until it is taken
again (E13); one that was released is a case for a coordinator. A stream whose only mentor has the conflict needs
somebody else to assess the application (E14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication, TeamTask
from matsapply.audit import actions as audit
from matsapply.cohorts.models import Mentor, Stream
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.people.models import RoleGrant
from matsapply.people.queries import in_force
from matsapply.reviews import conflicts
from matsapply.reviews.models import Review, ReviewAssignment
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    BatchState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    Role,
    Scope,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.reviews.models import ConflictOfInterest
    from matsapply.rules.access import Actor

CONFIRM_DECISION = "confirm_decision"
RELEASED_CONFLICT = "conflict_after_release"
NOBODY_ASSESSES = "nobody_assesses"


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
    """Make a conflict active, with everything that follows. Refuses WRONG_STATE: nobody conflicts with themselves."""
    if application.person_id == person_id:
        raise refuse(Code.WRONG_STATE, "Nobody reads their own application anyway.")
    application = lock_application(session, application.id)  # whoever gives it to a reader waits, and sees the conflict
    relied = _relied_on(session, person_id, application.id)
    found = conflicts.declare(
        session, actor, person_id=person_id, application=application, kind=kind, now=now, note=note, basis=basis,
        source=source, role=role,
    )  # fmt: skip
    _follow(session, actor, person_id, application, now, role, relied=relied)
    return found


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
    """The reader steps back for a conflict of interest (D5, or D9 after the review), with everything that follows."""
    person_id, application = assignment.reviewer_id, session.get_one(Application, assignment.application_id)
    relied = _relied_on(session, person_id, application.id)
    found = conflicts.recuse(session, actor, assignment, reason, now, kind=kind, role=role)
    _follow(session, actor, person_id, application, now, Role.SYSTEM, relied=relied)
    return found


def confirm(
    session: Session,
    actor: Actor,
    conflict: ConflictOfInterest,
    now: datetime,
    *,
    note: str = "",
    role: Role = Role.COORDINATOR,
) -> None:
    """What was proposed is one. Refuses NO_CHANGE where it is active already."""
    if conflict.state is ConflictState.ACTIVE:
        raise refuse(Code.NO_CHANGE)
    application = session.get_one(Application, conflict.application_id)
    declare(
        session, actor, person_id=conflict.person_id, application=application, kind=conflict.kind, now=now, note=note,
        source=conflict.source, role=role,
    )  # fmt: skip


def settle(session: Session, actor: Actor, application_id: int, now: datetime) -> None:
    """The task of taking decisions again is done, once none of the application's is in doubt."""
    doubted = sa.select(Decision.id).where(
        Decision.application_id == application_id, Decision.superseded_at.is_(None), Decision.doubted_at.is_not(None)
    )
    if session.scalar(doubted.limit(1)) is None:
        for task in session.scalars(
            sa.select(TeamTask).where(
                TeamTask.application_id == application_id, TeamTask.kind == CONFIRM_DECISION, TeamTask.done_at.is_(None)
            )
        ):
            task.done_at, task.done_by_id = now, actor.person_id
        session.flush()


def _relied_on(session: Session, person_id: int, application_id: int) -> bool:
    """Whether a finished review by the person counts for the application now."""
    counted = (
        sa.select(Review.id)
        .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
        .where(
            ReviewAssignment.reviewer_id == person_id,
            Review.application_id == application_id,
            Review.superseded_at.is_(None),
            Review.voided_at.is_(None),
        )
    )
    return session.scalar(counted.limit(1)) is not None


def _follow(
    session: Session, actor: Actor, person_id: int, application: Application, now: datetime, role: Role, *, relied: bool
) -> None:
    taken = sa.or_(Decision.actor_id == person_id, Decision.second_actor_id == person_id)
    rows = session.execute(
        sa.select(Decision, ReleaseBatch.state)
        .join(ReleaseBatch, ReleaseBatch.id == Decision.batch_id, isouter=True)
        .where(
            Decision.application_id == application.id,
            Decision.superseded_at.is_(None),
            sa.true() if relied else taken,
        )
    ).all()
    for decision, state in rows:
        if state is BatchState.RELEASED:
            _ask(
                session, application, RELEASED_CONFLICT,
                "A conflict of interest came to light after the result was released: look at it with the applicant.",
            )  # fmt: skip
            continue
        if decision.doubted_at is None:
            decision.doubted_at = now
            audit.record(
                session, actor, "decision.doubted", now, subject_type="decision", subject_id=decision.id,
                actor_role=role.value, cohort_id=application.cohort_id, detail={"person": person_id},
            )  # fmt: skip
        _ask(
            session, application, CONFIRM_DECISION,
            "A conflict of interest came to light after the decision: take it again before it is released.",
        )  # fmt: skip
    for name in _unread_streams(session, person_id, application, now):
        _ask(
            session, application, NOBODY_ASSESSES,
            f"Everybody in {name} has a conflict of interest: a delegate or the track lead has to assess it.",
        )  # fmt: skip
    session.flush()


def _unread_streams(session: Session, person_id: int, application: Application, now: datetime) -> list[str]:
    """The streams of the person, applied to by the applicant, in which nobody without a conflict can read."""
    own = sa.or_(
        sa.exists().where(
            Mentor.stream_id == Stream.id,
            Mentor.person_id == person_id,
            sa.or_(Mentor.ends_at.is_(None), Mentor.ends_at > now),
        ),
        sa.exists().where(_reads_stream(now), RoleGrant.person_id == person_id),
    )
    others = sa.exists().where(
        _reads_stream(now), ~in_conflict(RoleGrant.person_id, application.id), RoleGrant.person_id != person_id
    )
    return list(
        session.scalars(
            sa.select(Stream.name)
            .join(StreamApplication, StreamApplication.stream_id == Stream.id)
            .where(
                StreamApplication.application_id == application.id,
                StreamApplication.state.in_(LIVE_STREAM_APPLICATION),
                own,
                ~others,
            )
            .order_by(Stream.name)
        )
    )


def _reads_stream(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        RoleGrant.role.in_([Role.MENTOR, Role.STREAM_LEAD]),
        RoleGrant.scope == Scope.STREAM,
        RoleGrant.scope_id == Stream.id,
        in_force(now),
    )


def _ask(session: Session, application: Application, kind: str, text: str) -> None:
    """A task for the team, once."""
    asked = session.scalar(
        sa.select(TeamTask.id)
        .where(TeamTask.application_id == application.id, TeamTask.kind == kind, TeamTask.done_at.is_(None))
        .limit(1)
    )
    if asked is None:
        session.add(TeamTask(cohort_id=application.cohort_id, application_id=application.id, kind=kind, text=text))
        session.flush()
