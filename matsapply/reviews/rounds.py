"""Rounds, and who reads what in them: opening a round, assigning one by one or by a plan."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import place_of
from matsapply.applications.models import Application, TeamTask
from matsapply.audit import actions as audit
from matsapply.cohorts.models import Cohort, KeyDate, Rubric
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment, ReviewRound
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    AssignmentState,
    ConflictState,
    Role,
    RoundKind,
    RubricKind,
)
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import Place, begin, begin_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

CENTRAL = frozenset({RoundKind.CENTRAL_SCREEN, RoundKind.CENTRAL_SCORE})
THIRD_READER = "third_reader"
NEW_READER = "new_reader"
DEFAULT_CAP = 60
OCCUPIED = (*ACTIVE_ASSIGNMENT, AssignmentState.SUBMITTED)


def ensure_round(
    session: Session,
    cohort_id: int,
    kind: RoundKind,
    *,
    stream_id: int | None = None,
    readers: int | None = None,
    due_at: datetime | None = None,
) -> ReviewRound:
    """The open round of that kind (for that stream), made by the rubric in force where there is none.

    Central rounds are due at T4 and blind where their rubric names blind fields. Raises ``Refused`` (NOT_FINISHED)
    where the cohort has no rubric for it.
    """
    same_stream = ReviewRound.stream_id.is_(None) if stream_id is None else ReviewRound.stream_id == stream_id
    found = session.scalars(
        sa.select(ReviewRound)
        .where(
            ReviewRound.cohort_id == cohort_id, ReviewRound.kind == kind, same_stream, ReviewRound.closed_at.is_(None)
        )
        .order_by(ReviewRound.id.desc())
        .limit(1)
    ).one_or_none()
    if found is not None:
        return found
    rubric = session.scalars(
        sa.select(Rubric)
        .where(Rubric.cohort_id == cohort_id, Rubric.kind == RubricKind(kind.value))
        .order_by(Rubric.number.desc())
        .limit(1)
    ).one_or_none()
    if rubric is None:
        raise refuse(Code.NOT_FINISHED, f"The cohort has no rubric for {kind.value.replace('_', ' ')}.")
    if due_at is None and kind in CENTRAL:
        due_at = session.scalar(sa.select(KeyDate.at).where(KeyDate.cohort_id == cohort_id, KeyDate.code == "T4"))
    made = ReviewRound(
        cohort_id=cohort_id,
        kind=kind,
        stream_id=stream_id,
        rubric_id=rubric.id,
        readers=readers or rubric.readers,
        blind=kind in CENTRAL,
        due_at=due_at,
    )
    session.add(made)
    session.flush()
    return made


def close_round(session: Session, actor: Actor, round_: ReviewRound, now: datetime) -> None:
    """From now on nothing in the round is submitted or corrected."""
    if round_.closed_at is not None:
        raise refuse(Code.NO_CHANGE)
    round_.closed_at = now
    audit.record(
        session, actor, "review_round.closed", now, subject_type="review_round", subject_id=round_.id,
        cohort_id=round_.cohort_id, before="open", after="closed",
    )  # fmt: skip
    session.flush()


def cap_of(session: Session, cohort_id: int) -> int:
    """The most open assignments a reviewer of the cohort may have."""
    policies = session.scalar(sa.select(Cohort.policies).where(Cohort.id == cohort_id)) or {}
    return int(policies.get("review", {}).get("max_active_per_reader", DEFAULT_CAP))


def open_loads(session: Session, cohort_id: int) -> Counter[int]:
    """How many open assignments each reviewer has in the cohort's central rounds."""
    rows = session.execute(
        sa.select(ReviewAssignment.reviewer_id, sa.func.count())
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .where(
            ReviewRound.cohort_id == cohort_id,
            ReviewRound.kind.in_(sorted(CENTRAL)),
            ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT),
        )
        .group_by(ReviewAssignment.reviewer_id)
    )
    return Counter(dict(rows.all()))


def target_key(
    application_id: int,
    stream_application_id: int | None = None,
    submission_id: int | None = None,
    interview_id: int | None = None,
) -> str:
    """The one string that names what is read."""
    if submission_id is not None:
        return f"submission:{submission_id}"
    if interview_id is not None:
        return f"interview:{interview_id}"
    if stream_application_id is not None:
        return f"stream_application:{stream_application_id}"
    return f"application:{application_id}"


def assign(
    session: Session,
    actor: Actor,
    round_: ReviewRound,
    application: Application,
    reviewer_id: int,
    now: datetime,
    *,
    role: Role = Role.COORDINATOR,
    override_reason: str = "",
    due_at: datetime | None = None,
) -> ReviewAssignment:
    """D1: give one application to one reviewer. ``override_reason`` lets the cap be passed, and is kept."""
    conflict = application.person_id == reviewer_id or session.scalar(
        sa.select(in_conflict(reviewer_id, application.id))
    )
    load = open_loads(session, round_.cohort_id)[reviewer_id]
    free = bool(override_reason) or load < cap_of(session, round_.cohort_id)
    facts = Facts(now=now, role=role, actor_id=actor.person_id, no_open_conflict=not conflict, cap_free=free)
    _refuse_doubles(session, round_, [(application.id, reviewer_id)])
    made = _new(round_, application.id, reviewer_id, due_at, override_reason)
    begin(session, made, "D1", facts, actor, place_of(application))
    _third_reader_found(session, actor, [application.id], now)
    return made


def apply_plan(
    session: Session,
    actor: Actor,
    round_: ReviewRound,
    pairs: Sequence[tuple[int, int]],
    now: datetime,
    *,
    role: Role = Role.COORDINATOR,
    override_reason: str = "",
) -> int:
    """D1 for many (application id, reviewer id) pairs: all of them, or a refusal and none.

    Refuses CONFLICT, CAP_REACHED (unless ``override_reason``), REPEATED, WRONG_STATE (not in this cohort).
    """
    if not pairs:
        return 0
    own = dict(
        session.execute(
            sa.select(Application.id, Application.person_id).where(Application.cohort_id == round_.cohort_id)
        ).all()
    )
    if any(application_id not in own for application_id, _ in pairs):
        raise refuse(Code.WRONG_STATE)
    conflicts = set(own.items()) | set(
        session.execute(
            sa.select(ConflictOfInterest.application_id, ConflictOfInterest.person_id)
            .join(Application, Application.id == ConflictOfInterest.application_id)
            .where(Application.cohort_id == round_.cohort_id, ConflictOfInterest.state == ConflictState.ACTIVE)
        )
    )
    loads, cap = open_loads(session, round_.cohort_id), cap_of(session, round_.cohort_id)
    loads.update(reviewer for _, reviewer in pairs)
    within = bool(override_reason) or all(loads[reviewer] <= cap for _, reviewer in pairs)
    _refuse_doubles(session, round_, pairs)
    facts = Facts(
        now=now,
        role=role,
        actor_id=actor.person_id,
        no_open_conflict=conflicts.isdisjoint(pairs),
        cap_free=within,
    )
    made = [_new(round_, application, reviewer, None, override_reason) for application, reviewer in pairs]
    places = [Place(cohort_id=round_.cohort_id, application_id=application) for application, _ in pairs]
    begin_many(session, made, "D1", facts, actor, places)
    _third_reader_found(session, actor, [application for application, _ in pairs], now)
    return len(made)


def ensure_own_assignment(
    session: Session,
    actor: Actor,
    round_: ReviewRound,
    *,
    application_id: int,
    now: datetime,
    stream_application_id: int | None = None,
    submission_id: int | None = None,
    interview_id: int | None = None,
) -> ReviewAssignment:
    """The actor's own assignment for a target in a round where people take up what they read: mentors, interviewers.

    Made by the system on their behalf (D1); refused (CONFLICT) where they have a conflict with the applicant. Whether
    the target lies in the actor's stream is for the caller to have checked.
    """
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    key = target_key(application_id, stream_application_id, submission_id, interview_id)
    found = session.scalars(
        sa.select(ReviewAssignment).where(
            ReviewAssignment.round_id == round_.id,
            ReviewAssignment.reviewer_id == actor.person_id,
            ReviewAssignment.target_key == key,
            ReviewAssignment.state.in_(OCCUPIED),
        )
    ).one_or_none()
    if found is not None:
        return found
    conflict = session.scalar(sa.select(in_conflict(actor.person_id, application_id)))
    made = _new(round_, application_id, actor.person_id, None, "")
    made.stream_application_id = stream_application_id if submission_id is None and interview_id is None else None
    made.submission_id, made.interview_id, made.target_key = submission_id, interview_id, key
    # Readings that people take up themselves are not held against the cap of central review.
    facts = Facts(now=now, role=Role.SYSTEM, actor_id=actor.person_id, no_open_conflict=not conflict, cap_free=True)
    begin(session, made, "D1", facts, actor, Place(cohort_id=round_.cohort_id, application_id=application_id))
    return made


def _new(
    round_: ReviewRound, application_id: int, reviewer_id: int, due_at: datetime | None, override_reason: str
) -> ReviewAssignment:
    return ReviewAssignment(
        round_id=round_.id,
        reviewer_id=reviewer_id,
        application_id=application_id,
        target_key=target_key(application_id),
        due_at=due_at or round_.due_at,
        override_reason=override_reason,
    )


def _refuse_doubles(session: Session, round_: ReviewRound, pairs: Sequence[tuple[int, int]]) -> None:
    """Nobody reads the same thing twice in a round (invariant 21); the database holds it too."""
    query = sa.select(ReviewAssignment.application_id, ReviewAssignment.reviewer_id).where(
        ReviewAssignment.round_id == round_.id, ReviewAssignment.state.in_(OCCUPIED)
    )
    if len(pairs) == 1:
        query = query.where(ReviewAssignment.application_id == pairs[0][0])
    if len(set(pairs)) < len(pairs) or not set(session.execute(query)).isdisjoint(pairs):
        raise refuse(Code.REPEATED)


def _third_reader_found(session: Session, actor: Actor, application_ids: Iterable[int], now: datetime) -> None:
    """The team's task of finding one more reader is done with the assignment."""
    if actor.person_id is None:
        return
    wanted = set(application_ids)
    open_tasks = sa.select(TeamTask).where(TeamTask.kind.in_([THIRD_READER, NEW_READER]), TeamTask.done_at.is_(None))
    for task in session.scalars(open_tasks):
        if task.application_id in wanted:
            task.done_at, task.done_by_id = now, actor.person_id
    session.flush()
