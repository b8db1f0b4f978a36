"""Interviews: S7, S7b, I1 to I7, and nobody in two places at once (invariant 50)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.interviews.actions import book, cancel_own, record_outcome
from matsapply.interviews.models import InterviewSlot
from matsapply.interviews.queries import open_slots
from matsapply.interviews.slots import Left, add_slots, withdraw_slot
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.process.stream_round import close_interviews, offer_interview
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import InterviewState, Role, StreamApplicationState
from tests.stream_world import DURING_INTERVIEWS, World, at

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.cohorts.models import Stream
    from matsapply.interviews.models import Interview
    from matsapply.people.models import Person

LEAD = Role.STREAM_LEAD
NOON = at("2027-03-12 12:00")
HALF = timedelta(minutes=30)


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, check=lambda error: error.refusal.code is code)


def slot(world: World, stream: Stream, start: datetime, *people: Person) -> InterviewSlot:
    added = add_slots(
        world.session,
        world.actor(people[0]),
        stream,
        [start],
        HALF,
        zone="Europe/London",
        interviewers=[person.id for person in people],
        now=DURING_INTERVIEWS,
    )
    assert not added.left
    return added.slots[0]


def offered(world: World, application: Application, stream: Stream, lead: Person) -> Interview:
    entry = world.entry(application, stream)
    return offer_interview(world.session, world.actor(lead), entry, LEAD, DURING_INTERVIEWS)


def me(application: Application) -> Actor:
    return Actor(application.person_id)


def test_S7_I1_I2_offered_booked_and_both_sides_told(world: World) -> None:
    application = world.applicant()
    interview = offered(world, application, world.red, world.lead)
    book(world.session, me(application), interview, slot(world, world.red, NOON, world.lead), DURING_INTERVIEWS)
    assert world.codes(application) == ["S7", "I1", "I2"]
    told = world.session.execute(
        sa.select(Notification.person_id, Notification.calendar).where(Notification.kind == Mail.INTERVIEW_BOOKED)
    ).all()
    assert {row[0] for row in told} == {application.person_id, world.lead.id}
    assert all("METHOD:REQUEST" in row[1] and "DTSTART:20270312T120000Z" in row[1] for row in told)


@pytest.mark.parametrize(("now", "code"), [("2027-03-08 07:59", Code.NOT_OPEN_YET), ("2027-04-09 23:00", Code.CLOSED)])
def test_S7_only_between_T10_and_T11(world: World, now: str, code: Code) -> None:
    entry = world.entry(world.applicant(), world.red)
    with refused(code):
        offer_interview(world.session, world.actor(world.lead), entry, LEAD, at(now))


def test_S7_not_over_a_conflict(world: World) -> None:
    application = world.applicant()
    entry = world.entry(application, world.red)
    world.conflict(world.lead, application)
    with refused(Code.CONFLICT):
        offer_interview(world.session, world.actor(world.lead), entry, LEAD, DURING_INTERVIEWS)


def test_slots_of_one_person_never_overlap_in_whatever_streams(world: World) -> None:
    slot(world, world.red, NOON, world.lead)
    again = add_slots(
        world.session,
        world.actor(world.lead),
        world.blue,
        [NOON + timedelta(minutes=29), NOON + HALF, at("2027-03-01 12:00"), at("2027-04-09 23:00")],
        HALF,
        zone="UTC",
        interviewers=[world.lead.id, world.blue_lead.id],
        now=DURING_INTERVIEWS,
    )
    assert [one.starts_at for one in again.slots] == [NOON + HALF]
    assert [why for _, why in again.left] == [Left.PAST, Left.OVERLAP, Left.OUTSIDE]


def test_invariant_50_a_slot_is_booked_once(world: World) -> None:
    first, second = world.applicant("One"), world.applicant("Two")
    one, two = (offered(world, application, world.red, world.lead) for application in (first, second))
    taken = slot(world, world.red, NOON, world.lead)
    book(world.session, me(first), one, taken, DURING_INTERVIEWS)
    with refused(Code.SLOT_TAKEN):
        book(world.session, me(second), two, taken, DURING_INTERVIEWS)
    with refused(Code.SLOT_TAKEN):
        withdraw_slot(world.session, world.actor(world.lead), taken, DURING_INTERVIEWS)


def test_invariant_50_an_applicant_is_in_one_place(world: World) -> None:
    application = world.applicant()
    red = offered(world, application, world.red, world.lead)
    blue = offered(world, application, world.blue, world.blue_lead)
    book(world.session, me(application), red, slot(world, world.red, NOON, world.lead), DURING_INTERVIEWS)
    overlapping = slot(world, world.blue, NOON + timedelta(minutes=29), world.blue_lead)
    touching = slot(world, world.blue, NOON + timedelta(minutes=60), world.blue_lead)
    shown = [one.public_id for one in open_slots(world.session, blue, application.person_id, DURING_INTERVIEWS)]
    assert shown == [touching.public_id]
    with refused(Code.DOUBLE_BOOKED):
        book(world.session, me(application), blue, overlapping, DURING_INTERVIEWS)
    book(world.session, me(application), blue, touching, DURING_INTERVIEWS)


def test_I2_a_slot_of_another_stream_cannot_be_taken(world: World) -> None:
    application = world.applicant()
    red = offered(world, application, world.red, world.lead)
    with refused(Code.SLOT_TAKEN):
        book(world.session, me(application), red, slot(world, world.blue, NOON, world.blue_lead), DURING_INTERVIEWS)


def test_I3_moved_twice_and_no_more(world: World) -> None:
    application = world.applicant()
    interview = offered(world, application, world.red, world.lead)
    slots = [slot(world, world.red, NOON + number * HALF, world.lead) for number in range(4)]
    for number in range(3):
        book(world.session, me(application), interview, slots[number], DURING_INTERVIEWS)
        book(world.session, me(application), interview, slots[number], DURING_INTERVIEWS)
    assert (interview.rebookings, interview.calendar_sequence) == (2, 3)
    with refused(Code.REBOOK_LIMIT):
        book(world.session, me(application), interview, slots[3], DURING_INTERVIEWS)
    assert interview.slot_id == slots[2].id


def test_I2_not_once_it_has_begun(world: World) -> None:
    application = world.applicant()
    interview = offered(world, application, world.red, world.lead)
    with refused(Code.CLOSED):
        book(world.session, me(application), interview, slot(world, world.red, NOON, world.lead), NOON)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (InterviewState.HELD, "I4"),
        (InterviewState.NO_SHOW_APPLICANT, "I5"),
        (InterviewState.NO_SHOW_INTERVIEWER, "I6"),
    ],
)
def test_I4_I5_I6_from_its_beginning_on(world: World, outcome: InterviewState, code: str) -> None:
    application = world.applicant()
    interview = offered(world, application, world.red, world.lead)
    book(world.session, me(application), interview, slot(world, world.red, NOON, world.lead), DURING_INTERVIEWS)
    mentor = world.actor(world.mentor)
    with refused(Code.NOT_DUE):
        record_outcome(world.session, mentor, Role.MENTOR, interview, outcome, NOON - timedelta(seconds=1))
    record_outcome(world.session, mentor, Role.MENTOR, interview, outcome, NOON)
    record_outcome(world.session, mentor, Role.MENTOR, interview, outcome, NOON)
    assert world.codes(application).count(code) == 1


def test_I7_S7b_given_up_by_the_applicant_and_offered_again(world: World) -> None:
    application = world.applicant()
    interview = offered(world, application, world.red, world.lead)
    entry = interview.stream_application
    taken = slot(world, world.red, NOON, world.lead)
    book(world.session, me(application), interview, taken, DURING_INTERVIEWS)
    cancel_own(world.session, me(application), interview, DURING_INTERVIEWS)
    assert entry.state is StreamApplicationState.IN_REVIEW
    assert world.codes(application)[-2:] == ["I7", "S7b"]
    calendars = world.session.scalars(
        sa.select(Notification.calendar).where(Notification.kind == Mail.INTERVIEW_CANCELLED)
    ).all()
    assert len(calendars) == 2
    assert all("METHOD:CANCEL" in text and "SEQUENCE:2" in text for text in calendars)
    again = offer_interview(world.session, world.actor(world.lead), entry, LEAD, DURING_INTERVIEWS)
    book(world.session, me(application), again, taken, DURING_INTERVIEWS)


def test_I7_only_for_oneself(world: World) -> None:
    interview = offered(world, world.applicant(), world.red, world.lead)
    with refused(Code.NOT_YOURS):
        cancel_own(world.session, me(world.applicant("Another")), interview, DURING_INTERVIEWS)


def test_I7_S7b_after_T11_what_nobody_booked_is_closed(world: World) -> None:
    application = world.applicant()
    interview = offered(world, application, world.red, world.lead)
    assert close_interviews(world.session, world.cohort.id, at("2027-04-09 22:59")) == 0
    assert close_interviews(world.session, world.cohort.id, at("2027-04-09 23:00")) == 1
    assert interview.state is InterviewState.CANCELLED
    assert interview.stream_application.state is StreamApplicationState.IN_REVIEW
    assert close_interviews(world.session, world.cohort.id, at("2027-04-09 23:00")) == 0
