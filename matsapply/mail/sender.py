"""Sending what the outbox holds.

A row is claimed with an UPDATE that gives it a lease; whoever's UPDATE comes second finds it taken. It is sent outside
any transaction and marked afterwards. A process that dies in between leaves a lease that runs out: the message is then
sent again with the same Message-ID. The order is by chance, so that the hour of a mail says nothing about a ranking.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.mail.envelope import envelope
from matsapply.mail.models import Notification
from matsapply.people.models import EmailAddress
from matsapply.platform import smtp
from matsapply.platform.clock import monotonic
from matsapply.platform.db import transaction_mode
from matsapply.rules.stages import MailState

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from matsapply.platform.settings import Settings

AT_ONCE = 25  # messages a claim
LEASE = timedelta(minutes=10)
LEASE_RESERVE = timedelta(minutes=3)  # a send that could outlive its lease is not begun
TRIES = 12
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=6)
ERROR_LENGTH = 500

log = logging.getLogger(__name__)

Send = Callable[["EmailMessage", str], None]  # the message and its one recipient


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one round did. ``reachable`` is False where the server could not be spoken to."""

    sent: int = 0
    refused: int = 0
    reachable: bool = True

    @property
    def any(self) -> bool:
        return bool(self.sent or self.refused)


def deliver_all(engine: sa.Engine, settings: Settings, tell_time: Callable[[], datetime]) -> Delivery:
    """Send until nothing is due or the server cannot be reached. ``tell_time`` gives the present instant."""
    sent = refused = 0
    while True:
        done = deliver_some(engine, settings, tell_time)
        sent, refused = sent + done.sent, refused + done.refused
        if not done.reachable or not done.any:
            return Delivery(sent, refused, done.reachable)


def deliver_some(
    engine: sa.Engine, settings: Settings, tell_time: Callable[[], datetime], limit: int = AT_ONCE
) -> Delivery:
    """Claim at most ``limit`` due messages and send them; each is marked in a transaction of its own."""
    started = monotonic()
    now = tell_time()
    waiting = _claim(engine, now, limit)
    sent = refused = 0
    try:
        if not waiting:
            return Delivery()
        with _transport(settings) as send:
            while waiting:
                if monotonic() - started > (LEASE - LEASE_RESERVE).total_seconds():
                    break
                row = waiting[0]
                try:
                    send(envelope(row, settings.mail_from), row.recipient)
                except smtp.RefusedError as error:
                    _put_back(engine, row, tell_time(), str(error), for_good=error.bad_address)
                    refused += 1
                else:
                    _mark_sent(engine, row, tell_time())
                    sent += 1
                waiting.pop(0)
        return Delivery(sent, refused)
    except smtp.UnreachableError as error:
        log.warning("mail cannot be handed over now: %s", error)
        _put_back(engine, waiting.pop(0), tell_time(), str(error))
        return Delivery(sent, refused, reachable=False)
    finally:
        # What was claimed and not tried: as if it had never been claimed.
        _release(engine, waiting, tell_time())


@contextmanager
def _transport(settings: Settings) -> Iterator[Send]:
    if settings.mail == "smtp":
        with smtp.connect(settings) as connection:
            yield lambda message, recipient: connection.send(message, settings.mail_from, recipient)
        return
    folder = settings.data / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    yield lambda message, _recipient: _write(message, folder)


def _write(message: EmailMessage, folder: Path) -> None:
    """One file a message, named by its id, so that a second try replaces the first."""
    name = str(message["Message-ID"]).strip("<>").partition("@")[0]
    scratch = folder / f".{name}.new"
    scratch.write_bytes(bytes(message))
    scratch.replace(folder / f"{name}.eml")


# --- the rows -----------------------------------------------------------------------------------------------------


def _due(now: datetime) -> sa.ColumnElement[bool]:
    # A message never tried is due whatever its instant says: the demo's clock may have been set back since.
    waits = sa.or_(Notification.next_try_at <= now, Notification.tries == 0)
    return sa.or_(
        sa.and_(Notification.state == MailState.QUEUED, waits),
        sa.and_(Notification.state == MailState.SENDING, Notification.leased_until <= now),
    )


def _claim(engine: sa.Engine, now: datetime, limit: int) -> list[Any]:
    # A look first: most rounds find nothing and need no write lock.
    with transaction_mode("read"), engine.connect() as connection:
        keys = connection.scalars(sa.select(Notification.id).where(_due(now)).order_by(sa.func.random()).limit(limit))
        wanted = list(keys)
    if not wanted:
        return []
    table = Notification.__table__
    taken = (
        sa.update(Notification)
        .where(Notification.id.in_(wanted), _due(now))
        .values(
            state=MailState.SENDING,
            leased_until=now + LEASE,
            tries=Notification.tries + 1,
            version=Notification.version + 1,
        )
        .returning(*table.columns)
    )
    with engine.begin() as connection:
        rows = {row.id: row for row in connection.execute(taken)}
    return [rows[key] for key in wanted if key in rows]


def _change(engine: sa.Engine, row: Any, **values: Any) -> None:
    """Change a row that is still ours: another process may have swept up its lease."""
    statement = (
        sa.update(Notification)
        .where(Notification.id == row.id, Notification.state == MailState.SENDING)
        .where(Notification.leased_until == row.leased_until)
        .values(leased_until=None, version=Notification.version + 1, **values)
    )
    with engine.begin() as connection:
        if connection.execute(statement).rowcount == 0:
            log.warning("message %s was taken over by another sender", row.public_id)


def _mark_sent(engine: sa.Engine, row: Any, now: datetime) -> None:
    _change(engine, row, state=MailState.SENT, sent_at=now, last_error="")


def _put_back(engine: sa.Engine, row: Any, now: datetime, error: str, *, for_good: bool = False) -> None:
    """Queue again after a pause that doubles; give up after ``TRIES``, or at once where nobody has the address."""
    pause = min(FIRST_PAUSE * 2 ** (row.tries - 1), LONGEST_PAUSE)
    state = MailState.QUEUED
    if for_good:
        state = MailState.BOUNCED
        _note_bounce(engine, row.recipient, now)
    elif row.tries >= TRIES:
        state = MailState.FAILED
    _change(engine, row, state=state, next_try_at=now + pause, last_error=error[:ERROR_LENGTH])
    if state is not MailState.QUEUED:
        log.error("message %s (%s) was given up: %s", row.public_id, row.kind, error)


def _release(engine: sa.Engine, rows: list[Any], now: datetime) -> None:
    for row in rows:
        # A negative count never arises: the claim added one.
        _change(engine, row, state=MailState.QUEUED, tries=row.tries - 1, next_try_at=now)


def _note_bounce(engine: sa.Engine, address: str, now: datetime) -> None:
    statement = sa.update(EmailAddress).where(EmailAddress.address == address.lower()).values(bounced_at=now)
    with engine.begin() as connection:
        connection.execute(statement)
