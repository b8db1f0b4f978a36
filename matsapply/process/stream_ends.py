"""What ends, or comes back, with an application or a stream application: its tasks and interviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.applications.models import Application, StreamApplication
from matsapply.evaluations.upkeep import restore_tasks, settle, withdraw_tasks
from matsapply.interviews.actions import back_in_review, cancel_interviews
from matsapply.rules.access import SYSTEM
from matsapply.rules.stages import LIVE_STREAM_APPLICATION

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


def cancel_children(session: Session, application: Application, now: datetime) -> None:
    """V7 and I7 for everything open of an application that closes (invariant 12). It must be locked."""
    withdraw_tasks(session, application, now, every=True)
    cancel_interviews(session, application, now)


def cancel_stream_children(session: Session, entry: StreamApplication, now: datetime) -> None:
    """V7 and I7 for one stream application that ends; a shared task another live one waits for stays (E29)."""
    application = session.get_one(Application, entry.application_id)
    withdraw_tasks(session, application, now, besides=entry.id)
    cancel_interviews(session, application, now, only=entry.id)


def restore_stream_children(session: Session, entry: StreamApplication, now: datetime) -> None:
    """After S21: tasks withdrawn with the stream application are open again, with the clock they had.

    A cancelled interview does not come back: whoever was interviewing without one returns to review and may be asked
    again.
    """
    application = session.get_one(Application, entry.application_id)
    if entry.state in LIVE_STREAM_APPLICATION:
        restore_tasks(session, entry, now)
        settle(session, entry, now)
    back_in_review(session, SYSTEM, application, entry.id, now)
