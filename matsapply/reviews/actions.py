"""Readings as acts: start, keep a draft, submit or correct, return, void. Codes are those of the tables (D3 to D9).

Every act that can change a score takes the lock on the application's row first, then reads what it decides on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.facts import place_of
from matsapply.applications.models import Application, TeamTask
from matsapply.cohorts.forms import rubric as rubric_view
from matsapply.reviews.aggregates import first_in_play, refresh_application, refresh_target, track_choices
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound
from matsapply.reviews.rounds import (
    THIRD_READER,
    apply_plan,
    assign,
    close_round,
    ensure_own_assignment,
    ensure_round,
)
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.scoring import Aggregate, Checked, check_scores, needs_third_reader, weighted_total, weights_for
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, AssignmentState, Role, RoundKind
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.forms import RubricView
    from matsapply.rules.access import Actor

__all__ = [
    "Entered",
    "Held",
    "apply_plan",
    "assign",
    "cancel_open",
    "close_round",
    "ensure_own_assignment",
    "ensure_round",
    "facts_for",
    "hold",
    "reassign",
    "refresh",
    "restore",
    "return_assignment",
    "save_draft",
    "start",
    "submit_mark",
    "submit_review",
    "void",
]

MOST_MINUTES = 600.0
MOST_NOTE = 8000
MOST_FEEDBACK = 4000


@dataclass(frozen=True, slots=True)
class Entered:
    """What a reader entered. ``scores`` are as typed (criterion key to number or its text) and may be incomplete."""

    scores: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    feedback: str = ""
    confidence: int | None = None
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment whose application is locked by this transaction, with what a decision on it needs."""

    assignment: ReviewAssignment
    round: ReviewRound
    application: Application
    conflict: bool


_HOLD = (
    sa.select(
        ReviewAssignment,
        ReviewRound,
        Application,
        in_conflict(ReviewAssignment.reviewer_id, ReviewAssignment.application_id),
    )
    .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
    .join(Application, Application.id == ReviewAssignment.application_id)
    .where(ReviewAssignment.id == sa.bindparam("assignment_id"))
    .with_for_update(of=Application)
    .execution_options(populate_existing=True)
)


def hold(session: Session, assignment_id: int) -> Held:
    """Lock the application of an assignment and read the assignment afresh. One query."""
    row = session.execute(_HOLD, {"assignment_id": assignment_id}).one()
    return Held(row[0], row[1], row[2], bool(row[3]))


def facts_for(held: Held, actor: Actor, role: Role, now: datetime, **more: Any) -> Facts:
    """Facts of a step of an assignment; its rows have no key dates, so no gate is read."""
    return Facts(
        now=now,
        role=role,
        actor_id=actor.person_id,
        no_open_conflict=not held.conflict,
        assigned_to_actor=actor.person_id is not None and held.assignment.reviewer_id == actor.person_id,
        **more,
    )


# --- reading ----------------------------------------------------------------------------------------------------------


def start(
    session: Session, actor: Actor, assignment: ReviewAssignment, now: datetime, role: Role = Role.REVIEWER
) -> None:
    """D3: the reader has begun. Nothing happens where it was begun before."""
    held = hold(session, assignment.id)
    if held.assignment.state is not AssignmentState.STARTED:
        _advance(session, held, "D3", facts_for(held, actor, role, now), actor)


def save_draft(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    entered: Entered,
    now: datetime,
    role: Role = Role.REVIEWER,
) -> ReviewAssignment:
    """Keep what was entered so far, starting the reading (D3) with it. Only an open assignment of the actor's own."""
    held = hold(session, assignment.id)
    own = held.assignment
    _refuse_when_closed(held.round, now)
    if own.state is not AssignmentState.STARTED:
        _advance(session, held, "D3", facts_for(held, actor, role, now), actor)
    elif own.reviewer_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    elif held.conflict:
        raise refuse(Code.CONFLICT)
    rubric = _rubric(session, held.round)
    own.draft_scores = _check(rubric, entered).scores
    own.draft_note, own.draft_feedback = entered.note[:MOST_NOTE], entered.feedback[:MOST_FEEDBACK]
    own.draft_confidence = entered.confidence
    own.draft_minutes = max(own.draft_minutes, _minutes(entered))
    session.flush()
    return own


def submit_review(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    entered: Entered,
    now: datetime,
    role: Role = Role.REVIEWER,
) -> Review:
    """D4: the reading counts from now on. On one that was submitted before it is a correction (D4c): the next number.

    Refuses INCOMPLETE (a criterion without a score), CLOSED (the round is over), CONFLICT, NOT_YOURS.
    """
    held = hold(session, assignment.id)
    own = held.assignment
    correcting = own.state is AssignmentState.SUBMITTED
    rubric = _rubric(session, held.round)
    checked = _check(rubric, entered)
    facts = facts_for(held, actor, role, now, complete=checked.complete)
    _refuse_when_closed(held.round, now)
    # Read before anything changes: a read afterwards would first write the changes, one by one.
    previous = _current(session, own.id) if correcting else None
    choices = track_choices(session, own.application_id) if _weighs_tracks(held.round, rubric) else ()
    _advance(session, held, "D4c" if correcting else "D4", facts, actor)
    number = 1
    if previous is not None:
        previous.superseded_at = now
        number = previous.number + 1
    review = Review(
        assignment_id=own.id,
        application_id=own.application_id,
        round_id=own.round_id,
        number=number,
        rubric_id=held.round.rubric_id,
        snapshot_number=held.application.snapshot_number,
        scores=checked.scores,
        total=weighted_total(checked.scores, _own_weights(rubric, choices)),
        confidence=entered.confidence,
        note=entered.note[:MOST_NOTE],
        feedback=entered.feedback[:MOST_FEEDBACK],
        minutes=round(max(own.draft_minutes, _minutes(entered)), 1),
        submitted_at=now,
    )
    session.add(review)
    # The draft has become the review.
    own.draft_scores, own.draft_note, own.draft_feedback, own.draft_confidence = {}, "", "", None
    own.draft_minutes = 0.0
    _refresh(session, held, rubric, choices)
    return review


def submit_mark(
    session: Session,
    actor: Actor,
    round_: ReviewRound,
    entered: Entered,
    now: datetime,
    role: Role,
    *,
    application_id: int,
    stream_application_id: int | None = None,
    submission_id: int | None = None,
    interview_id: int | None = None,
) -> Review:
    """Take up a target and submit its reading (or correct one's own earlier one) in one go; sets the means kept there.

    Whether the target lies in the actor's stream is for the caller to have checked.
    """
    own = ensure_own_assignment(
        session,
        actor,
        round_,
        application_id=application_id,
        stream_application_id=stream_application_id,
        submission_id=submission_id,
        interview_id=interview_id,
        now=now,
    )
    return submit_review(session, actor, own, entered, now, role)


def return_assignment(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    now: datetime,
    role: Role = Role.REVIEWER,
    reason: str = "",
) -> None:
    """D6: the reader gives it back. The draft is kept for the log and never counted."""
    held = hold(session, assignment.id)
    _advance(session, held, "D6", facts_for(held, actor, role, now, reason=reason), actor)
    session.flush()


def reassign(
    session: Session, actor: Actor, assignment: ReviewAssignment, now: datetime, *, role: Role = Role.COORDINATOR
) -> None:
    """D7: the team takes an open assignment away, for instance because its reader has left (E43)."""
    held = hold(session, assignment.id)
    _advance(session, held, "D7", facts_for(held, actor, role, now), actor)
    session.flush()


def void(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    reason: str,
    now: datetime,
    *,
    role: Role = Role.COORDINATOR,
) -> None:
    """D9: the assignment counts no more. A finished review stays, marked, and the aggregates are made anew."""
    held = hold(session, assignment.id)
    _advance(session, held, "D9", facts_for(held, actor, role, now, reason=reason), actor)
    if (review := _current(session, held.assignment.id)) is not None:
        review.voided_at, review.void_reason = now, reason
        refresh(session, held)
    session.flush()


def restore(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    reason: str,
    now: datetime,
    *,
    role: Role = Role.COORDINATOR,
) -> None:
    """D9u: a review voided by mistake counts again."""
    held = hold(session, assignment.id)
    review = _current(session, held.assignment.id)
    _advance(session, held, "D9u", facts_for(held, actor, role, now, reason=reason, complete=review is not None), actor)
    if review is not None:
        review.voided_at, review.void_reason = None, ""
    refresh(session, held)


def cancel_open(session: Session, actor: Actor, application: Application, now: datetime) -> int:
    """D8: end every open assignment of an application that is no longer read. Returns how many there were."""
    rows = session.scalars(
        sa.select(ReviewAssignment).where(
            ReviewAssignment.application_id == application.id, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT)
        )
    ).all()
    for row in rows:
        facts = Facts(now=now, role=Role.SYSTEM, actor_id=actor.person_id)
        advance(session, row, "D8", facts, actor, place_of(application))
    return len(rows)


# --- what follows -----------------------------------------------------------------------------------------------------


def refresh(session: Session, held: Held) -> None:
    """Make the aggregates of the assignment's target anew, and ask for a third reader where two lie far apart."""
    rubric = _rubric(session, held.round)
    choices = track_choices(session, held.application.id) if _weighs_tracks(held.round, rubric) else ()
    _refresh(session, held, rubric, choices)


def _refresh(session: Session, held: Held, rubric: RubricView, choices: Sequence[Any]) -> None:
    if held.round.kind is RoundKind.CENTRAL_SCORE:
        found = refresh_application(session, held.application, choices)
        _ask_third_reader(session, held, found, rubric)
    elif held.round.kind is RoundKind.CENTRAL_SCREEN:
        session.flush()
    else:
        refresh_target(session, held.assignment)


def _ask_third_reader(session: Session, held: Held, found: Aggregate, rubric: RubricView) -> None:
    if not needs_third_reader(found, rubric.third_reader_spread, held.round.readers):
        return
    application = held.application
    asked = session.scalar(
        sa.select(TeamTask.id)
        .where(TeamTask.application_id == application.id, TeamTask.kind == THIRD_READER, TeamTask.done_at.is_(None))
        .limit(1)
    )
    if asked is None:
        text = f"The readings lie {found.spread:.1f} apart: one more reader is wanted."
        session.add(
            TeamTask(cohort_id=application.cohort_id, application_id=application.id, kind=THIRD_READER, text=text)
        )
        session.flush()


# --- small parts ------------------------------------------------------------------------------------------------------


def _advance(session: Session, held: Held, code: str, facts: Facts, actor: Actor) -> None:
    advance(session, held.assignment, code, facts, actor, place_of(held.application))


def _refuse_when_closed(round_: ReviewRound, now: datetime) -> None:
    if round_.closed_at is not None and now >= round_.closed_at:
        raise refuse(Code.CLOSED)


def _rubric(session: Session, round_: ReviewRound) -> RubricView:
    found = rubric_view(session, round_.rubric_id)
    if found is None:
        raise LookupError(f"round {round_.id} has no rubric")
    return found


def _check(rubric: RubricView, entered: Entered) -> Checked:
    return check_scores(entered.scores, [criterion.key for criterion in rubric.criteria], len(rubric.scale))


def _current(session: Session, assignment_id: int) -> Review | None:
    """The review that is the assignment's last word, voided or not."""
    return session.scalars(
        sa.select(Review).where(Review.assignment_id == assignment_id, Review.superseded_at.is_(None))
    ).one_or_none()


def _weighs_tracks(round_: ReviewRound, rubric: RubricView) -> bool:
    """Whether a reading of the round depends on the applicant's tracks, by its weights or by the scores kept there."""
    return bool(rubric.weights) or round_.kind is RoundKind.CENTRAL_SCORE


def _own_weights(rubric: RubricView, choices: Sequence[Any]) -> dict[str, float]:
    """The weights of the applicant's first track that is still in play."""
    keys = [criterion.key for criterion in rubric.criteria]
    return weights_for(rubric.weights, first_in_play(choices), keys)


def _minutes(entered: Entered) -> float:
    return min(max(entered.minutes, 0.0), MOST_MINUTES)
