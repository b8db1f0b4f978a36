"""The browsers in which an account is signed in: each sign-in is one device, ended by its owner or by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.people.models import Device

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.people.models import Account
    from matsapply.rules.access import Actor

# What a browser calls itself, from the most telling part to the least: many name the others beside themselves.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A signed-in browser as its owner reads it."""

    public_id: str
    name: str
    since: datetime
    ends_at: datetime
    here: bool


def device_name(user_agent: str) -> str:
    """Browser and system in words, such as "Firefox on Windows", from a User-Agent header."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def begin(
    session: Session,
    account: Account,
    *,
    mark_digest: str,
    instead_of: str,
    name: str,
    now: datetime,
    ends_at: datetime,
) -> None:
    """Note a sign-in. The device with the digest ``instead_of`` and those whose time is over are forgotten."""
    session.execute(
        sa.delete(Device).where(
            Device.account_id == account.id, sa.or_(Device.ends_at <= now, Device.mark_digest == instead_of)
        )
    )
    session.add(Device(account_id=account.id, mark_digest=mark_digest, name=name, created_at=now, ends_at=ends_at))
    session.flush()


def devices(session: Session, account_id: int, mark_digest: str, now: datetime) -> list[DeviceRow]:
    """Where the account is signed in, this device first, then the newest sign-in.

    That a sign-in is over after 14 days is held by the cookie, which bears the machine's time; the row says until when.
    """
    rows = session.scalars(
        sa.select(Device)
        .where(Device.account_id == account_id, sa.or_(Device.ends_at > now, Device.mark_digest == mark_digest))
        .order_by(Device.mark_digest != mark_digest, Device.id.desc())
    )
    return [
        DeviceRow(row.public_id, row.name, row.created_at, row.ends_at, row.mark_digest == mark_digest) for row in rows
    ]


def end(session: Session, actor: Actor, account: Account, public_id: str, now: datetime) -> bool:
    """Sign one device of the account out; its very next request is nobody's. False if there is none."""
    found = session.scalar(sa.select(Device).where(Device.account_id == account.id, Device.public_id == public_id))
    if found is None:
        return False
    session.delete(found)
    audit.record(session, actor, "account.device_ended", now, subject_type="person", subject_id=account.person_id)
    return True


def forget(session: Session, mark_digest: str) -> None:
    """The device signed itself out."""
    session.execute(sa.delete(Device).where(Device.mark_digest == mark_digest))


def forget_all(session: Session, account: Account, *, but: str = "") -> None:
    """Every device of the account is signed out, ``but`` the one with that digest."""
    session.execute(sa.delete(Device).where(Device.account_id == account.id, Device.mark_digest != but))
