"""Locks are taken in one order, applications before streams and each by key: PostgreSQL never finds a deadlock."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.offers.models import Offer
from matsapply.process import due, withdraw
from matsapply.process.release import release, seal
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import CloseReason, OfferState, Outcome, Role
from tests.process.ranked import CO, RECORDED, RELEASED, Ranked, S
from tests.stream_world import DATES, at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

LOCKED = re.compile(r"FROM (application|stream|cohort)\b.*FOR UPDATE", re.DOTALL)


@contextmanager
def locks(session: Session) -> Iterator[list[tuple[str, list[int]]]]:
    """What is locked meanwhile, in order: the table, and the keys its statement locked."""
    taken: list[tuple[str, list[int]]] = []

    def seen(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: Any) -> None:
        if (found := LOCKED.search(statement)) is not None:
            values = parameters.values() if isinstance(parameters, dict) else parameters
            taken.append((found[1], sorted(value for value in values if isinstance(value, int))))

    engine = session.get_bind()
    sa.event.listen(engine, "after_cursor_execute", seen)
    try:
        yield taken
    finally:
        sa.event.remove(engine, "after_cursor_execute", seen)


def in_order(taken: list[tuple[str, list[int]]]) -> bool:
    """Whether no lock was new after one that comes later in the order of tables and keys."""
    held: set[tuple[str, int]] = set()
    highest = ("", 0)
    for table, keys in taken:
        for key in keys:
            if (table, key) in held:
                continue
            if (table, key) < highest:
                return False
            highest = max(highest, (table, key))
            held.add((table, key))
    return True


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
    with locks(session) as taken:
        withdraw.withdraw_application(
            session, Actor(application.person_id), application, role=Role.APPLICANT, now=RECORDED
        )
    assert ("stream", sorted([world.red.id, world.blue.id])) in taken
    assert in_order(taken)
    with locks(session) as taken:
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
    with locks(session) as taken:
        release(session, ranked.first, batch, role=CO, now=RELEASED)
        session.flush()
    assert in_order(taken)
    with locks(session) as taken:
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
