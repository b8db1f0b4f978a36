"""A reviewer's lists: what is to be read and what was finished. No essays and no names are loaded for them.

Every query starts from ``mine``: assignments of the actor's own, within a grant in force, without an active conflict
of interest. What falls outside is simply not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import Track
from matsapply.platform.db import fetch, fixed
from matsapply.reviews.aggregates import OUT_OF_PLAY
from matsapply.reviews.models import Review, ReviewAssignment, ReviewComment, ReviewRound
from matsapply.reviews.rounds import CENTRAL
from matsapply.reviews.visibility import in_conflict, within_grants
from matsapply.rules.access import Actor
from matsapply.rules.stages import ApplicationState, AssignmentState, Role, RoundKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Grant

OPEN = (AssignmentState.ASSIGNED, AssignmentState.STARTED)
READABLE = (*OPEN, AssignmentState.SUBMITTED)
MOST_ROWS = 200
KEPT_STATEMENTS = 200
CODE_LENGTH = 6


class QueueRow(NamedTuple):
    """One open reading. ``code`` names the application without telling whose it is."""

    public_id: str
    code: str
    track: str
    kind: RoundKind
    state: AssignmentState
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Queue:
    """The open readings in the order to read them, and what one's finished ones come to."""

    rows: tuple[QueueRow, ...]
    totals: tuple[float, ...]
    median_minutes: float | None

    @property
    def done(self) -> int:
        return len(self.totals)


@dataclass(frozen=True, slots=True)
class DoneRow:
    """One finished reading. The aggregate is there because the reader's own review is in."""

    public_id: str
    code: str
    track: str
    kind: RoundKind
    total: float
    number: int
    minutes: float | None
    submitted_at: datetime
    mean: float | None
    spread: float | None
    count: int
    may_open: bool
    may_correct: bool
    newer_version: bool
    said: int


def short_code(public_id: str) -> str:
    """A short name for an application, for people: the beginning of its public id."""
    return public_id[:CODE_LENGTH].upper()


# Statements are put together once for each set of grants; the reader's own key is a value of theirs.
READER: sa.BindParameter[int] = sa.bindparam("reader", type_=sa.BigInteger)


def mine(grants: frozenset[Grant]) -> sa.ColumnElement[bool]:
    """Assignments that ``READER`` may see as a reviewer of central rounds; join Application and ReviewRound."""
    actor = Actor(0, grants)
    return sa.and_(
        ReviewAssignment.reviewer_id == READER,
        ReviewRound.kind.in_(fixed(CENTRAL)),
        within_grants(actor, Role.REVIEWER),
        Application.person_id != ReviewAssignment.reviewer_id,
        ~in_conflict(ReviewAssignment.reviewer_id, ReviewAssignment.application_id),
    )


def _first_track() -> Any:
    """The name of the applicant's first track that is in play."""
    return (
        sa.select(Track.name)
        .join(TrackChoice, TrackChoice.track_id == Track.id)
        .where(TrackChoice.application_id == Application.id, TrackChoice.state.not_in(OUT_OF_PLAY))
        .order_by(TrackChoice.rank)
        .limit(1)
        .correlate(Application)
        .scalar_subquery()
    )


def assignments(*columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(ReviewAssignment)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .join(Application, Application.id == ReviewAssignment.application_id)
    )


# By date, then by a random id: two readers of the same applications do not meet them in the same order. What was put
# off comes when the others are done, in the order in which it was.
_ORDER = (
    ReviewAssignment.skipped_at.asc().nulls_first(),
    ReviewAssignment.due_at.asc().nulls_last(),
    ReviewAssignment.public_id,
)


def queue(session: Session, actor: Actor) -> Queue:
    """The open readings and a summary of the finished ones: two queries, however many rows."""
    reader = actor.person_id or 0
    rows = fetch(session, _queue_of(actor.grants), reader=reader)
    finished = fetch(session, _finished_of(actor.grants), reader=reader)
    minutes = [spent for _, spent in finished if spent]
    return Queue(
        tuple(QueueRow(own, short_code(code), track or "", *rest) for own, code, track, *rest in rows),
        tuple(total for total, _ in finished),
        median(minutes) if minutes else None,
    )


@lru_cache(maxsize=KEPT_STATEMENTS)
def _queue_of(grants: frozenset[Grant]) -> sa.Select[Any]:
    return (
        assignments(
            ReviewAssignment.public_id,
            Application.public_id.label("application"),
            _first_track().label("track"),
            ReviewRound.kind,
            ReviewAssignment.state,
            ReviewAssignment.due_at,
        )
        .where(mine(grants), ReviewAssignment.state.in_(fixed(OPEN)))
        .order_by(*_ORDER)
        .limit(MOST_ROWS)
    )


@lru_cache(maxsize=KEPT_STATEMENTS)
def _finished_of(grants: frozenset[Grant]) -> sa.Select[Any]:
    return (
        assignments(Review.total, Review.minutes)
        .join(Review, Review.assignment_id == ReviewAssignment.id)
        .where(mine(grants), ReviewAssignment.state == AssignmentState.SUBMITTED, Review.superseded_at.is_(None))
    )


def open_order(session: Session, actor: Actor, track: str = "") -> list[str]:
    """The public ids of the open readings in the order to read them; with the key of a track, those that chose it."""
    values = {"track": track} if track else {}
    rows = fetch(session, _order_of(actor.grants, bool(track)), reader=actor.person_id or 0, **values)
    return [row[0] for row in rows]


@lru_cache(maxsize=KEPT_STATEMENTS)
def _order_of(grants: frozenset[Grant], of_track: bool) -> sa.Select[Any]:
    open_ones = assignments(ReviewAssignment.public_id).where(mine(grants), ReviewAssignment.state.in_(fixed(OPEN)))
    if of_track:
        choice = aliased(TrackChoice)
        chosen = (
            sa.select(choice.application_id)
            .join(Track, Track.id == choice.track_id)
            .where(Track.key == sa.bindparam("track", type_=sa.String), choice.state.not_in(OUT_OF_PLAY))
        )
        open_ones = open_ones.where(Application.id.in_(chosen))
    return open_ones.order_by(*_ORDER)


def next_open(session: Session, actor: Actor, after: str = "", track: str = "") -> str | None:
    """The reading that follows ``after`` in the order; the first one at its end, or where ``after`` is not in it.

    None where nothing else is open.
    """
    order = open_order(session, actor, track)
    place = order.index(after) + 1 if after in order else 0
    following = [ref for ref in (*order[place:], *order[:place]) if ref != after]
    return following[0] if following else None


def own_assignment(session: Session, actor: Actor, public_id: str) -> ReviewAssignment | None:
    """The assignment itself, for an act on it; None where it is not one of the actor's to see."""
    return session.scalars(
        _own_of(actor.grants), {"reader": actor.person_id or 0, "public_id": public_id}
    ).one_or_none()


@lru_cache(maxsize=KEPT_STATEMENTS)
def _own_of(grants: frozenset[Grant]) -> sa.Select[Any]:
    return assignments(ReviewAssignment).where(*readable(grants))


def readable(grants: frozenset[Grant]) -> tuple[sa.ColumnElement[bool], ...]:
    """The reading ``public_id`` of ``READER``, as long as it may be looked at."""
    return (
        mine(grants),
        ReviewAssignment.public_id == sa.bindparam("public_id"),
        ReviewAssignment.state.in_(fixed(READABLE)),
        Application.state != ApplicationState.CLOSED,
    )


# --- what was finished ------------------------------------------------------------------------------------------------


def done(session: Session, actor: Actor, now: datetime, *, limit: int = MOST_ROWS) -> list[DoneRow]:
    """The actor's finished readings, the newest first. One query."""
    rows = session.execute(
        assignments(
            ReviewAssignment.public_id,
            Application.public_id.label("application"),
            Application.state,
            Application.score_mean,
            Application.score_spread,
            Application.score_count,
            Application.snapshot_number,
            _first_track().label("track"),
            ReviewRound.kind,
            ReviewRound.closed_at,
            Review.total,
            Review.number,
            Review.minutes,
            Review.submitted_at,
            Review.snapshot_number.label("read_number"),
            _said_by_others().label("said"),
        )
        .join(Review, Review.assignment_id == ReviewAssignment.id)
        .where(mine(actor.grants), ReviewAssignment.state == AssignmentState.SUBMITTED, Review.superseded_at.is_(None))
        .order_by(Review.submitted_at.desc(), Review.id.desc())
        .limit(limit),
        {"reader": actor.person_id or 0},
    )
    return [_done_row(row, now) for row in rows]


def _said_by_others() -> Any:
    """How many comments other readers, none of them in conflict, have made on the application of a reading."""
    theirs = aliased(ReviewAssignment)
    return (
        sa.select(sa.func.count())
        .select_from(ReviewComment)
        .join(theirs, theirs.id == ReviewComment.assignment_id)
        .where(
            ReviewComment.application_id == ReviewAssignment.application_id,
            ReviewComment.round_id == ReviewAssignment.round_id,
            ReviewComment.withdrawn_at.is_(None),
            theirs.id != ReviewAssignment.id,
            ~in_conflict(theirs.reviewer_id, ReviewComment.application_id),
        )
        .correlate(ReviewAssignment)
        .scalar_subquery()
    )


def _done_row(row: Any, now: datetime) -> DoneRow:
    scored = row.kind is RoundKind.CENTRAL_SCORE
    may_open = row.state is not ApplicationState.CLOSED
    return DoneRow(
        public_id=row.public_id,
        code=short_code(row.application),
        track=row.track or "",
        kind=row.kind,
        total=row.total,
        number=row.number,
        minutes=row.minutes,
        submitted_at=row.submitted_at,
        mean=row.score_mean if scored else None,
        spread=row.score_spread if scored else None,
        count=row.score_count if scored else 0,
        may_open=may_open,
        may_correct=may_open and (row.closed_at is None or now < row.closed_at),
        newer_version=(row.read_number or 0) < (row.snapshot_number or 0),
        said=row.said,
    )
