"""The messages a person reads on the site: their own, and of those only what belongs into the portal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.mail.models import Notification

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.mail.kinds import Mail

PAGE = 50


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One message in the list."""

    public_id: str
    kind: Mail
    subject: str
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """One message to read."""

    public_id: str
    subject: str
    body_text: str
    created_at: datetime
    read_at: datetime | None


def messages_of(session: Session, person_id: int, *, before: str | None = None) -> tuple[list[InboxRow], str | None]:
    """A person's messages, the newest first, and the cursor of the older ones (None at the end). ``before`` is the
    public id of the last message of the page above."""
    statement = sa.select(
        Notification.id,
        Notification.public_id,
        Notification.kind,
        Notification.subject,
        Notification.created_at,
        Notification.read_at,
    ).where(_of(person_id))
    if before:
        anchor = (
            sa.select(Notification.created_at, Notification.id)
            .where(_of(person_id), Notification.public_id == before)
            .cte("anchor")
        )
        older = sa.or_(
            Notification.created_at < anchor.c.created_at,
            sa.and_(Notification.created_at == anchor.c.created_at, Notification.id < anchor.c.id),
        )
        statement = statement.join(anchor, older)
    statement = statement.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(PAGE + 1)
    found = [InboxRow(*row[1:]) for row in session.execute(statement)]
    return found[:PAGE], found[PAGE - 1].public_id if len(found) > PAGE else None


def message_of(session: Session, person_id: int, public_id: str) -> InboxMessage | None:
    """One of the person's own messages."""
    row = session.execute(
        sa.select(
            Notification.public_id,
            Notification.subject,
            Notification.body_text,
            Notification.created_at,
            Notification.read_at,
        ).where(_of(person_id), Notification.public_id == public_id)
    ).first()
    return InboxMessage(*row) if row else None


def unread_of(session: Session, person_id: int) -> int:
    """How many messages a person has not marked as read."""
    statement = sa.select(sa.func.count()).select_from(Notification)
    return session.scalar(statement.where(_of(person_id), Notification.read_at.is_(None))) or 0


def mark_read(session: Session, person_id: int, now: datetime, public_id: str | None = None) -> int:
    """Mark one message, or all, as read; how many were unread."""
    statement = sa.update(Notification).where(_of(person_id), Notification.read_at.is_(None))
    if public_id is not None:
        statement = statement.where(Notification.public_id == public_id)
    done = session.execute(statement.values(read_at=now, version=Notification.version + 1, updated_at=now))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _of(person_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(Notification.person_id == person_id, Notification.in_portal.is_(True))
