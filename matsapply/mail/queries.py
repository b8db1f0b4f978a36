"""Reading messages: a person's inbox, and what was sent to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.platform.db import fetch
from matsapply.rules.stages import MailState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PAGE = 50  # messages


@dataclass(frozen=True, slots=True)
class Line:
    """A message in a list."""

    public_id: str
    kind: Mail
    recipient: str
    subject: str
    created_at: datetime
    state: MailState
    read_at: datetime | None
    in_portal: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A whole message. ``html`` is as sent: clean it before it goes into a page."""

    public_id: str
    kind: Mail
    recipient: str
    subject: str
    text: str
    html: str
    calendar: str
    created_at: datetime
    state: MailState
    sent_at: datetime | None
    read_at: datetime | None
    last_error: str
    in_portal: bool


_LINE: tuple[Any, ...] = (
    Notification.public_id,
    Notification.kind,
    Notification.recipient,
    Notification.subject,
    Notification.created_at,
    Notification.state,
    Notification.read_at,
    Notification.in_portal,
)
_OPENED: tuple[Any, ...] = (
    Notification.public_id,
    Notification.kind,
    Notification.recipient,
    Notification.subject,
    Notification.body_text,
    Notification.body_html,
    Notification.calendar,
    Notification.created_at,
    Notification.state,
    Notification.sent_at,
    Notification.read_at,
    Notification.last_error,
    Notification.in_portal,
)
_NEWEST_FIRST = (Notification.created_at.desc(), Notification.id.desc())


def inbox(session: Session, person_id: int, *, offset: int = 0, limit: int = PAGE) -> list[Line]:
    """Every message that was ever written to the person, newest first."""
    statement = (
        sa.select(*_LINE)
        .where(Notification.person_id == person_id)
        .order_by(*_NEWEST_FIRST)
        .offset(max(0, offset))
        .limit(limit)
    )
    return [Line(*row) for row in session.execute(statement)]


@dataclass(frozen=True, slots=True)
class Heard:
    """How many messages of the inbox are unread, and when the last one came."""

    unread: int
    last_at: datetime | None


def heard_of(*before: Any) -> sa.Select[Any]:
    """The row of ``Heard`` of ``person_id``, behind other columns where a larger statement has some."""
    return sa.select(
        *before,
        sa.func.count().filter(Notification.read_at.is_(None)).label("number"),
        sa.func.max(Notification.created_at).label("at"),
    ).where(Notification.person_id == sa.bindparam("person_id"), Notification.in_portal.is_(True))


_HEARD = heard_of()


def heard(session: Session, person_id: int) -> Heard:
    """One query."""
    (row,) = fetch(session, _HEARD, person_id=person_id)
    return Heard(*row)


def inbox_message(session: Session, person_id: int, public_id: str) -> Opened | None:
    """One message of the person's own inbox; ``None`` for anybody else's, as for one that does not exist."""
    statement = sa.select(*_OPENED).where(Notification.person_id == person_id, Notification.public_id == public_id)
    return _opened(session.execute(statement).first())


def mailbox(session: Session, *, recipient: str = "", offset: int = 0, limit: int = PAGE) -> tuple[list[Line], int]:
    """Every message whose recipient contains the text, newest first, and how many there are (the demo's mailbox)."""
    wanted = Notification.recipient.icontains(recipient.strip(), autoescape=True) if recipient.strip() else sa.true()
    count = session.scalar(sa.select(sa.func.count()).select_from(Notification).where(wanted)) or 0
    statement = sa.select(*_LINE).where(wanted).order_by(*_NEWEST_FIRST).offset(max(0, offset)).limit(limit)
    return [Line(*row) for row in session.execute(statement)], count


def mailbox_message(session: Session, public_id: str) -> Opened | None:
    """Any message (the demo's mailbox)."""
    return _opened(session.execute(sa.select(*_OPENED).where(Notification.public_id == public_id)).first())


def _opened(row: Sequence[Any] | None) -> Opened | None:
    return None if row is None else Opened(*row)


def undelivered(session: Session) -> list[Opened]:
    """Messages that were given up or came back: somebody has to reach these people another way."""
    statement = (
        sa.select(*_OPENED)
        .where(Notification.state.in_([MailState.FAILED, MailState.BOUNCED]))
        .order_by(*_NEWEST_FIRST)
    )
    return [Opened(*tuple(row)) for row in session.execute(statement)]


def waiting(session: Session, due_by: datetime) -> int:
    """How many messages should have gone out by then and did not."""
    statement = sa.select(sa.func.count()).where(
        Notification.state.in_([MailState.QUEUED, MailState.SENDING]), Notification.next_try_at <= due_by
    )
    return session.scalar(statement) or 0
