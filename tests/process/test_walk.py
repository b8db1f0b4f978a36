"""The whole process, walked step by step by the real actions: every code of the two main tables is reached.

The name of each walk carries the codes it is there for; after every step all invariants hold.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from matsapply.evaluations.actions import start_task, submit_task
from matsapply.interviews.actions import book, record_outcome
from matsapply.interviews.slots import add_slots
from matsapply.people.models import PersonMerge
from matsapply.process import corrections, endings, placement, waitlist, withdraw
from matsapply.process.stream_readings import review_candidate
from matsapply.process.stream_round import invite_to_task, offer_interview, take_back_interview
from matsapply.reviews.actions import Entered, submit_review
from matsapply.reviews.rounds import assign, ensure_round
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    CloseReason,
    CohortState,
    InterviewState,
    Machine,
    OfferState,
    Outcome,
    Role,
    RoundKind,
    StreamApplicationState as S,
    StreamState,
)
from matsapply.rules.workflow_tables import TABLE
from tests import factories as make
from tests.process.road import APPLICANT, CO, DAY, HOUR, LEAD, Road, date

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

WALKS: dict[str, Callable[[Road], None]] = {}


def walk(codes: str) -> Callable[[Callable[[Road], None]], Callable[[Road], None]]:
    """Note a walk under the codes it must reach."""

    def noted(function: Callable[[Road], None]) -> Callable[[Road], None]:
        WALKS[codes] = function
        return function

    return noted


@walk("A1 A2 A3 A5 A6 A10 S1 S2 S4 S5 S6 S7 S7b S8 S10 S11 S14 S19 D1 D4 V1 V2 V3 I1 I2 I4 O0 O1 O2 O3 O8 W1 W4 F1 K1")
def from_a_first_visit_to_a_confirmed_place(road: Road) -> None:
    ada = road.submitted("Ada", "red", "blue")
    road.write("Ada", evidence="Another sentence.")
    road.submit("Ada")
    road.to(date("T2") + HOUR)
    until = road.now + DAY
    road.do(corrections.reopen, road.coordinators[0], ada, role=CO, until=until, reason="A file was broken.")
    road.write("Ada", evidence="A third sentence.")
    road.submit("Ada")
    score(road, "Ada")
    road.first_result("Ada")
    assert ada.state is ApplicationState.IN_STREAMS
    road.to(date("T7"))
    assert [road.entry("Ada", key).state for key in ("red", "blue")] == [S.IN_REVIEW, S.IN_REVIEW]
    do_the_task(road, "Ada")
    review(road, "Ada")
    be_interviewed(road, "Ada")
    road.to(date("T12") - HOUR)
    road.rank("red", "Ada")
    road.rank("blue", "Ada")
    road.decide_stream("Ada", "red", Outcome.OFFER)
    road.decide_stream("Ada", "blue", Outcome.WAITLIST)
    road.to(date("T13"))
    road.release(BatchScope.OFFERS)
    offer = road.offer("Ada", "red")
    road.do(placement.accept_offer, road.actor("Ada"), offer, eligibility_confirmed=True)
    assert ada.close_reason is CloseReason.PLACED
    road.do(placement.confirm_offer, road.coordinators[0], offer, role=CO)
    assert offer.state is OfferState.CONFIRMED


def score(road: Road, name: str) -> None:
    """D1 to D4: both reviewers read."""
    round_ = ensure_round(road.session, road.world.cohort.id, RoundKind.CENTRAL_SCORE)
    for reviewer in road.reviewers:
        made = assign(
            road.session, road.coordinators[0], round_, road.application(name), reviewer.person_id or 0, road.now
        )
        submit_review(road.session, reviewer, made, Entered(scores={"ability": 3}), road.now)
        road.check()


def do_the_task(road: Road, name: str) -> None:
    """S5 by the first stream that asks; the other one gains the result; S6 when it is handed in."""
    for key in ("red", "blue"):
        invite_to_task(road.session, road.lead, road.entry(name, key), road.task, LEAD, road.now)
        road.check()
    assert road.entry(name, "red").state is S.EVALUATING
    task, actor = road.invite(name), road.actor(name)
    start_task(road.session, actor, task, road.now, ai_rule=True)
    submit_task(road.session, actor, task, "What I found.", road.now)
    road.check()
    assert road.entry(name, "red").state is S.IN_REVIEW


def review(road: Road, name: str) -> None:
    entered, cohort = Entered(scores={"ability": 4}), road.world.cohort.id
    review_candidate(road.session, road.mentor, Role.MENTOR, cohort, road.entry(name, "red"), entered, road.now)
    road.check()


def be_interviewed(road: Road, name: str) -> None:
    road.to(date("T10") + DAY)
    starts = [road.now + 2 * HOUR]
    people = [road.mentor.person_id or 0]
    stream = road.world.streams["red"]
    road.do(add_slots, road.mentor, stream, starts, HOUR / 2, zone="UTC", interviewers=people)
    taken_back = offer_interview(road.session, road.lead, road.entry(name, "red"), LEAD, road.now)
    road.check()
    take_back_interview(road.session, road.lead, taken_back, LEAD, road.now, reason="Too early.")
    road.check()
    assert road.entry(name, "red").state is S.IN_REVIEW
    offer_interview(road.session, road.lead, road.entry(name, "red"), LEAD, road.now)
    road.check()
    interview = road.interview(name, "red")
    book(road.session, road.actor(name), interview, road.slots()[-1], road.now)
    road.check()
    road.to(road.now + 3 * HOUR)
    record_outcome(road.session, road.mentor, Role.MENTOR, interview, InterviewState.HELD, road.now)
    road.check()
    assert road.entry(name, "red").state is S.INTERVIEWING


@walk("A1 A2 A4 A13 S17 S21")
def never_submitted_and_opened_again(road: Road) -> None:
    road.begin("Ada")
    ada = road.application("Ada")
    road.write("Ada", tracks=["empirical"])
    road.choose("Ada", "red")
    road.to(date("T2") + timedelta(minutes=15))
    assert ada.close_reason is CloseReason.NEVER_SUBMITTED
    assert road.entry("Ada", "red").state is S.WITHDRAWN
    first, second = road.admins
    named = {"second_actor_id": second.person_id, "reason": "Our mail never arrived.", "until": road.now + DAY}
    road.do(corrections.correct_closing, first, ada, **named)
    road.settle()
    assert road.entry("Ada", "red").state is S.CHOSEN
    road.write("Ada", **make.ANSWERS)
    road.submit("Ada")
    assert ada.state is ApplicationState.SUBMITTED


@walk("A6 A7 A8 A13 S9 S9u K2 K6")
def not_advanced_and_not_eligible_by_an_error(road: Road) -> None:
    for name in ("Ada", "Bo"):
        road.submitted(name, "red")
        road.application(name).score_count = 9
    road.to(date("T5"))
    road.decide_track("Ada", "empirical", Outcome.NOT_ADVANCE)
    road.decide_ineligible("Bo")
    road.release(BatchScope.FIRST_RESULT)
    ada, bo = road.application("Ada"), road.application("Bo")
    assert [ada.close_reason, bo.close_reason] == [CloseReason.NOT_ADVANCED, CloseReason.INELIGIBLE]
    first, second = road.admins
    for application in (ada, bo):
        named = {"second_actor_id": second.person_id, "reason": "Two files were swapped."}
        road.do(corrections.correct_closing, first, application, **named)
    assert [road.entry(name, "red").state for name in ("Ada", "Bo")] == [S.CHOSEN, S.CHOSEN]
    for name in ("Ada", "Bo"):
        road.decide_track(name, "empirical", Outcome.ADVANCE)
    assert road.release(BatchScope.FIRST_RESULT) == 2
    assert {ada.state, bo.state} == {ApplicationState.IN_STREAMS}


@walk("A9 A9u A13 S3 S17 S21 S21b K3 K5")
def leaving_and_coming_back(road: Road) -> None:
    ada = road.submitted("Ada", "red", "blue")
    road.choose("Ada", "blue")
    road.submit("Ada")
    assert road.entry("Ada", "red").state is S.WITHDRAWN
    road.choose("Ada", "blue", "red")
    road.submit("Ada")
    road.do(withdraw.withdraw_stream, road.actor("Ada"), road.entry("Ada", "red"))
    road.do(withdraw.undo_stream_withdrawal, road.actor("Ada"), road.entry("Ada", "red"))
    assert [road.entry("Ada", key).rank for key in ("blue", "red")] == [1, 2]
    road.do(withdraw.withdraw_application, road.actor("Ada"), ada, role=APPLICANT)
    road.do(withdraw.undo_withdrawal, road.actor("Ada"), ada, role=APPLICANT)
    assert ada.state is ApplicationState.SUBMITTED
    road.do(withdraw.withdraw_application, road.coordinators[0], ada, role=CO, reason="Asked for by letter.")
    road.to(road.now + 3 * DAY)
    named = {"second_actor_id": road.admins[1].person_id, "reason": "The letter was about somebody else."}
    road.do(corrections.correct_closing, road.admins[0], ada, **named)
    assert [road.entry("Ada", key).state for key in ("blue", "red")] == [S.CHOSEN, S.CHOSEN]


@walk("A11 S9 S11 S12 S13 S15 S16 O4 O5 O6 W2 W3 W5")
def declined_lapsed_promoted_and_passed_over(road: Road) -> None:
    road.world.streams["red"].seats_max = 2
    names = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")
    road.at_ranking(*names)
    outcomes = [Outcome.OFFER] * 2 + [Outcome.WAITLIST] * 3 + [Outcome.NOT_SELECT]
    for name, outcome in zip(names, outcomes, strict=True):
        road.decide_stream(name, "red", outcome)
    road.release(BatchScope.OFFERS)
    assert road.application("Flo").close_reason is CloseReason.NOT_SELECTED
    road.do(placement.decline_offer, road.actor("Ada"), road.offer("Ada", "red"), reason="Another place.")
    road.do(waitlist.skip, road.coordinators[0], road.waiting("Cy", "red"), role=CO, reason="Cannot come in June.")
    road.do(waitlist.promote, road.coordinators[0], road.waiting("Di", "red"), role=CO, reply_hours=48)
    later = road.now + 3 * DAY
    road.do(placement.extend_offer, road.coordinators[0], road.offer("Di", "red"), role=CO, until=later)
    road.to(date("T14"))
    assert [road.application(name).close_reason for name in ("Bo", "Di")] == [CloseReason.OFFERS_DECLINED] * 2
    road.to(date("T15"))
    assert [road.application(name).close_reason for name in ("Cy", "Ed")] == [CloseReason.NOT_SELECTED] * 2


@walk("S18 T4 F2 O12")
def a_stream_that_no_longer_runs(road: Road) -> None:
    road.world.streams["red"].seats_max = 3
    names = ("Ada", "Bo", "Cy")
    road.at_ranking(*names, streams=("red", "blue"))
    road.decide_stream("Ada", "red", Outcome.OFFER)
    road.decide_stream("Ada", "blue", Outcome.NOT_SELECT)
    road.release(BatchScope.OFFERS, "Bo", "Cy")
    road.do(placement.accept_offer, road.actor("Ada"), road.offer("Ada", "red"), eligibility_confirmed=True)
    road.decide_stream("Bo", "red", Outcome.OFFER)
    named = {"second_actor_id": road.admins[1].person_id, "reason": "The mentor is ill."}
    assert road.do(endings.cancel_stream, road.admins[0], road.world.streams["red"], **named) == 2
    assert road.world.streams["red"].state is StreamState.CANCELLED
    assert [road.entry("Bo", "red").state, road.entry("Bo", "blue").state] == [S.CANCELLED_BY_STREAM, S.ASSESSED]
    assert road.entry("Bo", "blue").rank == 1
    assert road.offer("Bo", "red").state is OfferState.CANCELLED


@walk("A16 S20 O11 F3 A9p A9u S17a O9 O9u F1u")
def a_place_given_up_taken_back_and_rescinded(road: Road) -> None:
    road.at_ranking("Ada")
    road.decide_stream("Ada", "red", Outcome.OFFER)
    road.release(BatchScope.OFFERS)
    ada, offer = road.application("Ada"), road.offer("Ada", "red")
    road.do(placement.accept_offer, road.actor("Ada"), offer, eligibility_confirmed=True)
    road.do(withdraw.withdraw_application, road.actor("Ada"), ada, role=APPLICANT)
    assert road.world.streams["red"].seats_held == 0
    road.do(withdraw.undo_withdrawal, road.actor("Ada"), ada, role=APPLICANT)
    assert ada.close_reason is CloseReason.PLACED
    named = {"second_actor_id": road.admins[1].person_id, "reason": "A statement was false."}
    road.do(placement.rescind_offer, road.admins[0], offer, **named)
    assert ada.close_reason is CloseReason.RESCINDED


@walk("A12 O10 S17a F3")
def a_place_deferred(road: Road) -> None:
    road.at_ranking("Ada", "Bo")
    road.decide_stream("Ada", "red", Outcome.OFFER)
    road.release(BatchScope.OFFERS, "Bo")
    road.do(placement.accept_offer, road.actor("Ada"), road.offer("Ada", "red"), eligibility_confirmed=True)
    later = make.cohort(road.session, state=CohortState.DRAFT).cohort
    for name in ("Ada", "Bo"):
        application = road.application(name)
        named = {"to_cohort_id": later.id, "reason": "A degree ends two months later."}
        road.do(endings.grant_deferral, road.admins[0], application, **named)
        assert application.close_reason is CloseReason.DEFERRED
    assert road.offer("Ada", "red").state is OfferState.DEFERRED
    assert road.world.streams["red"].seats_held == 0


@walk("A14 S17 D9")
def two_records_of_one_person(road: Road) -> None:
    road.submitted("Ada", "red")
    twin = road.submitted("Ada again", "red")
    round_ = ensure_round(road.session, road.world.cohort.id, RoundKind.CENTRAL_SCORE)
    assign(road.session, road.coordinators[0], round_, twin, road.reviewers[0].person_id or 0, road.now)
    road.session.add(
        PersonMerge(
            survivor_id=road.people["Ada"].id,
            merged_id=road.people["Ada again"].id,
            actor_id=road.admins[0].person_id or 0,
            reason="The same person.",
        )
    )
    road.session.flush()
    road.do(endings.close_merged, road.admins[0], twin, reason="The same person.")
    assert twin.close_reason is CloseReason.MERGED


@walk("A15 S18 S20 O11 C3")
def a_cohort_that_does_not_take_place(road: Road) -> None:
    road.at_ranking("Ada", "Bo", "Cy", streams=("red", "blue"))
    road.decide_stream("Ada", "red", Outcome.OFFER)
    road.decide_stream("Ada", "blue", Outcome.NOT_SELECT)
    road.decide_stream("Bo", "red", Outcome.WAITLIST)
    road.decide_stream("Bo", "blue", Outcome.NOT_SELECT)
    road.release(BatchScope.OFFERS, "Cy")
    named = {"second_actor_id": road.admins[1].person_id, "reason": "There is no money."}
    assert road.do(endings.cancel_cohort, road.admins[0], road.world.cohort, **named) == 3
    reasons = {road.application(name).close_reason for name in ("Ada", "Bo", "Cy")}
    assert reasons == {CloseReason.COHORT_CANCELLED}
    assert road.world.cohort.state is CohortState.FINISHED


@pytest.mark.parametrize("codes", WALKS, ids=[codes.replace(" ", "-") for codes in WALKS])
def test_walk(session: Session, codes: str) -> None:
    road = Road(session)
    WALKS[codes](road)
    assert set(codes.split()) <= road.codes()


def test_every_code_of_the_two_main_tables_is_walked() -> None:
    """A1 to A15 and S1 to S21, with their variants; S1b (an invitation into a stream) has no action yet."""
    walked = {code for codes in WALKS for code in codes.split()}
    main = {row.code for row in TABLE.values() if row.machine in {Machine.APPLICATION, Machine.STREAM_APPLICATION}}
    assert main - walked == {"S1b"}
    assert {f"A{number}" for number in range(1, 16)} | {f"S{number}" for number in range(1, 22)} <= walked
