"""Locks are taken in one order, applications before streams and each by key: PostgreSQL never finds a deadlock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.offers.models import Offer
from matsapply.process import due, withdraw
from matsapply.process.release import release, seal
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import CloseReason, OfferState, Outcome, Role
from tests.locks import in_order, locks
from tests.process.ranked import CO, RECORDED, RELEASED, Ranked, S
from tests.stream_world import DATES, at

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


@pytest.mark.databases("postgresql")
def test_A9_locks_all_its_streams_by_key(session: Session) -> None:
    """The stream applications were made in the other order than the streams, and both are ranked."""
    ranked = Ranked(session, 0)
    world = ranked.world
    application = world.applicant("Ada")
    ranked.applications = [application]
    ranked.entries = [world.entry(application, world.blue, S.ASSESSED), world.entry(application, world.red, S.ASSESSED)]
    ranked.rank(2, None, [ranked.entries[1]])
    ranked.rank(1, None, [ranked.entries[0]], world.blue)
    with locks(session.get_bind()) as taken:
        withdraw.withdraw_application(
            session, Actor(application.person_id), application, role=Role.APPLICANT, now=RECORDED
        )
    assert ("stream", sorted([world.red.id, world.blue.id])) in taken
    assert in_order(taken)
    with locks(session.get_bind()) as taken:
        withdraw.undo_withdrawal(session, Actor(application.person_id), application, role=Role.APPLICANT, now=RECORDED)
    assert in_order(taken)


def pending(session: Session, people: int) -> Ranked:
    """Everybody has an offer of red, and of blue beside it."""
    ranked = Ranked(session, people)
    ranked.world.red.seats_max = ranked.world.blue.seats_max = people
    ranked.world.red.seats_target = ranked.world.blue.seats_target = people
    session.flush()
    for application in list(ranked.applications):
        blue = ranked.world.entry(application, ranked.world.blue, S.ASSESSED)
        ranked.offer(blue)
        ranked.record(application, blue, Outcome.OFFER)
    for entry in ranked.entries:
        ranked.offer(entry)
    return ranked


@pytest.mark.databases("postgresql")
def test_release_and_lapse_lock_all_applications_before_the_first_stream(session: Session) -> None:
    ranked = pending(session, 3)
    batch = ranked.decide(*[Outcome.OFFER] * 3)
    seal(session, ranked.first, batch, role=CO, now=RECORDED)
    with locks(session.get_bind()) as taken:
        release(session, ranked.first, batch, role=CO, now=RELEASED)
        session.flush()
    assert in_order(taken)
    with locks(session.get_bind()) as taken:
        while due.run_due(session, at(DATES["T14"])):
            session.flush()
    assert [table for table, _ in taken][:3] == ["application"] * 3
    assert in_order(taken)
    assert {one.close_reason for one in ranked.applications} == {CloseReason.OFFERS_DECLINED}
    ranked.check()


def refusing(monkeypatch: pytest.MonkeyPatch, name: str, first: object) -> None:
    """Somebody was quicker with the first subject: its piece of due work is refused."""
    real = getattr(due, name)

    def act(session: Session, subject: object, *, now: datetime) -> None:
        if subject is first:
            raise refuse(Code.WRONG_STATE)
        real(session, subject, now=now)

    monkeypatch.setattr(due, name, act)


def test_S16_a_refused_lapse_stops_nobody_elses(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = pending(session, 2)
    batch = ranked.decide(*[Outcome.OFFER] * 2)
    ranked.seal(batch)
    ranked.release(batch)
    offers = session.scalars(sa.select(Offer).order_by(Offer.application_id, Offer.id)).all()
    refusing(monkeypatch, "lapse_offer", offers[0])
    while due.run_due(session, at(DATES["T14"])):
        session.flush()
    assert [one.state for one in offers] == [OfferState.PENDING] + [OfferState.LAPSED] * 3
    ranked.check()


def test_S13_a_refused_close_stops_nobody_elses(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.WAITLIST, Outcome.WAITLIST)
    ranked.seal(batch)
    ranked.release(batch)
    refusing(monkeypatch, "close_waitlisted", ranked.entries[0])
    while due.run_due(session, at(DATES["T15"])):
        session.flush()
    assert [one.state for one in ranked.entries] == [S.WAITLISTED, S.NOT_SELECTED]
    ranked.check()
