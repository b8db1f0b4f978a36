"""Curating the showcase: what people change by hand, each change in the log and no summary lost."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.rules.refusals import Code, refuse
from matsapply.showcase.models import PaperStream, SummaryVersion
from matsapply.showcase.searching import refresh

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.showcase.models import Paper

LONGEST_SUMMARY = 600


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
            if _set_streams(session, paper, value):
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


def _set_streams(session: Session, paper: Paper, keys: tuple[str, ...]) -> bool:
    stored = session.scalars(
        sa.select(PaperStream.stream_key).where(PaperStream.paper_id == paper.id).order_by(PaperStream.position)
    ).all()
    wanted = tuple(dict.fromkeys(keys))
    if tuple(stored) == wanted:
        return False
    session.execute(sa.delete(PaperStream).where(PaperStream.paper_id == paper.id))
    session.add_all(
        PaperStream(paper_id=paper.id, stream_key=key, position=position) for position, key in enumerate(wanted, 1)
    )
    return True
