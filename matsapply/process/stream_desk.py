"""What the people of a stream see of their candidates.

The firewall is here. A stream sees whoever applied to it, from the moment the application reaches the streams, and no
longer than the person stays; never where else the person applied, never the applicant's order. A reader never sees
whom a conflict of interest stands between, nor oneself. A mean of readings shows once the reader has handed in an own
one; whoever decides for the stream sees it unless an own reading is still open (invariant 22).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.decisions.models import Decision
from matsapply.evaluations.models import InviteStream, Submission
from matsapply.evaluations.queries import READABLE
from matsapply.interviews.models import Interview
from matsapply.offers.models import RankingEntry
from matsapply.people.models import Person
from matsapply.reviews.models import ReviewAssignment, ReviewRound
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    ApplicationState,
    AssignmentState,
    Outcome,
    RoundKind,
    StreamApplicationState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from matsapply.process.own_streams import OwnStream

# Nobody sees a candidate before the application reaches the streams, or after the candidate has left.
SEEN = READABLE - {StreamApplicationState.CHOSEN}
PAGE = 50
SORTS = ("rank", "name", "score", "review", "marks", "interview")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is looking at a stream's candidates, and whether they decide for it."""

    person_id: int
    decides: bool


def seen_by(reader: Reader) -> sa.ColumnElement[bool]:
    """The filter on ``StreamApplication`` joined with ``Application`` that every read of candidates carries."""
    return sa.and_(
        StreamApplication.state.in_(SEEN),
        Application.state.in_([ApplicationState.IN_STREAMS, ApplicationState.CLOSED]),
        Application.person_id != reader.person_id,
        ~in_conflict(reader.person_id, Application.id),
    )


def _readings(reader: Reader, kind: RoundKind, states: Iterable[AssignmentState]) -> sa.Exists:
    """Whether the reader has readings of that kind of this candidate, in one of the states."""
    target: sa.ColumnElement[bool]
    if kind is RoundKind.STREAM_REVIEW:
        target = ReviewAssignment.stream_application_id == StreamApplication.id
    elif kind is RoundKind.INTERVIEW:
        target = ReviewAssignment.interview_id.in_(
            sa.select(Interview.id).where(Interview.stream_application_id == StreamApplication.id)
        )
    else:
        target = ReviewAssignment.submission_id.in_(
            sa.select(Submission.id)
            .join(InviteStream, InviteStream.invite_id == Submission.invite_id)
            .where(InviteStream.stream_application_id == StreamApplication.id)
        )
    return (
        sa.exists()
        .where(
            ReviewAssignment.reviewer_id == reader.person_id,
            ReviewAssignment.application_id == StreamApplication.application_id,
            ReviewAssignment.round_id == ReviewRound.id,
            ReviewRound.kind == kind,
            ReviewAssignment.state.in_(list(states)),
            target,
        )
        .correlate(StreamApplication)
    )


def shown(reader: Reader, column: Any, kind: RoundKind) -> sa.ColumnElement[float | None]:
    """The mean in ``column`` where the reader may know it, else NULL: sorting by it tells nothing either."""
    conditions: sa.ColumnElement[bool] = _readings(reader, kind, [AssignmentState.SUBMITTED])
    if reader.decides:
        conditions = sa.or_(conditions, ~_readings(reader, kind, ACTIVE_ASSIGNMENT))
    if kind is RoundKind.TASK_MARKING:
        asked = sa.exists().where(InviteStream.stream_application_id == StreamApplication.id)
        conditions = sa.and_(conditions, asked.correlate(StreamApplication))
    return sa.case((conditions, column), else_=None)


# --- the table of candidates ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """One line of the table. Means are None where there is none, or where the reader may not know it yet."""

    id: int
    public_id: str
    name: str
    state: StreamApplicationState
    score: float | None
    review: float | None
    marks: float | None
    interview: float | None
    place: int | None
    decision: Outcome | None


@dataclass(frozen=True, slots=True)
class CandidatePage:
    rows: list[Candidate]
    next_cursor: str | None
    total: int
    counts: dict[StreamApplicationState, int] = field(default_factory=dict)


def funnel(session: Session, stream_id: int, reader: Reader) -> dict[StreamApplicationState, int]:
    """How many candidates the reader may see stand in each state. One query."""
    rows = session.execute(
        sa.select(StreamApplication.state, sa.func.count())
        .join(Application, Application.id == StreamApplication.application_id)
        .where(StreamApplication.stream_id == stream_id, seen_by(reader))
        .group_by(StreamApplication.state)
    )
    return {row[0]: row[1] for row in rows}


def candidates(
    session: Session,
    stream: OwnStream,
    reader: Reader,
    *,
    ranking_id: int | None = None,
    sort: str = "rank",
    states: frozenset[StreamApplicationState] = frozenset(),
    words: str = "",
    after: str = "",
    limit: int = PAGE,
) -> CandidatePage:
    """A page of the stream's candidates: two queries whatever the rows, three with a search.

    ``sort`` is one of ``SORTS``, with ``-`` before it for the other direction; anything else sorts by rank. Raises
    ``ValueError`` for an ``after`` that no page gave.
    """
    words = words.replace("\x00", "")
    counts = funnel(session, stream.id, reader)
    key, descending = _sort(sort)
    columns = _columns(stream, reader)
    value = columns[key]
    query = _rows(stream, reader, columns, ranking_id)
    if states:
        query = query.where(StreamApplication.state.in_(states))
    if words.strip():
        pattern = "%" + words.strip()[:100].lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(sa.func.lower(Person.display_name).like(pattern, escape="\\"))
    total = sum(number for state, number in counts.items() if not states or state in states)
    if words.strip():
        total = session.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
    if after:
        query = query.where(_beyond(value, descending, *_place(after)))
    order = [sa.case((value.is_(None), 1), else_=0), value.desc() if descending else value.asc(), StreamApplication.id]
    rows = session.execute(query.add_columns(value.label("sorted_by")).order_by(*order).limit(limit + 1)).all()
    page = [Candidate(*row[:-1]) for row in rows[:limit]]
    cursor = _cursor(rows[limit - 1][-1], page[-1].id) if len(rows) > limit else None
    return CandidatePage(page, cursor, total, counts)


def one_candidate(
    session: Session, stream: OwnStream, reader: Reader, public_id: str, ranking_id: int | None = None
) -> Candidate | None:
    """The candidate of that id, if the reader may see it."""
    query = _rows(stream, reader, _columns(stream, reader), ranking_id)
    row = session.execute(query.where(StreamApplication.public_id == public_id)).one_or_none()
    return Candidate(*row) if row else None


def all_candidates(
    session: Session,
    stream: OwnStream,
    reader: Reader,
    states: frozenset[StreamApplicationState],
    ranking_id: int | None = None,
    limit: int = 1000,
) -> list[Candidate]:
    """The evidence table of the ranking: everybody in ``states``, best central mean first. One query."""
    columns = _columns(stream, reader)
    query = _rows(stream, reader, columns, ranking_id).where(StreamApplication.state.in_(states))
    score = columns["score"]
    order = [sa.case((score.is_(None), 1), else_=0), score.desc(), StreamApplication.id]
    return [Candidate(*row) for row in session.execute(query.order_by(*order).limit(limit))]


def _columns(stream: OwnStream, reader: Reader) -> dict[str, Any]:
    return {
        "rank": RankingEntry.position,
        "name": sa.func.lower(Person.display_name),
        "score": TrackChoice.score_mean,
        "review": shown(reader, StreamApplication.review_mean, RoundKind.STREAM_REVIEW),
        "marks": shown(reader, StreamApplication.marks_mean, RoundKind.TASK_MARKING),
        "interview": shown(reader, StreamApplication.interview_mean, RoundKind.INTERVIEW),
    }


def _rows(stream: OwnStream, reader: Reader, columns: dict[str, Any], ranking_id: int | None) -> sa.Select[Any]:
    """The central mean is that of the stream's own track: another one would tell of the applicant's order."""
    return (
        sa.select(
            StreamApplication.id,
            StreamApplication.public_id,
            Person.display_name,
            StreamApplication.state,
            columns["score"].label("score"),
            columns["review"].label("review"),
            columns["marks"].label("marks"),
            columns["interview"].label("interview"),
            RankingEntry.position,
            Decision.outcome,
        )
        .join(Application, Application.id == StreamApplication.application_id)
        .join(Person, Person.id == Application.person_id)
        .outerjoin(
            TrackChoice,
            sa.and_(TrackChoice.application_id == Application.id, TrackChoice.track_id == stream.main_track_id),
        )
        .outerjoin(
            RankingEntry,
            sa.and_(
                RankingEntry.stream_application_id == StreamApplication.id, RankingEntry.ranking_id == (ranking_id or 0)
            ),
        )
        .outerjoin(
            Decision,
            sa.and_(Decision.stream_application_id == StreamApplication.id, Decision.superseded_at.is_(None)),
        )
        .where(StreamApplication.stream_id == stream.id, seen_by(reader))
    )


def _sort(text: str) -> tuple[str, bool]:
    key = text.removeprefix("-")
    return (key, text.startswith("-")) if key in SORTS else ("rank", False)


def _beyond(value: Any, descending: bool, last: Any, last_id: int) -> sa.ColumnElement[bool]:
    """Rows after the last one of a page: by value, then by key; rows without a value come last."""
    if last is None:
        return sa.and_(value.is_(None), StreamApplication.id > last_id)
    further = value < last if descending else value > last
    return sa.or_(further, sa.and_(value == last, StreamApplication.id > last_id), value.is_(None))


def _cursor(value: Any, key: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([value, key]).encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[Any, int]:
    try:
        value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError("no such page") from error
    if not isinstance(key, int) or isinstance(key, bool) or not 0 <= key < 2**63:
        raise ValueError("no such page")
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError("no such page")
    return value, key
