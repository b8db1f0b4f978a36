"""Past fellows as the showcase names them: all of them, and one with their papers and company."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.people.models import Person
from matsapply.rules.names import folded
from matsapply.rules.showcase import PaperRole
from matsapply.showcase.models import Fellow, Paper, PaperPerson
from matsapply.showcase.queries import MOST, PaperFilter, papers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from matsapply.showcase.queries import FellowName, PaperRow

COMPANY = 8  # names beside a fellow


@dataclass(frozen=True, slots=True)
class FellowLine:
    """One of the list of fellows. ``key`` is what the list is ordered by: the name without accents and letter case."""

    key: str
    slug: str
    name: str
    papers: int

    @property
    def letter(self) -> str:
        return self.key[:1].upper()


def every_fellow(session: Session) -> tuple[FellowLine, ...]:
    """Every fellow with a visible paper, by name, whatever its accents and letter case. One query."""
    rows = session.execute(
        sa.select(Fellow.slug, Fellow.name, sa.func.count(sa.distinct(Paper.id)))
        .join(PaperPerson, PaperPerson.fellow_id == Fellow.id)
        .join(Paper, Paper.id == PaperPerson.paper_id)
        .where(Paper.hidden.is_(False), PaperPerson.role == PaperRole.FELLOW)
        .group_by(Fellow.id, Fellow.slug, Fellow.name)
    )
    found = [FellowLine(folded(name), slug, name, number) for slug, name, number in rows]
    return tuple(sorted(found, key=lambda one: (one.key, one.slug)))


@dataclass(frozen=True, slots=True)
class FellowPage:
    """A past fellow: the other names in use, the papers, the topics, streams and cohorts they lie in, and the fellows
    who stand on the same papers, each with how often."""

    slug: str
    name: str
    aliases: tuple[str, ...]
    papers: tuple[PaperRow, ...]
    topics: tuple[tuple[str, int], ...]
    streams: tuple[tuple[str, int], ...]
    cohorts: tuple[tuple[str, int], ...]
    company: tuple[FellowName, ...]


def people_here(session: Session, slugs: Sequence[str]) -> dict[str, str]:
    """The names of the people of the site that these fellows are, where somebody has said so."""
    rows = session.execute(
        sa.select(Fellow.slug, Person.display_name)
        .join(Person, Person.id == Fellow.person_id)
        .where(Fellow.slug.in_(slugs))
    )
    return {slug: name for slug, name in rows}  # noqa: C416 - rows are no pairs to mypy


def fellow_by_slug(session: Session, slug: str) -> FellowPage | None:
    """A fellow with visible papers; None where there is no such fellow or nothing to show."""
    fellow = session.execute(sa.select(Fellow.name, Fellow.aliases).where(Fellow.slug == slug)).one_or_none()
    if fellow is None:
        return None
    rows = papers(session, PaperFilter(fellow=slug), limit=MOST).rows
    if not rows:
        return None
    company = {one.slug: one for row in rows for one in row.fellows if one.slug != slug}
    return FellowPage(
        slug=slug,
        name=fellow.name,
        aliases=tuple(fellow.aliases),
        papers=rows,
        topics=tuple(Counter(row.topic for row in rows if row.topic).most_common()),
        streams=tuple(Counter(key for row in rows for key in row.streams).most_common(COMPANY)),
        cohorts=tuple(Counter(row.cohort_key for row in rows if row.cohort_key).most_common()),
        company=tuple(company.values())[:COMPANY],
    )
