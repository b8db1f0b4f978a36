"""The team's list of applications: sorted, filtered, searched, counted.

``visible`` is always the condition of what the reader may see (grants, no conflict of interest): whoever asks states
it. Lists select columns and no essays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from matsapply.applications.models import Application, TrackChoice
from matsapply.people.models import EmailAddress, Person
from matsapply.platform.db import PUBLIC_ID_LENGTH, fetch
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


class ApplicationRow(NamedTuple):
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


@lru_cache(maxsize=20)
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
    matching = _matching(wanted.words)
    statement = _listed(
        visible, wanted.state is not None, wanted.track_id is not None, matching, session.get_bind().dialect.name
    )
    values: dict[str, Any] = {"cohort_id": cohort_id, **_words(wanted.words)}
    values |= {} if wanted.state is None else {"state": wanted.state}
    values |= {} if wanted.track_id is None else {"track_id": wanted.track_id}
    page = page_of(session, statement, order_named(sort), values, after=after, before=before, limit=limit)
    tracks: dict[int, list[tuple[int, TrackChoiceState]]] = defaultdict(list)
    ids = [row.id for row in page.rows]
    if ids:
        for application_id, track_id, state in fetch(session, _TRACKS_OF, ids=ids):
            tracks[application_id].append((track_id, state))
    rows = tuple(ApplicationRow(*row[:9], tuple(tracks[row[0]])) for row in page.rows)
    return Page(rows, page.next_cursor, page.prev_cursor)


@lru_cache(maxsize=200)
def _listed(
    visible: sa.ColumnElement[bool], of_state: bool, with_track: bool, matching: Matching, dialect: str
) -> sa.Select[*tuple[Any, ...]]:
    """The list without its order; put together once for each reader's condition."""
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
        .where(Application.cohort_id == sa.bindparam("cohort_id"), visible)
    )
    if of_state:
        statement = statement.where(Application.state == sa.bindparam("state"))
    if with_track:
        chose = sa.exists().where(
            TrackChoice.application_id == Application.id, TrackChoice.track_id == sa.bindparam("track_id")
        )
        statement = statement.where(chose)
    if matching is not Matching.ALL:
        statement = statement.where(_matches(matching, dialect))
    return statement


_TRACKS_OF = (
    sa.select(TrackChoice.application_id, TrackChoice.track_id, TrackChoice.state)
    .where(TrackChoice.application_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(TrackChoice.application_id, TrackChoice.rank)
)


class Matching(Enum):
    """What the words of a search may be."""

    ALL = auto()
    ADDRESS = auto()
    NAME = auto()
    NAME_OR_ID = auto()


def _matching(words: str) -> Matching:
    wanted = words.strip()
    if not wanted:
        return Matching.ALL
    if "@" in wanted:
        return Matching.ADDRESS
    looks_like_an_id = len(wanted) == PUBLIC_ID_LENGTH and wanted.isalnum()
    return Matching.NAME_OR_ID if looks_like_an_id else Matching.NAME


def _words(words: str) -> dict[str, str]:
    """The values of a search. Nothing in ``words`` is a pattern."""
    wanted = words.strip().lower()
    found = {"part": _part(wanted)} if wanted else {}
    return found | ({"public_id": wanted} if _matching(words) is Matching.NAME_OR_ID else {})


def _matches(matching: Matching, dialect: str) -> sa.ColumnElement[bool]:
    part = sa.bindparam("part", type_=sa.String)
    if matching is Matching.ADDRESS:
        owner = sa.select(EmailAddress.person_id).where(EmailAddress.address.like(part, escape=LIKE_ESCAPE))
        return Application.person_id.in_(owner)
    # SQLite's LIKE takes small and capital letters for the same, and faster than its lower() does.
    name = Person.display_name if dialect == "sqlite" else sa.func.lower(Person.display_name)
    # People first: there is no order in which to look through them, and looking through applications costs more.
    named = Application.person_id.in_(sa.select(Person.id).where(name.like(part, escape=LIKE_ESCAPE)).correlate(None))
    if matching is Matching.NAME:
        return named
    return sa.or_(named, Application.public_id == sa.bindparam("public_id", type_=sa.String))


def found_by(words: str, dialect: str) -> tuple[sa.ColumnElement[bool] | None, dict[str, str]]:
    """The condition that an ``Application`` is found by these words, and its values; None where nothing is asked."""
    matching = _matching(words)
    return (None, {}) if matching is Matching.ALL else (_matches(matching, dialect), _words(words))


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
