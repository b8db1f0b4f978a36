"""What a person agrees to beyond the application itself: each can be given and taken back at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.people.models import Consent, Person

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


class Purpose(StrEnum):
    """What a consent is for."""

    LATER_COHORTS = "later_cohorts"
    REFERRAL = "referral"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """One consent, from when until when it was given."""

    purpose: str
    given_at: datetime
    withdrawn_at: datetime | None


def consents(session: Session, person_id: int) -> list[ConsentRow]:
    """Everything the person ever agreed to, the newest first."""
    rows = session.execute(
        sa.select(Consent.purpose, Consent.given_at, Consent.withdrawn_at)
        .where(Consent.person_id == person_id)
        .order_by(Consent.given_at.desc(), Consent.id.desc())
    )
    return [ConsentRow(*row) for row in rows]


def given(session: Session, person_id: int) -> set[Purpose]:
    """What the person agrees to now."""
    return {
        Purpose(row.purpose)
        for row in consents(session, person_id)
        if row.withdrawn_at is None and row.purpose in set(Purpose)
    }


def set_consents(session: Session, actor: Actor, wanted: Collection[Purpose], now: datetime) -> bool:
    """Agree to exactly these from now on; false where that is so already. A former consent keeps its end."""
    person_id = actor.person_id or 0
    # The person's row is the lock: two tabs that are saved at once give no consent twice.
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    present = given(session, person_id)
    for purpose in sorted(present - set(wanted)):
        session.execute(
            sa.update(Consent)
            .where(Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
            .values(withdrawn_at=now)
        )
        _record(session, actor, "consent.withdrawn", now, purpose)
    for purpose in sorted(set(wanted) - present):
        session.add(Consent(person_id=person_id, purpose=purpose, given_at=now))
        _record(session, actor, "consent.given", now, purpose)
    session.flush()
    return present != set(wanted)


def _record(session: Session, actor: Actor, action: str, now: datetime, purpose: Purpose) -> None:
    audit.record(session, actor, action, now, subject_type="person", subject_id=actor.person_id, after=purpose.value)
