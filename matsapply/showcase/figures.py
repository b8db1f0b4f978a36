"""Numbers of the showcase: what filters would leave, papers a month, and the map of topics and years."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.rules.showcase import PaperRole
from matsapply.showcase.models import Fellow, Paper, PaperPerson, PaperStream
from matsapply.showcase.queries import PaperFilter, conditions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FACETS = ("topic", "track", "stream", "cohort", "year", "fellow")
MOST_FELLOWS = 12


@dataclass(frozen=True, slots=True)
class Facet:
    """One value to filter by, its name where that is another, and how many papers it leaves."""

    value: str
    papers: int
    name: str = ""


def facets(session: Session, filtered: PaperFilter | None = None) -> dict[str, tuple[Facet, ...]]:
    """Counts of the papers a filter leaves, for each of ``FACETS``; of fellows those with most papers. One query."""
    year = sa.extract("year", Paper.published)
    matching = (
        sa.select(Paper.id, Paper.topic, Paper.track_key, Paper.cohort_key, year.label("year"))
        .where(*conditions(filtered or PaperFilter()))
        .cte("matching")
    )
    number = sa.func.count()
    plain = {"topic": "topic", "track": "track_key", "cohort": "cohort_key", "year": "year"}
    parts: list[Any] = []
    for name, key in plain.items():
        column = sa.cast(matching.c[key], sa.String)
        parts.append(sa.select(sa.literal(name), column, sa.literal(""), number).group_by(column))
    parts.append(
        sa.select(sa.literal("stream"), PaperStream.stream_key, sa.literal(""), number)
        .join(matching, matching.c.id == PaperStream.paper_id)
        .where(PaperStream.hidden.is_(False))
        .group_by(PaperStream.stream_key)
    )
    fellows = (
        sa.select(sa.literal("fellow"), Fellow.slug, Fellow.name, number.label("papers"))
        .join(PaperPerson, PaperPerson.fellow_id == Fellow.id)
        .join(matching, matching.c.id == PaperPerson.paper_id)
        .where(PaperPerson.role == PaperRole.FELLOW)
        .group_by(Fellow.slug, Fellow.name)
        .order_by(number.desc(), Fellow.name)
        .limit(MOST_FELLOWS)
        .subquery()
    )
    parts.append(sa.select(*fellows.c))
    found: dict[str, list[Facet]] = {name: [] for name in FACETS}
    for name, value, shown, papers in session.execute(sa.union_all(*parts)):
        if value:
            found[name].append(Facet(str(value), papers, shown))
    ordered = {name: sorted(found[name], key=lambda facet: facet.value) for name in FACETS}
    ordered["year"].reverse()
    ordered["fellow"].sort(key=lambda facet: (-facet.papers, facet.name))
    return {name: tuple(values) for name, values in ordered.items()}


@dataclass(frozen=True, slots=True)
class TopicYears:
    """How many papers each topic has in each year. ``numbers[topic][index]`` belongs to ``years[index]``."""

    topics: tuple[str, ...]
    years: tuple[int, ...]
    numbers: dict[str, tuple[int, ...]]

    @property
    def most(self) -> int:
        return max((number for row in self.numbers.values() for number in row), default=0)


def topic_years(session: Session) -> TopicYears:
    """The map of the visible papers, the topic with most papers first; papers without a topic are left out."""
    year = sa.extract("year", Paper.published)
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for topic, in_year, number in session.execute(
        sa.select(Paper.topic, year, sa.func.count())
        .where(Paper.hidden.is_(False), Paper.topic != "")
        .group_by(Paper.topic, year)
    ):
        counts[topic][int(in_year)] = number
    seen = {in_year for row in counts.values() for in_year in row}
    years = tuple(range(min(seen), max(seen) + 1)) if seen else ()
    topics = tuple(sorted(counts, key=lambda topic: (-sum(counts[topic].values()), topic)))
    return TopicYears(topics, years, {topic: tuple(counts[topic].get(one, 0) for one in years) for topic in topics})


def per_quarter(session: Session) -> tuple[tuple[str, int], ...]:
    """How many papers appeared in each quarter, from the first to the last, empty ones included: ``2024 Q3``, 4."""
    year, month = sa.extract("year", Paper.published), sa.extract("month", Paper.published)
    counts: dict[int, int] = defaultdict(int)
    for in_year, in_month, number in session.execute(
        sa.select(year, month, sa.func.count()).where(Paper.hidden.is_(False)).group_by(year, month)
    ):
        counts[int(in_year) * 4 + (int(in_month) - 1) // 3] += number
    if not counts:
        return ()
    quarters = range(min(counts), max(counts) + 1)
    return tuple((f"{quarter // 4} Q{quarter % 4 + 1}", counts.get(quarter, 0)) for quarter in quarters)
