"""The private link under which a person's calendar reads their dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.mail.models import CalendarFeed
from matsapply.mail.tokens import digest_of, token_of
from matsapply.people.models import Account, Person
from matsapply.platform.db import new_public_id

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def own_token(session: Session, person_id: int) -> str | None:
    """The token of the person's link; None where there is none."""
    public_id = session.scalar(sa.select(CalendarFeed.public_id).where(CalendarFeed.person_id == person_id))
    return _token(public_id) if public_id else None


def open_feed(session: Session, person_id: int) -> None:
    """Make a link for the person; one who has a link keeps it."""
    # The person's row is the lock: of two presses at once, the second finds the link of the first.
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    if own_token(session, person_id) is None:
        public_id = new_public_id()
        session.add(CalendarFeed(public_id=public_id, person_id=person_id, token_digest=digest_of(_token(public_id))))


def close_feed(session: Session, person_id: int) -> None:
    """Revoke the person's link, if there is one."""
    session.execute(sa.delete(CalendarFeed).where(CalendarFeed.person_id == person_id))


def person_of(session: Session, token: str) -> int | None:
    """Whose link it is; None for a wrong or revoked token, and where the account no longer signs in."""
    return session.scalar(
        sa.select(CalendarFeed.person_id)
        .join(Account, Account.person_id == CalendarFeed.person_id)
        .where(CalendarFeed.token_digest == digest_of(token), Account.active)
    )


def _token(public_id: str) -> str:
    return token_of(f"calendar {public_id}")
