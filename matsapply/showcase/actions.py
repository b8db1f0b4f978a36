"""Curating the showcase: what people change by hand, each change in the log and no summary lost."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.people.models import Person
from matsapply.rules.refusals import Code, refuse
from matsapply.showcase.models import SummaryVersion
from matsapply.showcase.searching import refresh
from matsapply.showcase.stream_papers import set_streams

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.showcase.models import Paper

LONGEST_SUMMARY = 600
MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Curation:
    """What is to be changed; None leaves a field as it is. ``streams`` are keys, the nearest stream first."""

    hidden: bool | None = None
    featured: bool | None = None
    position: int | None = None
    summary: str | None = None
    topic: str | None = None
    track_key: str | None = None
    cohort_key: str | None = None
    url: str | None = None
    project_url: str | None = None
    streams: tuple[str, ...] | None = None


def curate(session: Session, actor: Actor, paper: Paper, wanted: Curation, now: datetime) -> tuple[str, ...]:
    """Change ``paper`` and return the names of the fields that became others. Never commits.

    Raises ``Refused`` with NO_CHANGE where nothing differs. Whether the actor may is asked before.
    """
    changed = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is None:
            continue
        if field.name == "streams":
            if set_streams(session, paper.id, value):
                changed.append(field.name)
        elif getattr(paper, field.name) != value:
            if field.name == "summary":
                session.add(
                    SummaryVersion(
                        paper_id=paper.id, text=paper.summary, replaced_by_id=actor.person_id, replaced_at=now
                    )
                )
            setattr(paper, field.name, value)
            changed.append(field.name)
    if not changed:
        raise refuse(Code.NO_CHANGE)
    audit.record(
        session,
        actor,
        "showcase.curated",
        now,
        subject_type="paper",
        subject_id=paper.id,
        detail={"fields": changed},
    )
    session.flush()
    refresh(session, [paper.id])
    return tuple(changed)


@dataclass(frozen=True, slots=True)
class OldSummary:
    """What a summary was until ``replaced_at``; ``replaced_by`` is empty where a rule or an import wrote over it."""

    id: int
    text: str
    replaced_by: str
    replaced_at: datetime


def earlier_summaries(session: Session, paper_id: int) -> tuple[OldSummary, ...]:
    """The summaries a paper had, the latest first."""
    rows = session.execute(
        sa.select(SummaryVersion.id, SummaryVersion.text, Person.display_name, SummaryVersion.replaced_at)
        .outerjoin(Person, Person.id == SummaryVersion.replaced_by_id)
        .where(SummaryVersion.paper_id == paper_id)
        .order_by(SummaryVersion.id.desc())
        .limit(MOST_VERSIONS)
    )
    return tuple(OldSummary(key, text, name or "", at) for key, text, name, at in rows)


def summary_version(session: Session, paper_id: int, key: str) -> str | None:
    """The text of an earlier summary of this paper; None where ``key`` names none."""
    if not (key.isascii() and key.isdigit() and len(key) < 18):
        return None
    return session.scalar(
        sa.select(SummaryVersion.text).where(SummaryVersion.id == int(key), SummaryVersion.paper_id == paper_id)
    )
