"""The team's list of applications: sorted, filtered, searched, counted.

``visible`` is always the condition of what the reader may see (grants, no conflict of interest): whoever asks states
it. Lists select columns and no essays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, TrackChoice
from matsapply.people.models import EmailAddress, Person
from matsapply.platform.db import PUBLIC_ID_LENGTH
from matsapply.platform.keyset import Order, Page, page_of
from matsapply.rules.stages import ApplicationState, CloseReason, TrackChoiceState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PAGE = 50
LIKE_ESCAPE = "\\"

ORDERS: dict[str, tuple[sa.ColumnElement[Any], bool]] = {
    "score": (Application.score_mean.expression, True),
    "spread": (Application.score_spread.expression, True),
    "submitted": (Application.submitted_at.expression, True),
    "name": (sa.func.lower(Person.display_name, type_=sa.String()), False),
}
"""The sorts of the list, by name; each also with "-" before it. The flag: the column may be empty."""


class UnknownSort(ValueError):
    """A sort that the list does not have."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for; empty fields ask for nothing."""

    words: str = ""
    track_id: int | None = None
    state: ApplicationState | None = None


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """One line of the list. ``tracks`` are (track key, its state) in the applicant's order."""

    id: int
    public_id: str
    name: str
    state: ApplicationState
    close_reason: CloseReason | None
    submitted_at: datetime | None
    score_count: int
    score_mean: float | None
    score_spread: float | None
    tracks: tuple[tuple[int, TrackChoiceState], ...] = ()


def order_named(sort: str) -> Order:
    """The order of that name; raises ``UnknownSort``."""
    name = sort.removeprefix("-")
    if name not in ORDERS:
        raise UnknownSort(sort)
    column, nullable = ORDERS[name]
    return Order(column, Application.id.expression, down=sort.startswith("-"), nullable=nullable)


def application_page(
    session: Session,
    cohort_id: int,
    visible: sa.ColumnElement[bool],
    *,
    wanted: Filter,
    sort: str = "-score",
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of ``ApplicationRow``: two queries (three where scored and unscored rows meet), however long the list.

    Raises ``UnknownSort`` and ``keyset.BadCursor``.
    """
    statement = (
        sa.select(
            Application.id,
            Application.public_id,
            Person.display_name,
            Application.state,
            Application.close_reason,
            Application.submitted_at,
            Application.score_count,
            Application.score_mean,
            Application.score_spread,
        )
        .join(Person, Person.id == Application.person_id)
        .where(Application.cohort_id == cohort_id, visible)
    )
    if wanted.state is not None:
        statement = statement.where(Application.state == wanted.state)
    if wanted.track_id is not None:
        chose = sa.exists().where(TrackChoice.application_id == Application.id, TrackChoice.track_id == wanted.track_id)
        statement = statement.where(chose)
    if words := wanted.words.strip():
        statement = statement.where(matches(words))
    page = page_of(session, statement, order_named(sort), after=after, before=before, limit=limit)
    tracks: dict[int, list[tuple[int, TrackChoiceState]]] = defaultdict(list)
    ids = [row.id for row in page.rows]
    if ids:
        for application_id, track_id, state in session.execute(
            sa.select(TrackChoice.application_id, TrackChoice.track_id, TrackChoice.state)
            .where(TrackChoice.application_id.in_(ids))
            .order_by(TrackChoice.application_id, TrackChoice.rank)
        ):
            tracks[application_id].append((track_id, state))
    rows = tuple(ApplicationRow(*[*row[:9], tuple(tracks[row.id])]) for row in page.rows)
    return Page(rows, page.next_cursor, page.prev_cursor)


def matches(words: str) -> sa.ColumnElement[bool]:
    """Whether an application is meant by ``words``: its public id, an address, or part of a name. Nothing in
    ``words`` is a pattern."""
    wanted = words.strip().lower()
    if "@" in wanted:
        owner = sa.select(EmailAddress.person_id).where(EmailAddress.address.like(_part(wanted), escape=LIKE_ESCAPE))
        return Application.person_id.in_(owner)
    named = sa.select(Person.id).where(sa.func.lower(Person.display_name).like(_part(wanted), escape=LIKE_ESCAPE))
    by_name = Application.person_id.in_(named)
    looks_like_an_id = len(wanted) == PUBLIC_ID_LENGTH and wanted.isalnum()
    return sa.or_(by_name, Application.public_id == wanted) if looks_like_an_id else by_name


def _part(words: str) -> str:
    return "%" + "".join(LIKE_ESCAPE + each if each in "%_\\" else each for each in words) + "%"


def state_counts(session: Session, cohort_id: int, visible: sa.ColumnElement[bool]) -> dict[ApplicationState, int]:
    """How many applications stand in each state."""
    rows = session.execute(
        sa.select(Application.state, sa.func.count())
        .where(Application.cohort_id == cohort_id, visible)
        .group_by(Application.state)
    )
    return dict(tuple(row) for row in rows)
