"""Figures on central review for the team: how far it is, when it will be done, how far readers lie apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application
from matsapply.people.models import Person
from matsapply.reviews.models import ReaderStanding, Review, ReviewAssignment, ReviewRound
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, ApplicationState, AssignmentState, ReviewerKind, RoundKind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DAYS = 14
PACE_DAYS = 7
ENOUGH = 5  # readings, below which a reader's severity is not shown: it would be chance
STEP = 0.5  # points: the width of a column of spreads


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """One reader's work. ``severity`` (with its margin) only from ``ENOUGH`` readings on."""

    name: str
    done: int
    open: int
    severity: float | None
    margin: float | None

    @property
    def total(self) -> int:
        return self.done + self.open


@dataclass(frozen=True, slots=True)
class Pace:
    """``days`` are (day, finished readings), the oldest first. ``done_by`` is empty where nothing is read or left."""

    days: tuple[tuple[str, int], ...]
    done: int
    left: int
    a_day: float
    done_by: datetime | None
    due_at: datetime | None

    @property
    def late(self) -> bool:
        return self.done_by is not None and self.due_at is not None and self.done_by > self.due_at


def readers(session: Session, cohort_id: int) -> list[ReaderRow]:
    """Everybody who reads in central review, by name. Two queries."""
    work: dict[int, Counter[bool]] = {}
    names: dict[int, str] = {}
    for reviewer_id, name, state, number in session.execute(
        sa.select(ReviewAssignment.reviewer_id, Person.display_name, ReviewAssignment.state, sa.func.count())
        .join(Person, Person.id == ReviewAssignment.reviewer_id)
        .where(
            ReviewAssignment.round_id.in_(_central(cohort_id)),
            ReviewAssignment.state.in_([*ACTIVE_ASSIGNMENT, AssignmentState.SUBMITTED]),
        )
        .group_by(ReviewAssignment.reviewer_id, Person.display_name, ReviewAssignment.state)
    ):
        names[reviewer_id] = name
        work.setdefault(reviewer_id, Counter())[state is AssignmentState.SUBMITTED] += number
    known = {
        row.reviewer_id: row
        for row in session.execute(
            sa.select(
                ReaderStanding.reviewer_id,
                ReaderStanding.readings,
                ReaderStanding.severity,
                ReaderStanding.severity_margin,
            ).where(ReaderStanding.cohort_id == cohort_id)
        )
    }
    found = []
    for key, name in names.items():
        row = known.get(key)
        enough = row is not None and row.readings >= ENOUGH
        severity, margin = (row.severity, row.severity_margin) if row is not None and enough else (None, None)
        found.append(ReaderRow(name, work[key][True], work[key][False], severity, margin))
    return sorted(found, key=lambda each: each.name.lower())


def pace(session: Session, cohort_id: int, rows: list[ReaderRow], due_at: datetime | None, now: datetime) -> Pace:
    """How many readings were finished on each of the last days, and when the rest is done at the pace of a week.

    One query, over the last days only.
    """
    first = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    by_day: Counter[str] = Counter()
    recent = 0
    for submitted_at in session.scalars(
        sa.select(Review.submitted_at).where(
            Review.round_id.in_(_central(cohort_id)),
            Review.submitted_at >= first,
            Review.superseded_at.is_(None),
            Review.voided_at.is_(None),
            Review.reviewer_kind == ReviewerKind.HUMAN,
        )
    ):
        by_day[submitted_at.date().isoformat()] += 1
        recent += submitted_at > now - timedelta(days=PACE_DAYS)
    days = [(first + timedelta(days=number)).date() for number in range(DAYS)]
    done, left = sum(each.done for each in rows), sum(each.open for each in rows)
    a_day = recent / PACE_DAYS
    done_by = now + timedelta(days=ceil(left / a_day)) if left and a_day else None
    return Pace(
        tuple((f"{day.day} {day:%b}", by_day[day.isoformat()]) for day in days), done, left, a_day, done_by, due_at
    )


def spreads(session: Session, cohort_id: int) -> list[tuple[str, int]]:
    """How many applications have readings so many points apart, in steps of half a point; only those with two or more.

    From the spread kept beside each application: one query.
    """
    column = sa.cast(sa.func.round(Application.score_spread / STEP), sa.Integer)
    rows = session.execute(
        sa.select(column, sa.func.count())
        .where(
            Application.cohort_id == cohort_id,
            Application.score_count >= 2,
            Application.score_spread.is_not(None),
            Application.state != ApplicationState.DRAFT,
        )
        .group_by(column)
    )
    found = {int(step): number for step, number in rows}
    return [(f"{step * STEP:g}", found.get(step, 0)) for step in range(max(found, default=-1) + 1)]


def _central(cohort_id: int) -> sa.Select[tuple[int]]:
    return sa.select(ReviewRound.id).where(
        ReviewRound.cohort_id == cohort_id, ReviewRound.kind == RoundKind.CENTRAL_SCORE
    )
