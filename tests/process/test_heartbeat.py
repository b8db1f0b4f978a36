"""The heartbeat: whoever waits hears every 14 days, once, from released facts alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.process.heartbeat import heartbeats
from matsapply.process.withdraw import withdraw_application
from matsapply.rules.journey import HEARTBEAT
from matsapply.rules.stages import Role
from tests import factories as make
from tests.factories import NOW, at

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.people.models import Person

SECOND = timedelta(seconds=1)


def letters(session: Session, who: Person) -> list[str]:
    rows = sa.select(Notification.body_text).where(
        Notification.person_id == who.id, Notification.kind == Mail.HEARTBEAT
    )
    return list(session.scalars(rows.order_by(Notification.id)))


def test_whoever_waits_hears_every_fortnight_and_nobody_else_does(session: Session) -> None:
    world = make.cohort(session)
    ada, bo, cy = (make.person(session, name) for name in ("Ada Example", "Bo Example", "Cy Example"))
    make.submitted(session, world, ada)
    application, _ = make.submitted(session, world, bo)
    make.application(session, world, cy)
    withdraw_application(session, make.acting(bo), application, role=Role.APPLICANT, now=NOW)
    session.commit()
    assert heartbeats(session, NOW + HEARTBEAT - SECOND) == 0, "the receipt was news"
    assert heartbeats(session, NOW + HEARTBEAT) == 1
    assert heartbeats(session, NOW + HEARTBEAT) == 0
    assert heartbeats(session, NOW + 2 * HEARTBEAT - SECOND) == 0
    (first,) = letters(session, ada)
    assert "Your application is being read." in first
    assert "12 Feb 2027, 18:00 UTC" in first
    assert heartbeats(session, NOW + 2 * HEARTBEAT) == 1
    assert heartbeats(session, NOW + 3 * HEARTBEAT) == 1
    late = letters(session, ada)[-1]
    assert at("2027-02-12 18:00") < NOW + 3 * HEARTBEAT
    assert "not known yet" in late, "a date that has passed is not promised again"
    assert letters(session, bo) == letters(session, cy) == []
