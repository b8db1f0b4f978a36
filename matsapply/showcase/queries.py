"""Reads of the showcase: lists with their people and streams in a fixed number of queries, one paper, one fellow."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.platform.db import fetch
from matsapply.rules.names import folded
from matsapply.rules.showcase import LinkConfidence, PaperRole
from matsapply.showcase.models import Fellow, Paper, PaperPerson, PaperStream
from matsapply.showcase.searching import SYNONYMS, meant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

PAGE = 30
MOST = 100
MOST_WORDS = 8
MOST_RELATED = 4


@dataclass(frozen=True, slots=True)
class FellowName:
    """A fellow beside a paper. ``author`` is the name he or she has among the authors, where it is another and sure."""

    slug: str
    name: str
    author: str
    confidence: LinkConfidence | None


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A paper as lists show it; ``streams`` are keys, which a page turns into names of its own cohort."""

    id: int
    slug: str
    title: str
    summary: str
    published: date
    arxiv_id: str | None
    url: str
    project_url: str
    topic: str
    track_key: str
    cohort_key: str
    featured: bool
    hidden: bool
    authors: tuple[str, ...]
    fellows: tuple[FellowName, ...]
    streams: tuple[str, ...]
    updated_at: datetime

    @property
    def year(self) -> int:
        return self.published.year


@dataclass(frozen=True, slots=True)
class PaperFilter:
    """What a visitor asked for; empty fields ask for nothing."""

    words: str = ""
    topic: str = ""
    track: str = ""
    stream: str = ""
    cohort: str = ""
    fellow: str = ""
    year: int | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class PaperList:
    """A page of papers, the newest first. ``next_after`` continues it: the published day and key of the last row.

    ``meant`` are the words that were searched for instead, where those that were asked for are in no paper.
    """

    rows: tuple[PaperRow, ...]
    total: int
    next_after: tuple[date, int] | None
    meant: str = ""


def conditions(filtered: PaperFilter) -> list[sa.ColumnElement[bool]]:
    """What a filter asks of a paper. Every word must occur, accents and letter case aside."""
    found: list[sa.ColumnElement[bool]] = [] if filtered.hidden else [Paper.hidden.is_(False)]
    for word in asked_words(filtered.words):
        found.append(Paper.search_text.contains(word, autoescape=True))
    for column, value in (
        (Paper.topic, filtered.topic),
        (Paper.track_key, filtered.track),
        (Paper.cohort_key, filtered.cohort),
    ):
        if value:
            found.append(column == value)
    if filtered.year is not None:
        first = date(min(max(filtered.year, 1), 9998), 1, 1)
        found.append(sa.and_(Paper.published >= first, Paper.published < first.replace(year=first.year + 1)))
    if filtered.stream:
        of_stream = sa.select(PaperStream.paper_id).where(
            PaperStream.stream_key == filtered.stream, PaperStream.hidden.is_(False)
        )
        found.append(Paper.id.in_(of_stream))
    if filtered.fellow:
        of_fellow = (
            sa.select(PaperPerson.paper_id)
            .join(Fellow, Fellow.id == PaperPerson.fellow_id)
            .where(Fellow.slug == filtered.fellow)
        )
        found.append(Paper.id.in_(of_fellow))
    return found


def asked_words(text: str) -> list[str]:
    """The folded words of a search, in the language of the pages."""
    words = folded(text.replace("\x00", " ")).split()[:MOST_WORDS]
    return [SYNONYMS.get(word, word) for word in words]


def papers(
    session: Session,
    filtered: PaperFilter | None = None,
    *,
    after: tuple[date, int] | None = None,
    limit: int = PAGE,
    total: int | None = None,
) -> PaperList:
    """A page of the list: four queries, whatever the number of papers; a few more where a word is in none of them.

    ``total`` is what ``count`` said a moment ago, where the caller knows it.
    """
    asked = filtered or PaperFilter()
    total = count(session, asked) if total is None else total
    meant_words = ""
    if not total and (meant_words := _meant(session, asked.words)):
        asked = replace(asked, words=meant_words)
        total = count(session, asked)
    query = sa.select(Paper).where(*conditions(asked)).order_by(Paper.published.desc(), Paper.id.desc())
    if after is not None:
        query = query.where(sa.tuple_(Paper.published, Paper.id) < sa.tuple_(*after))
    size = min(max(limit, 1), MOST)
    found = session.scalars(query.limit(size + 1)).all()
    rows = paper_rows(session, found[:size])
    more = len(found) > size
    return PaperList(rows, total, (rows[-1].published, rows[-1].id) if more else None, meant_words if total else "")


def count(session: Session, filtered: PaperFilter) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Paper).where(*conditions(filtered))) or 0


def _meant(session: Session, words: str) -> str:
    """The words with each misspelt one mended; empty where none can be."""
    asked = asked_words(words)
    mended = [meant(session, word) or word for word in asked]
    return " ".join(mended) if mended != asked else ""


# Within a track.
_IN_TRACK = (Paper.featured.desc(), Paper.position, Paper.published.desc(), Paper.id.desc())


def papers_of_track(session: Session, track_key: str, limit: int = MOST) -> tuple[PaperRow, ...]:
    """The papers of a track: featured ones, then by the place they were given, then the newest."""
    found = session.scalars(
        sa.select(Paper).where(Paper.track_key == track_key, Paper.hidden.is_(False)).order_by(*_IN_TRACK).limit(limit)
    ).all()
    return paper_rows(session, found)


@dataclass(frozen=True, slots=True)
class PaperTitle:
    """A paper as a line that leads to it."""

    slug: str
    title: str
    year: int


def titles_of_track(session: Session, track_key: str, limit: int) -> tuple[PaperTitle, ...]:
    """The same papers, no more than their titles: one query."""
    rows = session.execute(
        sa.select(Paper.slug, Paper.title, Paper.published)
        .where(Paper.track_key == track_key, Paper.hidden.is_(False))
        .order_by(*_IN_TRACK)
        .limit(limit)
    )
    return tuple(PaperTitle(slug, title, published.year) for slug, title, published in rows)


def papers_of_tracks(session: Session, track_keys: Sequence[str], each: int) -> dict[str, tuple[PaperRow, ...]]:
    """Up to ``each`` papers for every track, in the order of ``papers_of_track``; three queries for all of them."""
    place = sa.func.row_number().over(partition_by=Paper.track_key, order_by=_IN_TRACK).label("place")
    placed = sa.select(Paper.id, place).where(Paper.track_key.in_(track_keys), Paper.hidden.is_(False)).subquery()
    found = session.scalars(
        sa.select(Paper).join(placed, placed.c.id == Paper.id).where(placed.c.place <= each).order_by(placed.c.place)
    ).all()
    chosen: dict[str, list[PaperRow]] = {key: [] for key in track_keys}
    for paper, row in zip(found, paper_rows(session, found), strict=True):
        chosen[paper.track_key].append(row)
    return {key: tuple(rows) for key, rows in chosen.items()}


def paper_by_slug(session: Session, slug: str, *, hidden: bool = False) -> PaperRow | None:
    query = sa.select(Paper).where(Paper.slug == slug)
    if not hidden:
        query = query.where(Paper.hidden.is_(False))
    found = session.scalars(query).one_or_none()
    return paper_rows(session, [found])[0] if found else None


def _related() -> sa.Select[Paper]:
    people = sa.select(
        PaperPerson.paper_id.label("paper_id"),
        (3 * sa.func.count(sa.distinct(PaperPerson.folded_name))).label("points"),
    ).where(PaperPerson.folded_name.in_(sa.bindparam("names", expanding=True)))
    streams = sa.select(PaperStream.paper_id, 2 * sa.func.count()).where(
        PaperStream.stream_key.in_(sa.bindparam("streams", expanding=True))
    )
    # Of a topic with thousands of papers the newest are enough: no other would come first by its points.
    topic = (
        sa.select(Paper.id, sa.literal(1))
        .where(Paper.topic == sa.bindparam("topic"), Paper.topic != "", Paper.hidden.is_(False))
        .order_by(Paper.published.desc(), Paper.id.desc())
        .limit(MOST_RELATED + 1)
        .subquery()
    )
    points = sa.union_all(
        people.group_by(PaperPerson.paper_id), streams.group_by(PaperStream.paper_id), sa.select(*topic.c)
    ).subquery()
    return (
        sa.select(Paper)
        .join(points, points.c.paper_id == Paper.id)
        .where(Paper.hidden.is_(False), Paper.id != sa.bindparam("paper_id"))
        .group_by(Paper.id)
        .order_by(sa.func.sum(points.c.points).desc(), Paper.published.desc(), Paper.id.desc())
        .limit(MOST_RELATED)
    )


_RELATED = _related()  # put together once: that costs more than running it


def related(session: Session, paper: PaperRow) -> tuple[PaperRow, ...]:
    """Other papers with most in common: a shared author counts 3, a shared stream 2, the topic 1; then the newest."""
    wanted = {
        "names": sorted({folded(name) for name in paper.authors}),
        "streams": list(paper.streams),
        "topic": paper.topic,
        "paper_id": paper.id,
    }
    return paper_rows(session, session.scalars(_RELATED, wanted).all())


_PEOPLE = (
    sa.select(
        PaperPerson.paper_id,
        PaperPerson.role,
        PaperPerson.name,
        PaperPerson.linked_author,
        PaperPerson.link_confidence,
        Fellow.slug,
    )
    .outerjoin(Fellow, Fellow.id == PaperPerson.fellow_id)
    .where(PaperPerson.paper_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(PaperPerson.paper_id, PaperPerson.position)
)
_STREAMS = (
    sa.select(PaperStream.paper_id, PaperStream.stream_key)
    .where(PaperStream.paper_id.in_(sa.bindparam("ids", expanding=True)), PaperStream.hidden.is_(False))
    .order_by(PaperStream.position, PaperStream.id)
)


def paper_rows(session: Session, found: Sequence[Paper]) -> tuple[PaperRow, ...]:
    """The papers with their people and the streams that show them: two queries for all of them."""
    ids = [paper.id for paper in found]
    authors: dict[int, list[str]] = defaultdict(list)
    fellows: dict[int, list[FellowName]] = defaultdict(list)
    for paper_id, role, name, author, confidence, fellow_slug in fetch(session, _PEOPLE, ids=ids):
        if role is PaperRole.AUTHOR:
            authors[paper_id].append(name)
        else:
            sure = confidence is not LinkConfidence.TO_CONFIRM
            fellows[paper_id].append(
                FellowName(fellow_slug, name, author if sure and author != name else "", confidence)
            )
    streams: dict[int, list[str]] = defaultdict(list)
    for paper_id, key in fetch(session, _STREAMS, ids=ids):
        streams[paper_id].append(key)
    return tuple(
        PaperRow(
            id=paper.id,
            slug=paper.slug,
            title=paper.title,
            summary=paper.summary,
            published=paper.published,
            arxiv_id=paper.arxiv_id,
            url=paper.url,
            project_url=paper.project_url,
            topic=paper.topic,
            track_key=paper.track_key,
            cohort_key=paper.cohort_key,
            featured=paper.featured,
            hidden=paper.hidden,
            authors=tuple(authors[paper.id]),
            fellows=tuple(fellows[paper.id]),
            streams=tuple(streams[paper.id]),
            updated_at=paper.updated_at,
        )
        for paper in found
    )
