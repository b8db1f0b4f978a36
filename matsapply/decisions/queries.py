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
from matsapply.platform.keyset import Order, Page, page_of
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound
from matsapply.rules.stages import (
    ApplicationState,
    BatchState,
    DecisionPath,
    Outcome,
    RoundKind,
    TrackChoiceState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

PAGE = 50
MOST_AT_ONCE = 2000
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


def track_progress(session: Session, cohort_id: int, visible: sa.ColumnElement[bool]) -> list[TrackProgress]:
    """Per track: undecided and decided choices of applications that wait for the first result. Two queries."""
    on_choice = sa.and_(Decision.track_choice_id == TrackChoice.id, CURRENT)
    rows = session.execute(
        sa.select(TrackChoice.track_id, Decision.outcome, _ineligible().label("ruled_out"), sa.func.count())
        .select_from(TrackChoice)
        .join(Application, Application.id == TrackChoice.application_id)
        .outerjoin(Decision, on_choice)
        .where(
            Application.cohort_id == cohort_id,
            Application.state == ApplicationState.SUBMITTED,
            TrackChoice.state == TrackChoiceState.CHOSEN,
            visible,
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
    ]


def _ineligible() -> sa.ColumnElement[bool]:
    ruled_out = sa.alias(Decision.__table__, "ruled_out")
    return sa.exists().where(
        ruled_out.c.application_id == Application.id,
        ruled_out.c.superseded_at.is_(None),
        ruled_out.c.outcome == Outcome.INELIGIBLE,
    )


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A line of a track's table. ``settled``: the decision stands in a sealed or released batch."""

    id: int
    application_id: int
    public_id: str
    name: str
    score_count: int
    score_mean: float | None
    spread: float | None
    outcome: Outcome | None
    path: DecisionPath | None
    has_feedback: bool
    batch_state: BatchState | None
    ruled_out: bool

    @property
    def settled(self) -> bool:
        return self.batch_state in {BatchState.SEALED, BatchState.RELEASED}


def choice_page(
    session: Session,
    track_id: int,
    visible: sa.ColumnElement[bool],
    *,
    decided: bool | None = None,
    down: bool = True,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of ``ChoiceRow`` by the track's own mean; ``decided`` keeps those with or without a decision."""
    statement = _choices(track_id, visible)
    if decided is not None:
        statement = statement.where(Decision.id.is_not(None) if decided else Decision.id.is_(None))
        if not decided:
            statement = statement.where(~_ineligible())
    order = Order(TrackChoice.score_mean.expression, TrackChoice.id.expression, down=down, nullable=True)
    page = page_of(session, statement, order, after=after, before=before, limit=limit)
    return Page(tuple(_choice_row(row) for row in page.rows), page.next_cursor, page.prev_cursor)


def choices_named(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], choice_ids: Iterable[int]
) -> list[ChoiceRow]:
    """The lines of these choices, best first."""
    statement = _choices(track_id, visible).where(TrackChoice.id.in_(set(choice_ids)))
    rows = session.execute(_best_first(statement)).all()
    return [_choice_row(row) for row in rows]


def top_undecided(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], number: int
) -> tuple[list[ChoiceRow], int]:
    """The best ``number`` of a track counting those advanced already: who is still to be advanced, and how many are."""
    advanced = (
        session.scalar(
            sa.select(sa.func.count()).select_from(
                _choices(track_id, visible).where(Decision.outcome == Outcome.ADVANCE).subquery()
            )
        )
        or 0
    )
    wanted = max(0, min(number - advanced, MOST_AT_ONCE))
    if not wanted:
        return [], advanced
    statement = _choices(track_id, visible).where(
        Decision.id.is_(None), TrackChoice.score_mean.is_not(None), ~_ineligible()
    )
    rows = session.execute(_best_first(statement).limit(wanted)).all()
    return [_choice_row(row) for row in rows], advanced


def rest_undecided(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], readers: int, limit: int = MOST_AT_ONCE
) -> list[ChoiceRow]:
    """Everybody of a track who has enough readings and no decision yet."""
    statement = _choices(track_id, visible).where(
        Decision.id.is_(None), Application.score_count >= readers, ~_ineligible()
    )
    return [_choice_row(row) for row in session.execute(_best_first(statement).limit(limit)).all()]


def _best_first(statement: sa.Select[*tuple[Any, ...]]) -> sa.Select[*tuple[Any, ...]]:
    return statement.order_by(TrackChoice.score_mean.is_(None), TrackChoice.score_mean.desc(), TrackChoice.id)


def _choices(track_id: int, visible: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            TrackChoice.id,
            Application.id.label("application_id"),
            Application.public_id,
            Person.display_name,
            TrackChoice.score_count,
            TrackChoice.score_mean,
            Application.score_spread,
            Decision.outcome,
            Decision.path,
            (Decision.feedback != "").label("has_feedback"),
            ReleaseBatch.state.label("batch_state"),
            _ineligible().label("ruled_out"),
        )
        .join(Application, Application.id == TrackChoice.application_id)
        .join(Person, Person.id == Application.person_id)
        .outerjoin(Decision, sa.and_(Decision.track_choice_id == TrackChoice.id, CURRENT))
        .outerjoin(ReleaseBatch, ReleaseBatch.id == Decision.batch_id)
        .where(
            TrackChoice.track_id == track_id,
            TrackChoice.state == TrackChoiceState.CHOSEN,
            Application.state == ApplicationState.SUBMITTED,
            visible,
        )
    )


def _choice_row(row: Any) -> ChoiceRow:
    return ChoiceRow(*[*row[:9], bool(row[9]), row[10], bool(row[11])])


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
