"""One track's table of decisions: sorted, filtered, searched; the best so many; what other weights would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from matsapply.applications.models import Application, TeamTask, TrackChoice
from matsapply.applications.staff_list import found_by
from matsapply.cohorts.models import Criterion, Rubric
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.decisions.queries import CURRENT, ineligible
from matsapply.people.models import Person
from matsapply.platform.keyset import Order, Page, page_of
from matsapply.reviews.models import ReviewAssignment, TrackStanding
from matsapply.reviews.rounds import THIRD_READER
from matsapply.rules.scoring import weighted_total
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    ApplicationState,
    BatchState,
    DecisionPath,
    Outcome,
    RubricKind,
    TrackChoiceState,
)
from matsapply.rules.standing import GREY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

PAGE = 50
MOST_AT_ONCE = 2000
NEIGHBOURS = 5  # shown above and below the line of a preview

ORDERS: dict[str, tuple[sa.ColumnElement[Any], bool]] = {
    "score": (TrackChoice.score_mean.expression, True),
    "calibrated": (TrackChoice.calibrated.expression, True),
    "grey": (TrackChoice.doubt.expression, True),
    "spread": (Application.score_spread.expression, True),
    "readings": (TrackChoice.score_count.expression, False),
    "name": (sa.func.lower(Person.display_name, type_=sa.String()), False),
}
"""The sorts of the table, by name; each also with "-" before it. The flag: the column may be empty."""

SHOWN = ("", "open", "grey", "few", "done")
BY = {"calibrated": TrackChoice.calibrated, "score": TrackChoice.score_mean}


class UnknownView(ValueError):
    """A sort or a view that the table does not have."""


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
    calibrated: float | None
    margin: float | None
    chance: float | None
    worth: float | None
    outcome: Outcome | None
    path: DecisionPath | None
    has_feedback: bool
    batch_state: BatchState | None
    ruled_out: bool

    @property
    def settled(self) -> bool:
        return self.batch_state in {BatchState.SEALED, BatchState.RELEASED}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a track is judged by: the readings a refusal needs, the places, and the calibration of some instant."""

    readers: int
    places: int | None
    bar: float | None
    mean: float | None
    quality_variance: float | None
    severity_variance: float | None
    noise_variance: float | None
    readings: int
    calibrated_at: datetime | None


def judged(session: Session, cohort_id: int, track_id: int) -> Judged:
    """One query."""
    readers = (
        sa.select(sa.func.max(Rubric.readers))
        .where(Rubric.cohort_id == cohort_id, Rubric.kind == RubricKind.CENTRAL_SCORE)
        .scalar_subquery()
    )
    columns = [getattr(TrackStanding, name) for name in list(Judged.__dataclass_fields__)[1:]]
    row = session.execute(
        sa.select(readers, *columns)
        .select_from(sa.select(sa.literal(1)).subquery())
        .outerjoin(TrackStanding, TrackStanding.track_id == track_id)
    ).one()
    return Judged(row[0] or 1, *row[1:7], row[7] or 0, row[8])


def choice_page(
    session: Session,
    track_id: int,
    visible: sa.ColumnElement[bool],
    *,
    readers: int,
    shown: str = "",
    words: str = "",
    sort: str = "-calibrated",
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of ``ChoiceRow``, at most two queries. ``shown`` is one of ``SHOWN``: the undecided, the grey area, those
    with fewer than ``readers`` readings, the decided. Raises ``UnknownView`` and ``keyset.BadCursor``.
    """
    statement = _choices(track_id, visible)
    match shown:
        case "":
            pass
        case "open":
            statement = statement.where(Decision.id.is_(None), ~ineligible())
        case "grey":
            statement = statement.where(TrackChoice.doubt >= GREY[0], Decision.id.is_(None), ~ineligible())
        case "few":
            statement = statement.where(Application.score_count < readers, ~ineligible())
        case "done":
            statement = statement.where(Decision.id.is_not(None))
        case _:
            raise UnknownView(shown)
    found, values = found_by(words, session.get_bind().dialect.name)
    if found is not None:
        statement = statement.where(found)
    name = sort.removeprefix("-")
    if name not in ORDERS:
        raise UnknownView(sort)
    column, nullable = ORDERS[name]
    order = Order(column, TrackChoice.id.expression, down=sort.startswith("-"), nullable=nullable)
    page = page_of(session, statement, order, values or None, after=after, before=before, limit=limit)
    return Page(tuple(_row(row) for row in page.rows), page.next_cursor, page.prev_cursor)


def choices_named(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], choice_ids: Iterable[int]
) -> list[ChoiceRow]:
    """The lines of these choices, best first."""
    statement = _choices(track_id, visible).where(TrackChoice.id.in_(set(choice_ids)))
    return [_row(row) for row in session.execute(_best_first(statement, "calibrated")).all()]


@dataclass(frozen=True, slots=True)
class Top:
    """The preview of advancing the best so many: who would be, best first, and who stands just below the line."""

    chosen: tuple[ChoiceRow, ...]
    below: tuple[ChoiceRow, ...]
    advanced: int

    @property
    def last(self) -> tuple[ChoiceRow, ...]:
        """Those just above the line."""
        return self.chosen[-NEIGHBOURS:]


def top_undecided(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], number: int, by: str = "calibrated"
) -> Top:
    """The best ``number`` of a track by ``calibrated`` or ``score``, those who are to advance already counted among
    them. Raises ``UnknownView``.
    """
    if by not in BY:
        raise UnknownView(by)
    to_advance = sa.select(sa.func.count()).select_from(
        _choices(track_id, visible).where(Decision.outcome == Outcome.ADVANCE).subquery()
    )
    advanced = session.scalar(to_advance) or 0
    wanted = max(0, min(number - advanced, MOST_AT_ONCE))
    statement = _choices(track_id, visible).where(Decision.id.is_(None), BY[by].is_not(None), ~ineligible())
    rows = [_row(row) for row in session.execute(_best_first(statement, by).limit(wanted + NEIGHBOURS)).all()]
    return Top(tuple(rows[:wanted]), tuple(rows[wanted:]), advanced)


def rest_undecided(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], readers: int, limit: int = MOST_AT_ONCE
) -> list[ChoiceRow]:
    """Everybody of a track who has enough readings and no decision yet."""
    statement = _choices(track_id, visible).where(
        Decision.id.is_(None), Application.score_count >= readers, ~ineligible()
    )
    return [_row(row) for row in session.execute(_best_first(statement, "calibrated").limit(limit)).all()]


def worth_reading(
    session: Session, track_id: int, visible: sa.ColumnElement[bool], readers: int, limit: int
) -> list[ChoiceRow]:
    """Where one more reading would change most: undecided, read by all who were planned, nobody asked or at it."""
    asked = sa.exists().where(
        TeamTask.application_id == Application.id, TeamTask.kind == THIRD_READER, TeamTask.done_at.is_(None)
    )
    reading = sa.exists().where(
        ReviewAssignment.application_id == Application.id, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT)
    )
    statement = (
        _choices(track_id, visible)
        .where(
            Decision.id.is_(None),
            Application.score_count >= readers,
            TrackChoice.doubt >= GREY[0],
            TrackChoice.reading_worth > 0,
            ~ineligible(),
            ~asked,
            ~reading,
        )
        .order_by(TrackChoice.reading_worth.desc(), TrackChoice.id)
    )
    return [_row(row) for row in session.execute(statement.limit(limit)).all()]


def _best_first(statement: sa.Select[*tuple[Any, ...]], by: str) -> sa.Select[*tuple[Any, ...]]:
    column = BY[by]
    return statement.order_by(column.is_(None), column.desc(), TrackChoice.id)


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
            TrackChoice.calibrated,
            TrackChoice.calibrated_margin,
            TrackChoice.chance,
            TrackChoice.reading_worth,
            Decision.outcome,
            Decision.path,
            (Decision.feedback != "").label("has_feedback"),
            ReleaseBatch.state.label("batch_state"),
            ineligible().label("ruled_out"),
        )
        .join(Application, Application.id == TrackChoice.application_id)
        .join(Person, Person.id == Application.person_id)
        .outerjoin(Decision, sa.and_(Decision.track_choice_id == TrackChoice.id, CURRENT))
        .outerjoin(ReleaseBatch, ReleaseBatch.id == Decision.batch_id)
        .where(*_racing(track_id), visible)
    )


def _racing(track_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        TrackChoice.track_id == track_id,
        TrackChoice.state == TrackChoiceState.CHOSEN,
        Application.state == ApplicationState.SUBMITTED,
    )


def _row(row: Any) -> ChoiceRow:
    return ChoiceRow(*row[:13], bool(row[13]), row[14], bool(row[15]))


# --- other weights ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weighed:
    """A criterion of the rubric in force, with the track's weight."""

    key: str
    label: str
    weight: float


def criteria_of(session: Session, cohort_id: int, track_key: str) -> list[Weighed]:
    """The criteria by which a track is scored; equal weights where the rubric has none for it."""
    rows = session.execute(
        sa.select(Criterion.key, Criterion.label, Rubric.weights)
        .join(Rubric, Rubric.id == Criterion.rubric_id)
        .where(Rubric.cohort_id == cohort_id, Rubric.kind == RubricKind.CENTRAL_SCORE)
        .where(Rubric.number == _newest(cohort_id))
        .order_by(Criterion.position)
    ).all()
    own = rows[0].weights.get(track_key, {}) if rows else {}
    return [Weighed(row.key, row.label, float(own.get(row.key, 0.0)) if own else 1 / len(rows)) for row in rows]


def _newest(cohort_id: int) -> sa.ScalarSelect[Any]:
    return (
        sa.select(sa.func.max(Rubric.number))
        .where(Rubric.cohort_id == cohort_id, Rubric.kind == RubricKind.CENTRAL_SCORE)
        .scalar_subquery()
    )


class Moved(NamedTuple):
    """Somebody who would come above the line, or fall below it, with ranks (from 1) and scores before and after."""

    public_id: str
    name: str
    before: int
    after: int
    score_before: float
    score_after: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """``up`` would come among the best ``places``, ``down`` would leave them; of ``ranked`` people in all."""

    up: tuple[Moved, ...]
    down: tuple[Moved, ...]
    ranked: int


def what_if(
    session: Session,
    track_id: int,
    visible: sa.ColumnElement[bool],
    weights: Mapping[str, float],
    others: Mapping[str, float],
    places: int,
) -> WhatIf:
    """Who would move across the line if the track weighed with ``others`` instead of ``weights``; saves nothing.

    By raw scores, from the kept means of the criteria: one query, however many readings there are.
    """
    rows = session.execute(
        sa.select(TrackChoice.id, Application.public_id, Person.display_name, Application.criterion_means)
        .join(Application, Application.id == TrackChoice.application_id)
        .join(Person, Person.id == Application.person_id)
        .where(*_racing(track_id), TrackChoice.score_mean.is_not(None), ~ineligible(), visible)
    ).all()
    scored = [row for row in rows if row.criterion_means and weights.keys() <= row.criterion_means.keys()]
    before = _ranks(scored, weights)
    after = _ranks(scored, others)
    moved = [
        Moved(row.public_id, row.display_name, before[row.id][0], after[row.id][0], before[row.id][1], after[row.id][1])
        for row in scored
        if (before[row.id][0] <= places) is not (after[row.id][0] <= places)
    ]
    up = sorted((one for one in moved if one.after <= places), key=lambda one: one.after)
    down = sorted((one for one in moved if one.after > places), key=lambda one: one.before)
    return WhatIf(tuple(up), tuple(down), len(scored))


def _ranks(rows: Sequence[Any], weights: Mapping[str, float]) -> dict[int, tuple[int, float]]:
    """The place of each, from 1, and the score it rests on; equal scores stand in the order of their keys."""
    scores = {row.id: weighted_total(row.criterion_means, weights) for row in rows}
    order = sorted(scores, key=lambda key: (-round(scores[key], 9), key))
    return {key: (place, scores[key]) for place, key in enumerate(order, 1)}
