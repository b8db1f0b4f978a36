"""The waitlist's order over several batches, and what a freed seat tells the team."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TeamTask
from matsapply.cohorts.models import KeyDate
from matsapply.decisions import actions as decisions
from matsapply.offers.models import Offer
from matsapply.offers.waitlist import proposal, propose_freed
from matsapply.process import placement
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import BatchScope, OfferState, Outcome
from tests.process.ranked import LATER, RECORDED, RELEASED, Ranked, S
from tests.stream_world import DATES, at

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.applications.models import StreamApplication


def waitlisted(ranked: Ranked, *numbers: int) -> None:
    """One batch of its own."""
    for number in numbers:
        ranked.record(ranked.applications[number], ranked.entries[number], Outcome.WAITLIST)
    batch = ranked.batch(BatchScope.OFFERS)
    for number, application in enumerate(ranked.applications):
        if ranked.entries[number].state is S.ASSESSED and number not in numbers:
            decisions.exclude(ranked.session, ranked.first, batch, application.id, "later", RECORDED)
    ranked.seal(batch)
    ranked.release(batch)


def test_E11_a_later_batch_stands_where_the_ranking_puts_it(session: Session) -> None:
    """Two leave, so that the numbers move up: the fifth, now third, does not pass the fourth who waits as number 4."""
    ranked = Ranked(session, 5)
    waitlisted(ranked, 3)
    ranked.leave(0)
    ranked.leave(1)
    waitlisted(ranked, 2, 4)
    found: list[StreamApplication] = []
    while (first := proposal(session, ranked.world.red.id)) is not None:
        entry = next(one for one in ranked.entries if one.id == first.stream_application_id)
        found.append(entry)
        ranked.leave(ranked.entries.index(entry), LATER)
    assert found == ranked.entries[2:]


def test_a_freed_seat_is_told_once(session: Session) -> None:
    ranked = Ranked(session, 1)
    waitlisted(ranked, 0)
    for _ in range(2):
        propose_freed(session, [ranked.world.red.id], LATER)
    told = session.scalars(sa.select(TeamTask).where(TeamTask.kind == "waitlist_proposal")).all()
    assert [task.application_id for task in told] == [ranked.applications[0].id]


def test_O3_tells_of_the_seats_it_freed_and_of_no_others(session: Session) -> None:
    """An offer declined long ago frees nothing again when another one is accepted."""
    ranked = Ranked(session, 2)
    world = ranked.world
    blue = world.entry(ranked.applications[0], world.blue, S.ASSESSED)
    red_offer, blue_offer = ranked.offer(ranked.entries[0]), ranked.offer(blue)
    ranked.record(ranked.applications[0], blue, Outcome.OFFER)
    batch = ranked.decide(Outcome.OFFER, Outcome.WAITLIST)
    ranked.seal(batch)
    ranked.release(batch)
    actor = Actor(ranked.applications[0].person_id)
    placement.decline_offer(session, actor, red_offer, now=LATER)
    session.execute(sa.delete(TeamTask))
    placement.accept_offer(session, actor, blue_offer, now=LATER, eligibility_confirmed=True)
    assert session.scalar(sa.select(sa.func.count()).select_from(TeamTask)) == 0


def date(ranked: Ranked, code: str, text: str | None) -> None:
    session = ranked.session
    own = sa.select(KeyDate).where(KeyDate.cohort_id == ranked.world.cohort.id, KeyDate.code == code)
    session.scalars(own).one().at = at(text) if text else None
    session.flush()


def test_43_an_offer_without_a_reply_date_ends_with_the_waitlist(session: Session) -> None:
    ranked = Ranked(session, 1)
    date(ranked, "T14", None)
    date(ranked, "T15", "2027-04-22 12:00")
    ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER)
    ranked.seal(batch)
    ranked.release(batch)
    offer = session.scalars(sa.select(Offer)).one()
    assert (offer.state, offer.expires_at) == (OfferState.PENDING, at("2027-04-22 12:00"))
    ranked.check()


def test_43_no_offer_is_released_once_the_waitlist_has_closed(session: Session) -> None:
    ranked = Ranked(session, 1)
    date(ranked, "T14", "2027-04-19 12:00")
    date(ranked, "T15", "2027-04-20 17:00")
    ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER)
    ranked.seal(batch)
    with pytest.raises(Refused) as refused:
        ranked.release(batch)
    assert refused.value.refusal.code is Code.CLOSED


def test_43_a_reply_date_that_has_passed_gives_days_from_now(session: Session) -> None:
    ranked = Ranked(session, 1)
    date(ranked, "T14", "2027-04-20 12:00")
    ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER)
    ranked.seal(batch)
    ranked.release(batch)
    offer = session.scalars(sa.select(Offer)).one()
    assert offer.expires_at == RELEASED + timedelta(days=7) < at(DATES["T15"])
