"""The papers' addresses looked at from time to time: which are due, what each answered, and the report.

What waits stands in the database, so a job that dies loses nothing: the next one goes on. The asking itself happens
between transactions (``jobs.work.check_links``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.showcase.models import LinkCheck, Paper

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.platform.outside import Answer
    from matsapply.rules.access import Actor

AGAIN_AFTER = timedelta(days=7)
AGAIN_WITHOUT_NETWORK = timedelta(hours=6)
NO_NETWORK = "not looked at: no address outside answered this machine"
FOR_GOOD = frozenset({301, 308})


class Verdict(StrEnum):
    BROKEN = "broken"
    MOVED = "moved"
    UNSURE = "unsure"
    WAITING = "waiting"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Link:
    """An address of a paper. ``checked_at`` is None where it was never looked at or waits to be."""

    slug: str
    title: str
    url: str
    status: int | None
    problem: str
    moved_to: str
    checked_at: datetime | None

    @property
    def verdict(self) -> Verdict:
        """A redirect for good wants the new address; a server that refuses programs (401, 403, 429) tells nothing."""
        if self.checked_at is None:
            return Verdict.WAITING
        if self.problem == NO_NETWORK or self.status in {401, 403, 405, 429, 501}:
            return Verdict.UNSURE
        if self.status in FOR_GOOD:
            return Verdict.MOVED
        return Verdict.FINE if self.status is not None and self.status < 400 else Verdict.BROKEN


def _addresses() -> sa.Subquery:
    """Every address of every visible paper."""
    parts = [
        sa.select(Paper.id.label("paper_id"), column.label("url")).where(Paper.hidden.is_(False), column != "")
        for column in (Paper.url, Paper.project_url)
    ]
    return sa.union(*parts).subquery()


def due(session: Session, now: datetime, *, limit: int, only_asked: bool = False) -> list[tuple[int, str]]:
    """What is to be looked at now: paper and address, those that somebody asked for first. ``only_asked`` leaves out
    what is only old or new."""
    links = _addresses()
    waits = sa.and_(LinkCheck.id.is_not(None), LinkCheck.checked_at.is_(None))
    old = LinkCheck.checked_at < now - AGAIN_AFTER
    unseen = sa.and_(LinkCheck.problem == NO_NETWORK, LinkCheck.checked_at < now - AGAIN_WITHOUT_NETWORK)
    rows = session.execute(
        sa.select(links.c.paper_id, links.c.url)
        .outerjoin(LinkCheck, sa.and_(LinkCheck.paper_id == links.c.paper_id, LinkCheck.url == links.c.url))
        .where(waits if only_asked else sa.or_(waits, LinkCheck.id.is_(None), old, unseen))
        .order_by(sa.case((waits, 0), else_=1), LinkCheck.checked_at, links.c.paper_id)
        .limit(limit)
    )
    return [(paper_id, url) for paper_id, url in rows]


def keep(session: Session, paper_id: int, url: str, answer: Answer, now: datetime) -> None:
    """Store what an address answered."""
    row = session.scalars(
        sa.select(LinkCheck).where(LinkCheck.paper_id == paper_id, LinkCheck.url == url)
    ).one_or_none()
    if row is None:
        row = LinkCheck(paper_id=paper_id, url=url)
        session.add(row)
    row.status, row.problem, row.moved_to, row.checked_at = answer.status, answer.problem, answer.moved_to, now
    session.flush()


def ask_again(session: Session, actor: Actor, now: datetime) -> int:
    """Have every address looked at anew; how many there are. What was known of addresses no paper has is dropped."""
    links = _addresses()
    has_it = sa.exists().where(links.c.paper_id == LinkCheck.paper_id, links.c.url == LinkCheck.url)
    session.execute(sa.delete(LinkCheck).where(~has_it), execution_options={"synchronize_session": False})
    session.execute(sa.update(LinkCheck).values(checked_at=None), execution_options={"synchronize_session": False})
    known = {(key, url) for key, url in session.execute(sa.select(LinkCheck.paper_id, LinkCheck.url))}
    every = [(key, url) for key, url in session.execute(sa.select(links.c.paper_id, links.c.url))]
    session.add_all(LinkCheck(paper_id=key, url=url, checked_at=None) for key, url in every if (key, url) not in known)
    audit.record(session, actor, "showcase.links_asked", now, subject_type="links", detail={"addresses": len(every)})
    session.flush()
    return len(every)


def report(session: Session, limit: int = 500) -> tuple[Link, ...]:
    """Every address with what it last answered, broken ones first."""
    links = _addresses()
    rows = session.execute(
        sa.select(
            Paper.slug,
            Paper.title,
            links.c.url,
            LinkCheck.status,
            sa.func.coalesce(LinkCheck.problem, ""),
            sa.func.coalesce(LinkCheck.moved_to, ""),
            LinkCheck.checked_at,
        )
        .join(Paper, Paper.id == links.c.paper_id)
        .outerjoin(LinkCheck, sa.and_(LinkCheck.paper_id == links.c.paper_id, LinkCheck.url == links.c.url))
        .order_by(Paper.published.desc(), Paper.id.desc())
    )
    order = list(Verdict)
    found = sorted((Link(*row) for row in rows), key=lambda link: order.index(link.verdict))
    return tuple(found[:limit])
