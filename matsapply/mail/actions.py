"""What people do with messages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.mail.models import Notification
from matsapply.mail.outbox import QUEUED
from matsapply.rules.stages import MailState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def mark_read(session: Session, person_id: int, public_id: str, now: datetime) -> bool:
    """Note that the person opened a message of their own; the first time counts. False if there is no such message."""
    message = session.scalar(
        sa.select(Notification).where(
            Notification.person_id == person_id,
            Notification.public_id == public_id,
            Notification.in_portal.is_(True),
        )
    )
    if message is None:
        return False
    message.read_at = message.read_at or now
    return True


def mark_all_read(session: Session, person_id: int, now: datetime) -> None:
    """The same for every message of the person's inbox."""
    session.execute(
        sa.update(Notification)
        .where(Notification.person_id == person_id, Notification.in_portal.is_(True), Notification.read_at.is_(None))
        .values(read_at=now)
    )


def send_again(session: Session, public_id: str, now: datetime) -> bool:
    """Give a message that was given up or came back a new row of tries. False if it is not in that state."""
    message = session.scalar(
        sa.select(Notification)
        .where(Notification.public_id == public_id, Notification.state.in_([MailState.FAILED, MailState.BOUNCED]))
        .with_for_update()
    )
    if message is None:
        return False
    message.state = MailState.QUEUED
    message.tries = 0
    message.next_try_at = now
    session.info[QUEUED] = True
    return True
