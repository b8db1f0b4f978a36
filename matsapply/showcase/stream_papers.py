"""The papers beside one stream, as its own people arrange them: order, what comes first, what is left out, links.

What they decide holds for their stream alone. Whether a paper is seen at all, and where else it stands, is the team's
(``showcase.actions``). A stream is known by its key, so an arrangement lasts from cohort to cohort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.audit import actions as audit
from matsapply.rules.refusals import Code, refuse
from matsapply.showcase.models import Paper, PaperStream
from matsapply.showcase.queries import MOST, asked_words, paper_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.showcase.queries import PaperRow


@dataclass(frozen=True, slots=True)
class StreamPaper:
    """A paper beside a stream. ``own_words``: the stream is the nearest to it and writes its summary."""

    paper: PaperRow
    featured: bool
    hidden: bool
    own_words: bool


def papers_of_stream(session: Session, stream_key: str, limit: int = MOST) -> tuple[PaperRow, ...]:
    """The papers that everybody sees beside a stream, in its order."""
    found = session.scalars(
        sa.select(Paper)
        .join(PaperStream, PaperStream.paper_id == Paper.id)
        .where(PaperStream.stream_key == stream_key, PaperStream.hidden.is_(False), Paper.hidden.is_(False))
        .order_by(*in_stream_order())
        .limit(limit)
    ).all()
    return paper_rows(session, found)


def papers_of_streams(session: Session, stream_keys: Sequence[str], each: int = 3) -> dict[str, tuple[PaperRow, ...]]:
    """The same for several streams, up to ``each`` papers for every one; four queries for all of them."""
    place = sa.func.row_number().over(partition_by=PaperStream.stream_key, order_by=in_stream_order()).label("row")
    placed = (
        sa.select(PaperStream.stream_key, PaperStream.paper_id, place)
        .join(Paper, Paper.id == PaperStream.paper_id)
        .where(PaperStream.stream_key.in_(stream_keys), PaperStream.hidden.is_(False), Paper.hidden.is_(False))
        .subquery()
    )
    chosen: dict[str, list[int]] = {key: [] for key in stream_keys}
    for key, paper_id in session.execute(
        sa.select(placed.c.stream_key, placed.c.paper_id).where(placed.c.row <= each).order_by(placed.c.row)
    ):
        chosen[key].append(paper_id)
    ids = {paper_id for several in chosen.values() for paper_id in several}
    papers = session.scalars(sa.select(Paper).where(Paper.id.in_(ids))).all()
    rows = {row.id: row for row in paper_rows(session, papers)}
    return {key: tuple(rows[paper_id] for paper_id in several) for key, several in chosen.items()}


def papers_beside(session: Session, stream_key: str) -> tuple[StreamPaper, ...]:
    """Every paper that is linked to the stream and seen at all, in the stream's order; left-out ones at the end."""
    other = aliased(PaperStream)
    nearest = sa.select(sa.func.min(other.position)).where(other.paper_id == Paper.id).scalar_subquery()
    found = session.execute(
        sa.select(Paper, PaperStream.featured, PaperStream.hidden, PaperStream.position == nearest)
        .join(PaperStream, PaperStream.paper_id == Paper.id)
        .where(PaperStream.stream_key == stream_key, Paper.hidden.is_(False))
        .order_by(PaperStream.hidden, *in_stream_order())
    ).all()
    rows = paper_rows(session, [paper for paper, *_ in found])
    return tuple(
        StreamPaper(row, featured, hidden, own_words)
        for row, (_, featured, hidden, own_words) in zip(rows, found, strict=True)
    )


def linkable(session: Session, stream_key: str, words: str, limit: int = 10) -> list[tuple[str, str]]:
    """Papers that are not beside the stream yet and fit ``words``: address part and title, the newest first."""
    there = sa.select(PaperStream.paper_id).where(PaperStream.stream_key == stream_key)
    query = sa.select(Paper.slug, Paper.title).where(Paper.hidden.is_(False), Paper.id.not_in(there))
    for word in asked_words(words):
        query = query.where(Paper.search_text.contains(word, autoescape=True))
    return [(slug, title) for slug, title in session.execute(query.order_by(Paper.published.desc()).limit(limit))]


def beside(session: Session, stream_key: str, slug: str) -> tuple[Paper, PaperStream] | None:
    """The paper of that address and its link to the stream, both locked for a change; None where it has none."""
    row = session.execute(
        sa.select(Paper, PaperStream)
        .join(PaperStream, PaperStream.paper_id == Paper.id)
        .where(PaperStream.stream_key == stream_key, Paper.slug == slug, Paper.hidden.is_(False))
        .with_for_update()
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def arrange(session: Session, actor: Actor, stream_key: str, slugs: Sequence[str], now: datetime) -> None:
    """Put the stream's papers into this order; those that are not named follow. Raises ``Refused``: NO_CHANGE."""
    found = session.execute(
        sa.select(Paper.slug, PaperStream)
        .join(PaperStream, PaperStream.paper_id == Paper.id)
        .where(PaperStream.stream_key == stream_key)
        .order_by(PaperStream.id)
        .with_for_update(of=PaperStream)
    )
    links = {slug: link for slug, link in found}  # noqa: C416 - rows are no pairs to mypy
    wanted = {slug: place for place, slug in enumerate((one for one in slugs if one in links), 1)}
    changed = False
    for slug, link in links.items():
        if link.place != wanted.get(slug, 0):
            link.place, changed = wanted.get(slug, 0), True
    if not changed:
        raise refuse(Code.NO_CHANGE)
    _record(session, actor, "showcase.arranged", stream_key, now, detail={"papers": len(wanted)})


def curate_here(
    session: Session,
    actor: Actor,
    link: PaperStream,
    now: datetime,
    *,
    hidden: bool | None = None,
    featured: bool | None = None,
) -> None:
    """Leave a paper out of the stream's list, or put it first in it. Raises ``Refused``: NO_CHANGE."""
    changed = {}
    for name, value in (("hidden", hidden), ("featured", featured)):
        if value is not None and getattr(link, name) is not value:
            setattr(link, name, value)
            changed[name] = value
    if not changed:
        raise refuse(Code.NO_CHANGE)
    _record(session, actor, "showcase.curated_in_stream", link.stream_key, now, paper_id=link.paper_id, detail=changed)


def link_paper(session: Session, actor: Actor, stream_key: str, paper: Paper, now: datetime) -> None:
    """Put a paper beside the stream, as the farthest of its streams. Raises ``Refused``: REPEATED."""
    stored = dict(
        session.execute(
            sa.select(PaperStream.stream_key, PaperStream.position).where(PaperStream.paper_id == paper.id)
        ).all()
    )
    if stream_key in stored:
        raise refuse(Code.REPEATED)
    position = max(stored.values(), default=0) + 1
    session.add(PaperStream(paper_id=paper.id, stream_key=stream_key, position=position))
    _record(session, actor, "showcase.linked", stream_key, now, paper_id=paper.id)


def unlink_paper(session: Session, actor: Actor, link: PaperStream, now: datetime) -> None:
    """Take a paper away from the stream; linking it again brings it back at the end."""
    _record(session, actor, "showcase.unlinked", link.stream_key, now, paper_id=link.paper_id)
    session.delete(link)
    session.flush()


def streams_of(session: Session, paper_id: int) -> tuple[str, ...]:
    """The keys of a paper's streams, the nearest first, with those that leave it out."""
    return tuple(
        session.scalars(
            sa.select(PaperStream.stream_key)
            .where(PaperStream.paper_id == paper_id)
            .order_by(PaperStream.position, PaperStream.id)
        )
    )


def set_streams(session: Session, paper_id: int, keys: Sequence[str]) -> bool:
    """Make ``keys`` the paper's streams, the nearest first; what the streams arranged stays. Whether it changed."""
    wanted = {key: position for position, key in enumerate(dict.fromkeys(keys), 1)}
    changed = False
    for link in session.scalars(sa.select(PaperStream).where(PaperStream.paper_id == paper_id)).all():
        if (position := wanted.pop(link.stream_key, None)) is None:
            session.delete(link)
            changed = True
        elif link.position != position:
            link.position, changed = position, True
    session.add_all(
        PaperStream(paper_id=paper_id, stream_key=key, position=position) for key, position in wanted.items()
    )
    return changed or bool(wanted)


def in_stream_order() -> tuple[sa.ColumnElement[object], ...]:
    """How a stream's papers follow one another: what its people and the team put first, then by the place they gave,
    then the papers it is nearest to, the newest first."""
    return (
        PaperStream.featured.desc(),
        (PaperStream.place == 0).asc(),
        PaperStream.place.asc(),
        Paper.featured.desc(),
        PaperStream.position.asc(),
        Paper.position.asc(),
        Paper.published.desc(),
        Paper.id.desc(),
    )


def _record(
    session: Session,
    actor: Actor,
    action: str,
    stream_key: str,
    now: datetime,
    *,
    paper_id: int | None = None,
    detail: dict[str, object] | None = None,
) -> None:
    audit.record(
        session,
        actor,
        action,
        now,
        subject_type="paper" if paper_id else "stream_papers",
        subject_id=paper_id,
        detail={"stream": stream_key, **(detail or {})},
    )
    session.flush()
