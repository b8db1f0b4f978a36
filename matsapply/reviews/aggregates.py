"""Scores kept beside what they describe, always by recomputation from the readings that count.

A reading counts while it is the last number of its assignment, by a human being, not voided, and its reader has no
active conflict of interest with the application. The same sums are exactly rounded, so kept and recomputed are equal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.models import Rubric, StreamEvaluation, Track
from matsapply.evaluations.models import EvaluationInvite, Submission
from matsapply.interviews.models import Interview
from matsapply.platform.db import fetch
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.scoring import Aggregate, aggregate, criterion_means, weighted_total, weights_for
from matsapply.rules.stages import ReviewerKind, RoundKind, TrackChoiceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

OUT_OF_PLAY = (TrackChoiceState.WITHDRAWN, TrackChoiceState.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A kept number that differs from its recomputation."""

    what: str
    subject_id: int
    kept: tuple[object, ...]
    computed: tuple[object, ...]


Scored = tuple[dict[str, int], dict[str, dict[str, float]]]  # scores of a reading, weights of its rubric


def counts() -> sa.ColumnElement[bool]:
    """The condition under which a ``Review`` joined with its ``ReviewAssignment`` counts."""
    return sa.and_(
        Review.superseded_at.is_(None),
        Review.voided_at.is_(None),
        Review.reviewer_kind == ReviewerKind.HUMAN,
        ~in_conflict(ReviewAssignment.reviewer_id, Review.application_id),
    )


def totals_for(track: str | None, readings: Iterable[Scored]) -> list[float]:
    """The weighted total of each reading as the track weighs it."""
    return [weighted_total(scores, weights_for(weights, track, tuple(scores))) for scores, weights in readings]


_CHOICES = (
    sa.select(TrackChoice, Track.key)
    .join(Track, Track.id == TrackChoice.track_id)
    .where(TrackChoice.application_id == sa.bindparam("application_id"))
    .order_by(TrackChoice.rank)
)


def track_choices(session: Session, application_id: int) -> Sequence[Any]:
    """The application's ``(TrackChoice, key of the track)``, in the applicant's order."""
    return session.execute(_CHOICES, {"application_id": application_id}).all()


def refresh_application(session: Session, application: Application, choices: Sequence[Any]) -> Aggregate:
    """Set the scores of the application and of its ``track_choices`` from its central readings. Hold its row locked."""
    readings: list[Scored] = [
        (row.scores, row.weights) for row in fetch(session, _CENTRAL, application_id=application.id)
    ]
    for choice, key in choices:
        own = aggregate(totals_for(key, readings))
        if (choice.score_count, choice.score_sum) != (own.count, own.total):
            # What was calibrated rests on other readings; the job comes to it.
            choice.calibrated = choice.calibrated_margin = choice.chance = choice.doubt = choice.reading_worth = None
        choice.score_count, choice.score_sum, choice.score_mean = own.count, own.total, own.mean
    found = aggregate(totals_for(first_in_play(choices), readings))
    application.score_count, application.score_sum = found.count, found.total
    application.score_mean, application.score_spread = found.mean, found.spread
    application.criterion_means = criterion_means([scores for scores, _ in readings])
    session.flush()
    return found


def first_in_play(choices: Sequence[Any]) -> str | None:
    """The key of the track of the first choice that is still in play."""
    return next((key for choice, key in choices if choice.state not in OUT_OF_PLAY), None)


_ALL_CENTRAL = (
    sa.select(Review.application_id, Review.scores, Rubric.weights)
    .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
    .join(ReviewRound, ReviewRound.id == Review.round_id)
    .join(Rubric, Rubric.id == Review.rubric_id)
    .where(ReviewRound.kind == RoundKind.CENTRAL_SCORE, counts())
)
_CENTRAL = _ALL_CENTRAL.where(Review.application_id == sa.bindparam("application_id"))


# --- marks of the stream phase --------------------------------------------------------------------------------------


def refresh_target(session: Session, assignment: ReviewAssignment) -> None:
    """After a reading of a stream application, a submission or an interview: set the means kept there."""
    session.flush()
    if assignment.submission_id is not None:
        _refresh_submission(session, assignment.submission_id)
    elif assignment.interview_id is not None:
        stream_application = session.scalars(
            sa.select(StreamApplication)
            .join(Interview, Interview.stream_application_id == StreamApplication.id)
            .where(Interview.id == assignment.interview_id)
        ).one()
        stream_application.interview_mean = _interview_mean(session, stream_application.id)
    elif assignment.stream_application_id is not None:
        stream_application = session.get_one(StreamApplication, assignment.stream_application_id)
        stream_application.review_mean = _review_mean(session, stream_application.id)
    session.flush()


def _totals(session: Session, *where: sa.ColumnElement[bool]) -> list[float]:
    query = sa.select(Review.total).join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
    return list(session.scalars(query.where(counts(), *where)))


def _review_mean(session: Session, stream_application_id: int) -> float | None:
    return aggregate(_totals(session, ReviewAssignment.stream_application_id == stream_application_id)).mean


def _interview_mean(session: Session, stream_application_id: int) -> float | None:
    interviews = sa.select(Interview.id).where(Interview.stream_application_id == stream_application_id)
    return aggregate(_totals(session, ReviewAssignment.interview_id.in_(interviews))).mean


def _refresh_submission(session: Session, submission_id: int) -> None:
    submission = session.get_one(Submission, submission_id)
    found = aggregate(_totals(session, ReviewAssignment.submission_id == submission_id))
    submission.mark_count, submission.mark_mean = found.count, found.mean
    session.flush()
    # Every stream of the applicant that uses this task reads the same mark.
    readers = session.scalars(
        sa.select(StreamApplication)
        .join(EvaluationInvite, EvaluationInvite.application_id == StreamApplication.application_id)
        .join(
            StreamEvaluation,
            (StreamEvaluation.evaluation_id == EvaluationInvite.evaluation_id)
            & (StreamEvaluation.stream_id == StreamApplication.stream_id),
        )
        .where(EvaluationInvite.id == submission.invite_id)
    ).all()
    for stream_application in readers:
        stream_application.marks_mean = _marks_mean(session, stream_application)


def _marks_mean(session: Session, stream_application: StreamApplication) -> float | None:
    """The mean of the task marks, each by its weight in the stream; tasks that are not marked yet are left out."""
    rows = session.execute(
        sa.select(StreamEvaluation.weight, Submission.mark_mean)
        .join(EvaluationInvite, EvaluationInvite.evaluation_id == StreamEvaluation.evaluation_id)
        .join(Submission, Submission.invite_id == EvaluationInvite.id)
        .where(
            StreamEvaluation.stream_id == stream_application.stream_id,
            EvaluationInvite.application_id == stream_application.application_id,
            Submission.mark_mean.is_not(None),
        )
    ).all()
    weight = fsum(row.weight for row in rows)
    return fsum(row.weight * row.mark_mean for row in rows) / weight if weight else None


# --- the check ------------------------------------------------------------------------------------------------------


def recompute_check(session: Session, cohort_id: int) -> list[Mismatch]:
    """Every kept central score of a cohort that differs from what its readings come to; empty when all is well."""
    readings: dict[int, list[Scored]] = defaultdict(list)
    for row in session.execute(_ALL_CENTRAL.where(ReviewRound.cohort_id == cohort_id)):
        readings[row.application_id].append((row.scores, row.weights))
    choices: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(
        sa.select(
            TrackChoice.id,
            TrackChoice.application_id,
            TrackChoice.state,
            TrackChoice.score_count,
            TrackChoice.score_sum,
            TrackChoice.score_mean,
            Track.key,
        )
        .join(Track, Track.id == TrackChoice.track_id)
        .where(Track.cohort_id == cohort_id)
        .order_by(TrackChoice.application_id, TrackChoice.rank)
    ):
        choices[row.application_id].append(row)
    found: list[Mismatch] = []
    for kept in session.execute(
        sa.select(
            Application.id,
            Application.score_count,
            Application.score_sum,
            Application.score_mean,
            Application.score_spread,
        ).where(Application.cohort_id == cohort_id)
    ):
        own = choices[kept.id]
        found.extend(_compare("application", kept.id, tuple(kept)[1:], totals_for(_first_key(own), readings[kept.id])))
        for row in own:
            values = (row.score_count, row.score_sum, row.score_mean)
            found.extend(_compare("track_choice", row.id, values, totals_for(row.key, readings[kept.id])))
    return found


def _first_key(rows: Iterable[Any]) -> str | None:
    return next((row.key for row in rows if row.state not in OUT_OF_PLAY), None)


def _compare(what: str, subject_id: int, kept: tuple[object, ...], totals: list[float]) -> list[Mismatch]:
    own = aggregate(totals)
    computed = (own.count, own.total, own.mean, own.spread)[: len(kept)]
    return [] if kept == computed else [Mismatch(what, subject_id, kept, computed)]
