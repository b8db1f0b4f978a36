"""Reads about release batches for the team. ``visible`` is the condition of what the reader may see."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.models import Stream, Track
from matsapply.decisions.models import BatchExclusion, Decision, ReleaseBatch
from matsapply.people.models import Person
from matsapply.platform.keyset import Order, Page, page_of
from matsapply.rules.stages import BatchScope, BatchState, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

PAGE = 50
CURRENT = Decision.superseded_at.is_(None)


@dataclass(frozen=True, slots=True)
class BatchRow:
    id: int
    public_id: str
    scope: BatchScope
    label: str
    state: BatchState
    member_count: int
    sealed_at: datetime | None
    released_at: datetime | None
    created_at: datetime


def batches(session: Session, cohort_id: int) -> list[BatchRow]:
    """A cohort's batches, the newest first."""
    rows = session.execute(_batch_rows().where(ReleaseBatch.cohort_id == cohort_id).order_by(ReleaseBatch.id.desc()))
    return [BatchRow(*row) for row in rows]


def _batch_rows() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        ReleaseBatch.id,
        ReleaseBatch.public_id,
        ReleaseBatch.scope,
        ReleaseBatch.label,
        ReleaseBatch.state,
        ReleaseBatch.member_count,
        ReleaseBatch.sealed_at,
        ReleaseBatch.released_at,
        ReleaseBatch.created_at,
    )


def free_decisions(session: Session, cohort_id: int) -> dict[Outcome, int]:
    """Recorded decisions that no batch holds yet."""
    rows = session.execute(
        sa.select(Decision.outcome, sa.func.count())
        .where(Decision.cohort_id == cohort_id, CURRENT, Decision.batch_id.is_(None))
        .group_by(Decision.outcome)
    )
    return dict(tuple(row) for row in rows)


def outcomes_in(session: Session, batch_id: int) -> dict[Outcome, int]:
    rows = session.execute(
        sa.select(Decision.outcome, sa.func.count())
        .where(Decision.batch_id == batch_id, CURRENT)
        .group_by(Decision.outcome)
    )
    return dict(tuple(row) for row in rows)


def people_in(session: Session, batch_id: int) -> int:
    """How many people a batch tells something: what has to be typed to release it."""
    return (
        session.scalar(
            sa.select(sa.func.count(sa.distinct(Decision.application_id))).where(Decision.batch_id == batch_id, CURRENT)
        )
        or 0
    )


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a batch, with what they will read: (track or stream, outcome, feedback)."""

    application_id: int
    public_id: str
    person_id: int
    name: str
    results: tuple[tuple[str, Outcome, str], ...]


def member_page(
    session: Session,
    batch_id: int,
    visible: sa.ColumnElement[bool],
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of ``Member``, by name: two queries."""
    inside = sa.exists().where(Decision.application_id == Application.id, Decision.batch_id == batch_id, CURRENT)
    statement = (
        sa.select(Application.id, Application.public_id, Person.id.label("person"), Person.display_name)
        .join(Person, Person.id == Application.person_id)
        .where(inside, visible)
    )
    order = Order(sa.func.lower(Person.display_name, type_=sa.String()), Application.id.expression)
    page = page_of(session, statement, order, after=after, before=before, limit=limit)
    results = _results(session, batch_id, [row.id for row in page.rows])
    rows = tuple(
        Member(row.id, row.public_id, row.person, row.display_name, tuple(results[row.id])) for row in page.rows
    )
    return Page(rows, page.next_cursor, page.prev_cursor)


def _results(
    session: Session, batch_id: int, application_ids: Sequence[int]
) -> dict[int, list[tuple[str, Outcome, str]]]:
    found: dict[int, list[tuple[str, Outcome, str]]] = defaultdict(list)
    if not application_ids:
        return found
    rows = session.execute(
        sa.select(
            Decision.application_id,
            sa.func.coalesce(Track.name, Stream.name, ""),
            Decision.outcome,
            Decision.feedback,
        )
        .outerjoin(TrackChoice, TrackChoice.id == Decision.track_choice_id)
        .outerjoin(Track, Track.id == TrackChoice.track_id)
        .outerjoin(StreamApplication, StreamApplication.id == Decision.stream_application_id)
        .outerjoin(Stream, Stream.id == StreamApplication.stream_id)
        .where(Decision.batch_id == batch_id, CURRENT, Decision.application_id.in_(application_ids))
        .order_by(TrackChoice.rank, Decision.id)
    )
    for application_id, about, outcome, feedback in rows:
        found[application_id].append((about, outcome, feedback))
    return found


@dataclass(frozen=True, slots=True)
class Excluded:
    public_id: str
    name: str
    reason: str
    by_id: int


def exclusions(session: Session, batch_id: int, visible: sa.ColumnElement[bool]) -> list[Excluded]:
    rows = session.execute(
        sa.select(Application.public_id, Person.display_name, BatchExclusion.reason, BatchExclusion.actor_id)
        .join(Application, Application.id == BatchExclusion.application_id)
        .join(Person, Person.id == Application.person_id)
        .where(BatchExclusion.batch_id == batch_id, visible)
        .order_by(BatchExclusion.id)
    )
    return [Excluded(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Somebody in scope who is neither decided nor excluded; ``about`` names what is undecided."""

    application_id: int
    public_id: str
    name: str
    about: tuple[str, ...]


def forgotten(
    session: Session, lacking: Sequence[Any], visible: sa.ColumnElement[bool], names: dict[int, str]
) -> list[Forgotten]:
    """The result of ``actions.missing`` person by person; ``names`` are those of tracks or streams by key."""
    about: dict[int, list[str]] = defaultdict(list)
    for one in lacking:
        about[one.application_id].append(names.get(int(one.subject), one.subject))
    rows = session.execute(
        sa.select(Application.id, Application.public_id, Person.display_name)
        .join(Person, Person.id == Application.person_id)
        .where(Application.id.in_(about), visible)
        .order_by(sa.func.lower(Person.display_name))
    )
    return [Forgotten(row.id, row.public_id, row.display_name, tuple(about[row.id])) for row in rows]
