"""Many who act at one instant, each on a connection of their own: one outcome, one message, one line in the log."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.applications.models import Application, Snapshot
from matsapply.audit.models import AuditEvent
from matsapply.decisions.models import ReleaseBatch
from matsapply.interviews.actions import book
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.interviews.slots import add_slots
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.offers.models import Fellowship, Offer, WaitlistEntry
from matsapply.platform.db import configure_engine
from matsapply.platform.settings import Settings
from matsapply.process import apply, placement, waitlist, withdraw
from matsapply.process.release import release
from matsapply.process.stream_round import offer_interview
from matsapply.reviews import planning
from matsapply.reviews.models import ReadingPlan, ReviewAssignment, ReviewRound
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    ApplicationState,
    CloseReason,
    InterviewState,
    OfferState,
    Outcome,
    Role,
)
from matsapply.tracking.models import StateChange
from tests import factories as make
from tests.process.ranked import CO, LATER, RECORDED, RELEASED, Ranked, S
from tests.reviews.builders import NOW as REVIEWED, reviewing
from tests.stream_world import DURING_INTERVIEWS, HALF_HOUR, at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANY = 50
DONE = "done"


@pytest.fixture
def engine(live_database: str) -> Iterator[sa.Engine]:
    """One connection for each thread, as many as there are."""
    engine = sa.create_engine(live_database, poolclass=sa.NullPool)
    configure_engine(engine)
    yield engine
    engine.dispose()


def race(engine: sa.Engine, many: int, act: Callable[[Session, int], object]) -> Counter[str]:
    """``act`` in so many threads that start together; counts how many were done and why the others were refused.

    Anything but a refusal is an error of the test.
    """
    start, found, errors = threading.Barrier(many), Counter[str](), list[BaseException]()

    def run(number: int) -> None:
        try:
            with Session(engine) as session:
                start.wait()
                try:
                    act(session, number)
                    session.commit()
                    found[DONE] += 1
                except Refused as refused:
                    session.rollback()
                    found[refused.refusal.code.value] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    return found


def count(session: Session, model: Any, *conditions: Any) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model).where(*conditions)) or 0


def mails(session: Session, kind: Mail) -> int:
    return count(session, Notification, Notification.kind == kind)


def pending_offer(engine: sa.Engine) -> tuple[int, int]:
    """The keys of an offer that can be answered at ``LATER``, and of its person."""
    with Session(engine) as session:
        ranked = Ranked(session, 1)
        offer = ranked.offer(ranked.entries[0])
        batch = ranked.decide(Outcome.OFFER)
        ranked.seal(batch)
        ranked.release(batch)
        found = offer.id, offer.person_id
        session.commit()
    return found


def accept(session: Session, offer_id: int, person_id: int) -> None:
    offer = session.get_one(Offer, offer_id)
    placement.accept_offer(session, Actor(person_id), offer, now=LATER, eligibility_confirmed=True)


def kept_plans(engine: sa.Engine) -> tuple[list[int], list[tuple[int, int]], Actor]:
    """Two plans of the same four applications, the people who wrote them, and whoever applies the plans."""
    outbox.configure(Settings(base_url="http://localhost"))
    with Session(engine) as session:
        world = reviewing(session)
        team, _ = world.actor(Role.COORDINATOR), [world.actor() for _ in range(3)]
        people = [(one.person_id, one.id) for one in (world.application() for _ in range(4))]
        world.round()
        inputs = planning.gather(session, world.cohort.id, REVIEWED)
        plans = []
        for seed in (1, 2):
            options = planning.Options(1, False, 0, 5, seed, 0, 1, True)
            content = planning.work_out(inputs, options)
            plans.append(
                planning.keep_plan(session, team, world.cohort.id, options, inputs.digest, content, REVIEWED).id
            )
        session.commit()
    return plans, people, team


def apply_plan(session: Session, plan_id: int, team: Actor) -> None:
    plan = session.get_one(ReadingPlan, plan_id)
    planning.apply_kept(session, team, plan, session.scalars(sa.select(ReviewRound)).one(), REVIEWED, role=CO)


def test_25_two_plans_of_one_cohort_are_not_both_applied(engine: sa.Engine) -> None:
    plans, _, team = kept_plans(engine)
    found = race(engine, 2, lambda session, number: apply_plan(session, plans[number], team))
    assert found == {DONE: 1, Code.WRONG_STATE.value: 1}
    with Session(engine) as session:
        assert count(session, ReviewAssignment) == 4


def test_12_leaving_meets_a_plan(engine: sa.Engine) -> None:
    plans, people, team = kept_plans(engine)

    def act(session: Session, number: int) -> None:
        if number == 4:
            apply_plan(session, plans[0], team)
            return
        person, application_id = people[number]
        application = session.get_one(Application, application_id)
        withdraw.withdraw_application(session, Actor(person), application, role=Role.APPLICANT, now=REVIEWED)

    race(engine, 5, act)
    with Session(engine) as session:
        assert count(session, ReviewAssignment, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT)) == 0


def test_29_fifty_accept_one_offer(engine: sa.Engine) -> None:
    offer_id, person_id = pending_offer(engine)
    found = race(engine, MANY, lambda session, _: accept(session, offer_id, person_id))
    assert found == {DONE: 1, Code.WRONG_STATE.value: MANY - 1}
    with Session(engine) as session:
        assert session.get_one(Offer, offer_id).state is OfferState.ACCEPTED
        assert count(session, Fellowship) == 1
        assert mails(session, Mail.OFFER_ACCEPTED) == 1
        assert count(session, StateChange, StateChange.code == "O3") == 1
        assert count(session, AuditEvent, AuditEvent.action == "offer.O3") == 1


def test_29_accept_and_decline_meet(engine: sa.Engine) -> None:
    offer_id, person_id = pending_offer(engine)

    def answer(session: Session, number: int) -> None:
        if number % 2:
            accept(session, offer_id, person_id)
        else:
            placement.decline_offer(session, Actor(person_id), session.get_one(Offer, offer_id), now=LATER)

    assert race(engine, 20, answer) == {DONE: 1, Code.WRONG_STATE.value: 19}
    with Session(engine) as session:
        assert count(session, StateChange, StateChange.code.in_(["O3", "O4"])) == 1
        assert mails(session, Mail.OFFER_ACCEPTED) + mails(session, Mail.OFFER_DECLINED) == 1


def test_E9_two_offers_of_one_person_accepted_at_once(engine: sa.Engine) -> None:
    with Session(engine) as session:
        ranked = Ranked(session, 1)
        person = ranked.applications[0].person_id
        blue = ranked.world.entry(ranked.applications[0], ranked.world.blue, S.ASSESSED)
        offers = [ranked.offer(entry).id for entry in (ranked.entries[0], blue)]
        ranked.record(ranked.applications[0], blue, Outcome.OFFER)
        batch = ranked.decide(Outcome.OFFER)
        ranked.seal(batch)
        ranked.release(batch)
        session.commit()
    found = race(engine, 10, lambda session, number: accept(session, offers[number % 2], person))
    assert found[DONE] == 1
    with Session(engine) as session:
        states = sorted(session.get_one(Offer, key).state for key in offers)
        assert states == [OfferState.ACCEPTED, OfferState.SUPERSEDED]
        assert count(session, Fellowship) == 1


def test_30_fifty_approvals_for_the_last_seat(engine: sa.Engine) -> None:
    """A seat is taken when an offer is approved for the second time; an acceptance only keeps it."""
    with Session(engine) as session:
        ranked = Ranked(session, MANY)
        red, second = ranked.world.red, ranked.second
        red.seats_min, red.seats_target, red.seats_max = 0, 1, 1
        session.flush()
        offers = []
        for entry in ranked.entries:
            offer = placement.draft_offer(session, ranked.first, entry, role=CO, now=RECORDED)
            placement.approve_offer(session, ranked.first, offer, role=CO, now=RECORDED)
            offers.append(offer.id)
        stream_id = red.id
        session.commit()

    def approve(session: Session, number: int) -> None:
        placement.approve_offer(session, second, session.get_one(Offer, offers[number]), role=CO, now=RECORDED)

    assert race(engine, MANY, approve) == {DONE: 1, Code.NO_SEAT.value: MANY - 1}
    with Session(engine) as session:
        assert count(session, Offer, Offer.state == OfferState.APPROVED) == 1
        assert session.get_one(type(red), stream_id).seats_held == 1


def test_37_the_last_place_of_the_cohort(engine: sa.Engine) -> None:
    """Two streams with seats to spare, one place left in the cohort."""
    with Session(engine) as session:
        ranked = Ranked(session, 10)
        ranked.world.cohort.capacity, ranked.world.cohort.over_offer_allowance = 1, 0
        second = ranked.second
        entries = [
            entry if number % 2 else ranked.world.entry(ranked.applications[number], ranked.world.blue, S.ASSESSED)
            for number, entry in enumerate(ranked.entries)
        ]
        offers = []
        for entry in entries:
            offer = placement.draft_offer(session, ranked.first, entry, role=CO, now=RECORDED)
            placement.approve_offer(session, ranked.first, offer, role=CO, now=RECORDED)
            offers.append(offer.id)
        session.commit()

    def approve(session: Session, number: int) -> None:
        placement.approve_offer(session, second, session.get_one(Offer, offers[number]), role=CO, now=RECORDED)

    assert race(engine, 10, approve) == {DONE: 1, Code.COHORT_FULL.value: 9}


def test_30_the_freed_seat_is_given_once(engine: sa.Engine) -> None:
    with Session(engine) as session:
        ranked = Ranked(session, 2)
        red = ranked.world.red
        red.seats_min, red.seats_target, red.seats_max = 0, 1, 1
        batch = ranked.decide(Outcome.WAITLIST, Outcome.WAITLIST)
        ranked.seal(batch)
        ranked.release(batch)
        entries = list(session.scalars(sa.select(WaitlistEntry.id).order_by(WaitlistEntry.position)))
        actor = ranked.second
        session.commit()

    def promote(session: Session, number: int) -> None:
        entry = session.get_one(WaitlistEntry, entries[number % 2])
        waitlist.promote(session, actor, entry, role=CO, reply_hours=48, now=LATER)

    assert race(engine, 20, promote)[DONE] == 1
    with Session(engine) as session:
        assert count(session, Offer, Offer.state == OfferState.PENDING) == 1
        assert mails(session, Mail.WAITLIST_PROMOTION) == 1


def test_31_twenty_submits_at_once(engine: sa.Engine) -> None:
    """Ten tabs and ten presses of one button: the same content is one snapshot and one receipt."""
    with Session(engine) as session:
        world, ada = make.cohort(session), make.person(session)
        mine = make.application(session, world, ada)
        make.answer(session, ada, **make.ANSWERS)
        application_id, actor = mine.id, make.acting(ada)
        session.commit()

    def submit(session: Session, number: int) -> None:
        apply.submit(session, actor, submit_key=f"key {number % 11}", now=make.NOW)

    assert race(engine, 20, submit) == {DONE: 20}
    with Session(engine) as session:
        assert count(session, Snapshot, Snapshot.application_id == application_id) == 1
        assert count(session, StateChange, StateChange.code.in_(["A2", "A3"])) == 1
        assert mails(session, Mail.RECEIPT) == 1


def test_31_twenty_beginnings_at_once(engine: sa.Engine) -> None:
    """One live application for each person and cohort, by the rule or by the database."""
    with Session(engine) as session:
        world, ada = make.cohort(session), make.person(session)
        cohort_id, actor = world.cohort.id, make.acting(ada)
        session.commit()

    def begin(session: Session, _: int) -> None:
        apply.start(session, actor, cohort_id=cohort_id, now=make.NOW)

    found = race(engine, 20, begin)
    assert found == {DONE: 1, Code.LIVE_APPLICATION_EXISTS.value: 19}


def test_50_ten_book_one_slot(engine: sa.Engine) -> None:
    with Session(engine) as session:
        ranked = Ranked(session, 0)
        world, lead = ranked.world, ranked.world.actor(ranked.world.lead)
        starts = [at("2027-03-12 12:00")]
        add_slots(
            session,
            lead,
            world.red,
            starts,
            HALF_HOUR,
            zone="UTC",
            interviewers=[world.mentor.id],
            now=DURING_INTERVIEWS,
        )
        slot = session.scalars(sa.select(InterviewSlot.id)).one()
        people = []
        for number in range(10):
            application = world.applicant(f"P{number}")
            entry = world.entry(application, world.red, S.IN_REVIEW)
            interview = offer_interview(session, lead, entry, Role.STREAM_LEAD, DURING_INTERVIEWS)
            people.append((application.person_id, interview.id))
        session.commit()

    def take(session: Session, number: int) -> None:
        person, interview = people[number]
        chosen = session.get_one(InterviewSlot, slot)
        book(session, Actor(person), session.get_one(Interview, interview), chosen, DURING_INTERVIEWS)

    assert race(engine, 10, take) == {DONE: 1, Code.SLOT_TAKEN.value: 9}
    with Session(engine) as session:
        assert count(session, Interview, Interview.state == InterviewState.BOOKED) == 1


def test_34_a_batch_released_by_eight_at_once(engine: sa.Engine) -> None:
    with Session(engine) as session:
        ranked = Ranked(session, 3)
        batch = ranked.decide(*[Outcome.NOT_SELECT] * 3)
        ranked.seal(batch)
        key, actor = batch.id, ranked.first
        session.commit()

    def let_out(session: Session, _: int) -> None:
        release(session, actor, session.get_one(ReleaseBatch, key), role=CO, now=RELEASED)

    assert race(engine, 8, let_out) == {DONE: 1, Code.WRONG_STATE.value: 7}
    with Session(engine) as session:
        assert mails(session, Mail.DECISION) == 3
        assert count(session, StateChange, StateChange.code == "RB3") == 1


def test_E1_leaving_meets_the_release(engine: sa.Engine) -> None:
    """Whoever leaves in the second of the release has either left before it or is told by it; nobody is stuck."""
    with Session(engine) as session:
        ranked = Ranked(session, 8)
        batch = ranked.decide(*[Outcome.NOT_SELECT] * 8)
        ranked.seal(batch)
        key, actor = batch.id, ranked.first
        people = [(one.person_id, one.id) for one in ranked.applications]
        model = type(ranked.applications[0])
        session.commit()

    def act(session: Session, number: int) -> None:
        if number == 8:
            release(session, actor, session.get_one(ReleaseBatch, key), role=CO, now=RELEASED)
            return
        person, application_id = people[number]
        application = session.get_one(model, application_id)
        withdraw.withdraw_application(session, Actor(person), application, role=Role.APPLICANT, now=RELEASED)

    race(engine, 9, act)
    with Session(engine) as session:
        assert session.get_one(ReleaseBatch, key).released_at == RELEASED
        rows = [session.get_one(model, application_id) for _, application_id in people]
        assert {row.state for row in rows} == {ApplicationState.CLOSED}
        told = mails(session, Mail.DECISION)
        assert told == sum(row.close_reason is CloseReason.NOT_SELECTED for row in rows)
        assert mails(session, Mail.WITHDRAWN) == 8 - told
