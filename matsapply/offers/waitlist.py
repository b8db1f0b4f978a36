"""Reading the waitlist, and telling the team when a freed seat meets somebody who waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import StreamApplication, TeamTask
from matsapply.cohorts.models import Stream
from matsapply.offers.models import RankingEntry, StreamRanking, WaitlistEntry
from matsapply.offers.seats import seat_free
from matsapply.rules.stages import WaitlistState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


PROPOSAL = "waitlist_proposal"  # the kind of the team's task

_in_force = (
    sa.select(StreamRanking.id)
    .where(StreamRanking.stream_id == WaitlistEntry.stream_id)
    .order_by(StreamRanking.number.desc())
    .limit(1)
    .correlate(WaitlistEntry)
    .scalar_subquery()
)
PLACE: sa.ColumnElement[int] = sa.func.coalesce(
    sa.select(RankingEntry.position)
    .where(
        RankingEntry.ranking_id == _in_force,
        RankingEntry.stream_application_id == WaitlistEntry.stream_application_id,
    )
    .correlate(WaitlistEntry)
    .scalar_subquery(),
    WaitlistEntry.position,
)
"""SQL: where an entry stands now: its place in the ranking in force. The stored position is the place it had when it
came in; places move up when somebody leaves, so entries of two batches compare only by the ranking itself."""


def proposal(session: Session, stream_id: int) -> WaitlistEntry | None:
    """The first active entry of the stream's waitlist: whom the system proposes for a freed seat (E11)."""
    return session.scalar(
        sa.select(WaitlistEntry)
        .where(WaitlistEntry.stream_id == stream_id, WaitlistEntry.state == WaitlistState.ACTIVE)
        .order_by(PLACE, WaitlistEntry.id)
        .limit(1)
    )


def propose_freed(session: Session, stream_ids: list[int], now: datetime) -> None:
    """Tell the team when a freed seat meets somebody who waits for it, unless they know already."""
    session.flush()
    for stream_id in sorted(set(stream_ids)):
        entry = proposal(session, stream_id)
        stream = session.get_one(Stream, stream_id)
        if entry is None or not seat_free(stream):
            continue
        application_id = session.get_one(StreamApplication, entry.stream_application_id).application_id
        text = f"A seat in {stream.name} came free; this applicant is the next on its waitlist."
        told = sa.select(TeamTask.id).where(
            TeamTask.application_id == application_id,
            TeamTask.kind == PROPOSAL,
            TeamTask.text == text,
            TeamTask.done_at.is_(None),
        )
        if session.scalar(told.limit(1)) is None:
            due = now + timedelta(days=1)
            task = TeamTask(
                cohort_id=stream.cohort_id, application_id=application_id, kind=PROPOSAL, text=text, due_at=due
            )
            session.add(task)
            session.flush()
