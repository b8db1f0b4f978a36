"""The demo's invented reviewers at work: they finish what lies in the queues, by the same actions as anybody's."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application
from matsapply.cohorts.forms import rubric as rubric_by_key
from matsapply.demo import words
from matsapply.people.queries import actor_of
from matsapply.reviews.actions import Entered, start, submit_review
from matsapply.reviews.models import ReviewAssignment, ReviewRound
from matsapply.reviews.rounds import CENTRAL
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import AssignmentState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.forms import RubricView

# Where two disagree a third is asked at once, and reads too.
PASSES = 3
OPEN = (AssignmentState.ASSIGNED, AssignmentState.STARTED)


def finish_readings(session: Session, cohort_id: int, now: datetime) -> int:
    """Let every open central reading of a cohort be submitted, with scores around a quality drawn for each application
    and a severity drawn for each reader; how many were. What a reader may not submit (a conflict, a round that is
    closed) stays open."""
    done = 0
    refused: set[int] = set()
    for _ in range(PASSES):
        waiting = [one for one in _open_readings(session, cohort_id) if one.id not in refused]
        for assignment in waiting:
            try:
                _read(session, assignment, now)
                done += 1
            except Refused:
                refused.add(assignment.id)
        if not waiting:
            break
    return done


def _open_readings(session: Session, cohort_id: int) -> Sequence[ReviewAssignment]:
    return session.scalars(
        sa.select(ReviewAssignment)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .join(Application, Application.id == ReviewAssignment.application_id)
        .where(
            ReviewRound.cohort_id == cohort_id,
            ReviewRound.kind.in_(CENTRAL),
            ReviewRound.closed_at.is_(None),
            ReviewAssignment.state.in_(OPEN),
        )
        .order_by(ReviewAssignment.application_id, ReviewAssignment.id)
    ).all()


def _read(session: Session, assignment: ReviewAssignment, now: datetime) -> None:
    rubric = rubric_by_key(session, assignment.round.rubric_id)
    if rubric is None:
        raise LookupError(f"no rubric {assignment.round.rubric_id}")
    actor = actor_of(session, assignment.reviewer_id, now)
    quality = Random(assignment.application_id).gauss(0.1, 0.9)
    severity = Random(-assignment.reviewer_id).gauss(0, 0.35)
    random = Random(assignment.id)
    entered = Entered(
        _scores(rubric, random, quality + severity),
        note=random.choice(words.NOTES),
        feedback=random.choice(words.FEEDBACK) if random.random() < 0.3 else "",
        confidence=random.randint(2, 5),
        minutes=round(random.uniform(4, 16), 1),
    )
    start(session, actor, assignment, now)
    submit_review(session, actor, assignment, entered, now)


def _scores(rubric: RubricView, random: Random, level: float) -> dict[str, int]:
    steps = len(rubric.scale)
    middle, spread = (1 + steps) / 2, steps / 5
    return {
        criterion.key: min(steps, max(1, round(middle + spread * (level + random.gauss(0, 0.6)))))
        for criterion in rubric.criteria
    }
