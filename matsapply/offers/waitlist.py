"""Reading the waitlist, and telling the team when a freed seat meets somebody who waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import StreamApplication, TeamTask
from matsapply.cohorts.models import Stream
from matsapply.offers.models import WaitlistEntry
from matsapply.offers.seats import seat_free
from matsapply.rules.stages import WaitlistState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


def proposal(session: Session, stream_id: int) -> WaitlistEntry | None:
    """The first active entry of the stream's waitlist: whom the system proposes for a freed seat (E11)."""
    return session.scalar(
        sa.select(WaitlistEntry)
        .where(WaitlistEntry.stream_id == stream_id, WaitlistEntry.state == WaitlistState.ACTIVE)
        .order_by(WaitlistEntry.position)
        .limit(1)
    )


def propose_freed(session: Session, stream_ids: list[int], now: datetime) -> None:
    """Tell the team when a freed seat meets somebody who waits for it."""
    session.flush()
    for stream_id in sorted(set(stream_ids)):
        entry = proposal(session, stream_id)
        stream = session.get_one(Stream, stream_id)
        if entry is None or not seat_free(stream):
            continue
        session.add(
            TeamTask(
                cohort_id=stream.cohort_id,
                application_id=session.get_one(StreamApplication, entry.stream_application_id).application_id,
                kind="waitlist_proposal",
                text=f"A seat in {stream.name} came free; position {entry.position} of its waitlist is next.",
                due_at=now + timedelta(days=1),
            )
        )
