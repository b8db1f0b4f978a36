"""Writing messages: rendered and stored in the transaction of their cause, sent afterwards by ``mail.sender``.

A message is identified by (cause, recipient, kind). However often its cause is retried, and however many processes
try at once, one row exists; the database's unique key decides.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.dialects import postgresql, sqlite

from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.mail.rendering import NotConfiguredError, configure, one_line, render
from matsapply.platform.db import new_public_id
from matsapply.rules.stages import MailState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CAUSE_LENGTH = 120
ADDRESS_LENGTH = 255
QUEUED = "mail.queued"  # set in session.info, so that the jobs can be woken after the commit


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a mass mail: to whom, why (the cause that makes it unique) and with which facts."""

    person_id: int | None
    recipient: str
    context: dict[str, Any]
    cause: str
    calendar: str = ""


def queue(
    session: Session,
    kind: Mail,
    *,
    cause: str,
    now: datetime,
    person_id: int | None,
    recipient: str,
    context: dict[str, Any],
    calendar: str = "",
    in_portal: bool = True,
) -> Notification | None:
    """Put one message into the outbox of the running transaction; ``None`` if this cause has told this recipient.

    ``cause`` is at most 120 characters, such as ``application:17:receipt:2``. An address that cannot be one does not
    stop the cause: the message is kept as failed, shows in the portal and in the list of what was not delivered.
    """
    row = _row(kind, Message(person_id, recipient, context, cause, calendar), now, in_portal=in_portal)
    made: Notification | None = session.scalars(_insert_one(session.get_bind().dialect.name), row).first()
    if made is not None:
        session.info[QUEUED] = True
    return made


def queue_many(
    session: Session, kind: Mail, messages: Iterable[Message], now: datetime, *, in_portal: bool = True
) -> int:
    """The same for a release. Returns how many were new. Rows go in by chance order, so that keys carry no rank."""
    rows = {row["dedupe_key"]: row for row in (_row(kind, each, now, in_portal=in_portal) for each in messages)}
    shuffled = list(rows.values())
    random.SystemRandom().shuffle(shuffled)
    if not shuffled:
        return 0
    session.flush()
    statement = _insert_many(session.get_bind().dialect.name)
    made = len(session.connection().execute(statement, shuffled).all())
    if made:
        session.info[QUEUED] = True
    return made


@cache
def _insert_one(dialect_name: str) -> Any:
    """Put together once: a statement that carries its values is made anew for every message."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    return dialect.insert(Notification).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Notification)


@cache
def _insert_many(dialect_name: str) -> Any:
    """The same for rows that come as parameters, as many to a statement as the database takes."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    table = Notification.__table__
    return dialect.insert(table).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(table.c.id)


def _row(kind: Mail, message: Message, now: datetime, *, in_portal: bool) -> dict[str, Any]:
    if not message.cause or len(message.cause) > CAUSE_LENGTH:
        raise ValueError(f"the cause of a message has 1 to {CAUSE_LENGTH} characters, not {len(message.cause)}")
    words = render(kind, message.context)
    address = normal_address(message.recipient)
    recipient = address or one_line(message.recipient, ADDRESS_LENGTH)
    return {
        "public_id": new_public_id(),
        "created_at": now,
        "updated_at": now,
        "version": 1,
        "kind": kind,
        "person_id": message.person_id,
        "recipient": recipient,
        "cause": message.cause,
        "dedupe_key": f"{message.cause}|{recipient}|{kind.value}",
        "subject": words.subject,
        "body_text": words.text,
        "body_html": words.html,
        "calendar": message.calendar,
        "in_portal": in_portal and message.person_id is not None,
        "state": MailState.QUEUED if address else MailState.FAILED,
        "tries": 0,
        "next_try_at": now,
        "last_error": "" if address else "This is not a mail address.",
    }


def normal_address(text: str) -> str | None:
    """The one address in ``text``, in the form it is sent to; ``None`` if it is none, or more than one."""
    if len(text) > ADDRESS_LENGTH:
        return None
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True, allow_domain_literal=False)
    except EmailNotValidError:
        return None
    local = found.ascii_local_part or found.local_part
    return f"{local}@{found.ascii_domain}"


__all__ = ["QUEUED", "Message", "NotConfiguredError", "configure", "normal_address", "queue", "queue_many"]
