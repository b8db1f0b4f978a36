"""Somebody leaves between a decision and its release, or while they wait: nobody else is stopped, no seat is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TrackChoice
from matsapply.decisions import actions as decisions
from matsapply.offers.models import Offer, StreamRanking, WaitlistEntry
from matsapply.offers.waitlist import proposal
from matsapply.process import waitlist, withdraw
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    CloseReason,
    OfferState,
    Outcome,
    Role,
    TrackChoiceState,
)
from tests.process.ranked import CO, LATER, RECORDED, RELEASED, Ranked, S

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def test_A9_after_the_sealing_does_not_stop_the_release_for_everybody_else(session: Session) -> None:
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.NOT_SELECT, Outcome.NOT_SELECT)
    ranked.seal(batch)
    gone, other = ranked.applications
    withdraw.withdraw_application(session, Actor(gone.person_id), gone, role=Role.APPLICANT, now=RECORDED)
    assert ranked.release(batch) == 1
    assert gone.close_reason is CloseReason.WITHDRAWN
    assert other.close_reason is CloseReason.NOT_SELECTED
    assert batch.member_count == 1
    ranked.check()


def test_A9_before_the_first_results_does_not_stop_them(session: Session) -> None:
    ranked = Ranked(session, 0)
    applications = [ranked.world.applicant(name) for name in ("Gone", "Here")]
    for application in applications:
        application.state = ApplicationState.SUBMITTED
        choice = session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == application.id)).one()
        choice.state = TrackChoiceState.CHOSEN
        session.flush()
        decisions.record_decision(
            session,
            ranked.first,
            role=Role.TRACK_LEAD,
            application=application,
            track_choice=choice,
            outcome=Outcome.ADVANCE,
            now=RECORDED,
        )
    batch = ranked.batch(BatchScope.FIRST_RESULT)
    ranked.seal(batch)
    gone, here = applications
    withdraw.withdraw_application(session, Actor(gone.person_id), gone, role=Role.APPLICANT, now=RECORDED)
    assert ranked.release(batch) == 1
    assert here.state is ApplicationState.IN_STREAMS
    assert gone.close_reason is CloseReason.WITHDRAWN
    ranked.check()


@pytest.mark.parametrize("sealed_first", [True, False])
def test_S17_of_somebody_with_an_offer_frees_the_seat_and_stops_nobody(session: Session, sealed_first: bool) -> None:
    ranked = Ranked(session, 2)
    offer = ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER, Outcome.NOT_SELECT)
    if sealed_first:
        ranked.seal(batch)
    ranked.leave(0)
    if not sealed_first:
        ranked.seal(batch)
    assert ranked.release(batch) == 1
    assert offer.state is OfferState.CANCELLED
    assert ranked.world.red.seats_held == 0
    ranked.check()


def test_S17_then_S21_after_the_sealing_is_told_and_not_released_without_a_seat(session: Session) -> None:
    ranked = Ranked(session, 1)
    ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER)
    ranked.seal(batch)
    ranked.leave(0)
    actor = Actor(ranked.applications[0].person_id)
    withdraw.undo_stream_withdrawal(session, actor, ranked.entries[0], now=RECORDED)
    with pytest.raises(Refused) as refused:
        ranked.release(batch)
    assert refused.value.refusal.code is Code.NOT_APPROVED


def test_a_decision_set_aside_by_a_release_can_be_taken_again(session: Session) -> None:
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.WAITLIST, Outcome.NOT_SELECT)
    ranked.seal(batch)
    ranked.leave(0, RELEASED - timedelta(hours=1))
    ranked.release(batch)
    actor = Actor(ranked.applications[0].person_id)
    withdraw.undo_stream_withdrawal(session, actor, ranked.entries[0], now=LATER)
    assert ranked.record(ranked.applications[0], ranked.entries[0], Outcome.NOT_SELECT).superseded_at is None
    ranked.check()


def test_S17_from_the_waitlist_makes_the_next_one_the_proposal(session: Session) -> None:
    """E11: never somebody who has withdrawn."""
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.WAITLIST, Outcome.WAITLIST)
    ranked.seal(batch)
    ranked.release(batch)
    ranked.leave(0, LATER)
    following = proposal(session, ranked.world.red.id)
    assert following is not None
    assert following.stream_application_id == ranked.entries[1].id
    ranked.check()
    offer = waitlist.promote(session, ranked.first, following, role=CO, reply_hours=48, now=LATER)
    assert offer.state is OfferState.PENDING
    ranked.check()


@pytest.mark.parametrize("wholly", [True, False])
def test_A9u_from_the_waitlist_gives_the_old_place_back(session: Session, wholly: bool) -> None:
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.WAITLIST, Outcome.WAITLIST)
    ranked.seal(batch)
    ranked.release(batch)
    application, entry = ranked.applications[0], ranked.entries[0]
    actor = Actor(application.person_id)
    if wholly:
        withdraw.withdraw_application(session, actor, application, role=Role.APPLICANT, now=LATER)
    else:  # after the decisions, leaving the last stream closes the application, and that is what is taken back
        ranked.leave(0, LATER)
        assert application.close_reason is CloseReason.WITHDRAWN
    withdraw.undo_withdrawal(session, actor, application, role=Role.APPLICANT, now=LATER)
    assert entry.state is S.WAITLISTED
    following = proposal(session, ranked.world.red.id)
    assert following is not None
    assert (following.stream_application_id, following.position) == (entry.id, 1)
    ranked.check()


def test_S12_after_the_system_has_locked_the_ranking(session: Session) -> None:
    """At T12 the version in force carries no name; the lead who saved the one before has signed."""
    ranked = Ranked(session, 1)
    session.execute(sa.update(StreamRanking).values(locked_at=None))
    ranked.rank(2, None)
    batch = ranked.decide(Outcome.WAITLIST)
    ranked.seal(batch)
    ranked.release(batch)
    entry = session.scalars(sa.select(WaitlistEntry)).one()
    offer = waitlist.promote(session, ranked.first, entry, role=CO, reply_hours=48, now=LATER)
    assert offer.approved_by_id == ranked.world.lead.id


def test_nobody_on_the_waitlist_is_refused_by_a_decision(session: Session) -> None:
    ranked = Ranked(session, 1)
    batch = ranked.decide(Outcome.WAITLIST)
    ranked.seal(batch)
    ranked.release(batch)
    with pytest.raises(Refused) as refused:
        ranked.record(ranked.applications[0], ranked.entries[0], Outcome.NOT_SELECT)
    assert refused.value.refusal.code is Code.WRONG_STATE


def test_O12_a_decision_changed_away_from_an_offer_gives_its_seat_back(session: Session) -> None:
    ranked = Ranked(session, 1)
    offer = ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.NOT_SELECT)
    ranked.seal(batch)
    ranked.release(batch)
    assert offer.state is OfferState.CANCELLED
    assert ranked.world.red.seats_held == 0
    ranked.check()


def test_O0_and_O1_are_refused_for_somebody_who_has_left(session: Session) -> None:
    ranked = Ranked(session, 1)
    ranked.leave(0)
    with pytest.raises(Refused) as refused:
        ranked.offer(ranked.entries[0])
    assert refused.value.refusal.code is Code.WRONG_STATE
    assert session.scalar(sa.select(sa.func.count()).select_from(Offer)) == 0


def test_A9u_leaves_a_track_that_was_dropped_earlier(session: Session) -> None:
    ranked = Ranked(session, 1)
    application = ranked.applications[0]
    dropped = TrackChoice(
        application_id=application.id, track_id=ranked.world.other_track.id, rank=2, state=TrackChoiceState.WITHDRAWN
    )
    session.add(dropped)
    session.flush()
    actor = Actor(application.person_id)
    withdraw.withdraw_application(session, actor, application, role=Role.APPLICANT, now=RECORDED)
    withdraw.undo_withdrawal(session, actor, application, role=Role.APPLICANT, now=RECORDED)
    assert dropped.state is TrackChoiceState.WITHDRAWN


def test_whoever_is_excluded_from_a_batch_is_not_released_with_it(session: Session) -> None:
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.NOT_SELECT, Outcome.NOT_SELECT)
    decisions.exclude(session, ranked.first, batch, ranked.applications[0].id, "to be settled", RECORDED)
    assert decisions.gather(session, batch) == 1
    ranked.seal(batch)
    assert ranked.release(batch) == 1
    assert [entry.state for entry in ranked.entries] == [S.ASSESSED, S.NOT_SELECTED]
