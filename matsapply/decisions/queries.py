"""Reads about decisions for the team. ``visible`` is the condition of what the reader may see."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.models import Stream, Track
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.people.models import Person
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound
from matsapply.rules.stages import (
    ApplicationState,
    AssignmentState,
    BatchState,
    DecisionPath,
    Outcome,
    RoundKind,
    TrackChoiceState,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CURRENT = Decision.superseded_at.is_(None)


# --- decisions on tracks ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TrackProgress:
    """How far one track's decisions are: people under review, and what is recorded for them."""

    track_id: int
    key: str
    name: str
    waiting: int
    advance: int
    not_advance: int
    ineligible: int

    @property
    def total(self) -> int:
        return self.waiting + self.advance + self.not_advance + self.ineligible


def track_progress(
    session: Session, cohort_id: int, visible: sa.ColumnElement[bool], track_id: int | None = None
) -> list[TrackProgress]:
    """Per track: undecided and decided choices of applications that wait for the first result. Two queries."""
    on_choice = sa.and_(Decision.track_choice_id == TrackChoice.id, CURRENT)
    only: tuple[sa.ColumnElement[bool], ...] = () if track_id is None else (TrackChoice.track_id == track_id,)
    rows = session.execute(
        sa.select(TrackChoice.track_id, Decision.outcome, ineligible().label("ruled_out"), sa.func.count())
        .select_from(TrackChoice)
        .join(Application, Application.id == TrackChoice.application_id)
        .outerjoin(Decision, on_choice)
        .where(
            Application.cohort_id == cohort_id,
            Application.state == ApplicationState.SUBMITTED,
            TrackChoice.state == TrackChoiceState.CHOSEN,
            visible,
            *only,
        )
        .group_by(TrackChoice.track_id, Decision.outcome, "ruled_out")
    )
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for track_id, outcome, ruled_out, number in rows:
        counts[track_id]["ineligible" if ruled_out else outcome.value if outcome else "waiting"] += number
    tracks = session.execute(
        sa.select(Track.id, Track.key, Track.name).where(Track.cohort_id == cohort_id).order_by(Track.position)
    )
    return [
        TrackProgress(*track, *(counts[track.id][name] for name in ("waiting", "advance", "not_advance", "ineligible")))
        for track in tracks
        if track_id in {None, track.id}
    ]


def ineligible() -> sa.ColumnElement[bool]:
    """The condition that the ``Application`` is recorded as not eligible."""
    ruled_out = sa.alias(Decision.__table__, "ruled_out")
    return sa.exists().where(
        ruled_out.c.application_id == Application.id,
        ruled_out.c.superseded_at.is_(None),
        ruled_out.c.outcome == Outcome.INELIGIBLE,
    )


# --- of one application -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as the application's page shows it; ``about`` is the track or stream, empty for the application."""

    about: str
    outcome: Outcome
    path: DecisionPath
    reason_code: str
    feedback: str
    by: str
    second_id: int | None
    recorded_at: datetime
    superseded_at: datetime | None
    batch: str | None
    batch_state: BatchState | None


def decisions_of(session: Session, application_id: int) -> list[DecisionRow]:
    """Every decision on an application, superseded ones too, the newest first."""
    rows = session.execute(
        sa.select(
            sa.func.coalesce(Track.name, Stream.name, ""),
            Decision.outcome,
            Decision.path,
            Decision.reason_code,
            Decision.feedback,
            Person.display_name,
            Decision.second_actor_id,
            Decision.recorded_at,
            Decision.superseded_at,
            ReleaseBatch.label,
            ReleaseBatch.state,
        )
        .join(Person, Person.id == Decision.actor_id)
        .outerjoin(TrackChoice, TrackChoice.id == Decision.track_choice_id)
        .outerjoin(Track, Track.id == TrackChoice.track_id)
        .outerjoin(StreamApplication, StreamApplication.id == Decision.stream_application_id)
        .outerjoin(Stream, Stream.id == StreamApplication.stream_id)
        .outerjoin(ReleaseBatch, ReleaseBatch.id == Decision.batch_id)
        .where(Decision.application_id == application_id)
        .order_by(Decision.id.desc())
    )
    return [DecisionRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Reading:
    """A submitted review; ``counts`` False where it was superseded or voided."""

    kind: RoundKind
    reviewer: str
    number: int
    total: float
    scores: dict[str, Any]
    confidence: int | None
    note: str
    feedback: str
    minutes: float | None
    submitted_at: datetime
    snapshot_number: int | None
    superseded: bool
    void_reason: str


def readings_of(session: Session, application_id: int) -> list[Reading]:
    """Every review of an application, of all rounds, in the order they came in."""
    rows = session.execute(
        sa.select(
            ReviewRound.kind,
            Person.display_name,
            Review.number,
            Review.total,
            Review.scores,
            Review.confidence,
            Review.note,
            Review.feedback,
            Review.minutes,
            Review.submitted_at,
            Review.snapshot_number,
            Review.superseded_at.is_not(None),
            Review.void_reason,
        )
        .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
        .join(ReviewRound, ReviewRound.id == Review.round_id)
        .join(Person, Person.id == ReviewAssignment.reviewer_id)
        .where(Review.application_id == application_id)
        .order_by(Review.submitted_at, Review.id)
    )
    return [Reading(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class OpenReading:
    """Who still has to read an application, in which round, and by when."""

    kind: RoundKind
    reviewer: str
    state: AssignmentState
    due_at: datetime | None


def open_readings_of(session: Session, application_id: int) -> list[OpenReading]:
    """The readings that are given and not finished, of all rounds, in the order in which they were given."""
    rows = session.execute(
        sa.select(ReviewRound.kind, Person.display_name, ReviewAssignment.state, ReviewAssignment.due_at)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .join(Person, Person.id == ReviewAssignment.reviewer_id)
        .where(
            ReviewAssignment.application_id == application_id,
            ReviewAssignment.state.in_((AssignmentState.ASSIGNED, AssignmentState.STARTED)),
        )
        .order_by(ReviewAssignment.id)
    )
    return [OpenReading(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was written to an applicant with a released decision; ``about`` names the track or stream, or is empty."""

    about: str
    text: str


def released_feedback(session: Session, application_id: int) -> list[Feedback]:
    """The feedback of the newest released decision on each subject. What waits for its release changes nothing."""
    rows = session.execute(
        sa.select(
            Decision.track_choice_id,
            Decision.stream_application_id,
            Decision.feedback,
            sa.func.coalesce(Track.name, Stream.name, ""),
        )
        .join(ReleaseBatch, ReleaseBatch.id == Decision.batch_id)
        .outerjoin(TrackChoice, TrackChoice.id == Decision.track_choice_id)
        .outerjoin(Track, Track.id == TrackChoice.track_id)
        .outerjoin(StreamApplication, StreamApplication.id == Decision.stream_application_id)
        .outerjoin(Stream, Stream.id == StreamApplication.stream_id)
        .where(Decision.application_id == application_id, ReleaseBatch.state == BatchState.RELEASED)
        .order_by(ReleaseBatch.released_at, Decision.id)
    )
    newest = {(track_id, stream_id): Feedback(about, text) for track_id, stream_id, text, about in rows}
    return [each for each in newest.values() if each.text]
