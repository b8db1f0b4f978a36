"""A stream's slots and interviews: every act of the pages, taken and refused."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.rules.stages import InterviewState, Role, StreamApplicationState
from tests.desk import problems
from tests.stream_desk import NOON, StreamDesk
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

PAGE = "/stream/red/interviews"
CARD = {"score-reasoning_live": "3", "score-questions_asked": "4"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a stream's people for no second factor."""
    return replace(settings, demo=True)


@pytest.fixture
def stream_desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    return StreamDesk.open(app, live_session, clock)


def slots(desk: StreamDesk) -> list[InterviewSlot]:
    desk.session.commit()
    found = list(desk.session.scalars(sa.select(InterviewSlot).order_by(InterviewSlot.starts_at)))
    desk.session.commit()
    return found


def times(desk: StreamDesk, text: str, zone: str = "Europe/London", **more: Any) -> dict[str, Any]:
    return {"times": text, "zone": zone, "minutes": "30", "interviewers": str(desk.world.mentor.id), **more}


# --- slots ------------------------------------------------------------------------------------------------------------


def test_slots_are_added_in_the_zone_that_was_named(stream_desk: StreamDesk) -> None:
    """E19: on 12 March London has 17:00 UTC; on 29 March summer time has begun."""
    sent = stream_desk.mentor.post(PAGE, times(stream_desk, "2027-03-12 17:00 17:30\r\n2027-03-29 17:00"))
    assert (sent.status_code, sent.location) == (303, f"{PAGE}?week=2027-03-12")
    assert [slot.starts_at for slot in slots(stream_desk)] == [
        at("2027-03-12 17:00"), at("2027-03-12 17:30"), at("2027-03-29 16:00"),
    ]  # fmt: skip
    shown = stream_desk.mentor.get(sent.location).text
    assert "3 slots were added." in shown
    assert shown.count('class="week-slot week-free"') == 2
    assert "Later" in shown


def test_what_does_not_fit_is_left_out_and_named(stream_desk: StreamDesk) -> None:
    stream_desk.slot(NOON, stream_desk.world.mentor)
    text = "2027-03-12 12:15 13:00\n2027-03-09 12:00\n2027-05-09 12:00"
    assert stream_desk.mentor.post(PAGE, times(stream_desk, text, "UTC")).status_code == 303
    shown = stream_desk.mentor.get(PAGE).text
    assert "1 slot was added." in shown
    for said in ("overlaps another slot", "lies in the past", "lies outside the interview dates"):
        assert said in shown
    assert [slot.starts_at for slot in slots(stream_desk)] == [NOON, at("2027-03-12 13:00")]


def test_a_form_that_cannot_be_read_keeps_what_was_typed(stream_desk: StreamDesk) -> None:
    good = "2027-03-12 17:00"
    for change, said in (
        ({"times": ""}, "Write at least one date and time."),
        ({"times": "next Tuesday"}, "Line 1: write a date and a time"),
        ({"times": "2027-03-14 02:30", "zone": "America/Los_Angeles"}, "does not exist there"),
        ({"times": "2027-10-31 01:30"}, "happens twice there"),
        ({"zone": "Middle/Earth"}, "There is no such time zone."),
        ({"minutes": "3"}, "5 to 240 minutes"),
        ({"minutes": "many"}, "Not a valid integer"),
        ({"interviewers": ""}, ""),
        ({"interviewers": str(stream_desk.world.blue_lead.id)}, ""),
        ({"video_link": "http://plain.example/room"}, "https://"),
        ({"video_link": "javascript:alert(1)"}, "https://"),
    ):
        fields = {**times(stream_desk, good), **change}
        refused = stream_desk.mentor.post(PAGE, fields)
        assert refused.status_code == 422, change
        assert problems(refused), change
        assert said in problems(refused)
        assert str(fields["times"]) in refused.text
        assert f'value="{fields["zone"]}"' in refused.text
    assert slots(stream_desk) == []


def test_a_free_slot_is_taken_back_and_a_booked_one_is_not(stream_desk: StreamDesk) -> None:
    free, taken = stream_desk.slot(NOON), stream_desk.slot(NOON + timedelta(hours=1))
    stream_desk.booked(stream_desk.entry(), taken)
    assert stream_desk.mentor.post(f"{PAGE}/slots/{free.public_id}/withdraw", form=PAGE).status_code == 303
    assert stream_desk.fresh(free).withdrawn_at is not None
    refused = stream_desk.mentor.post(f"{PAGE}/slots/{taken.public_id}/withdraw", form=PAGE)
    assert (refused.status_code, bool(problems(refused))) == (409, True)
    assert stream_desk.fresh(taken).withdrawn_at is None
    assert stream_desk.mentor.post(f"{PAGE}/slots/{'0' * 13}/withdraw", form=PAGE).status_code == 404


# --- offering ---------------------------------------------------------------------------------------------------------


def test_an_interview_is_offered_once_and_between_its_dates(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    assert "Offer an interview" in stream_desk.lead.get(page).text
    assert stream_desk.lead.post(f"{page}/interview", form=page).status_code == 303
    assert stream_desk.fresh(ada).state is StreamApplicationState.INTERVIEWING
    refused = stream_desk.lead.post(f"{page}/interview", form=page)
    assert (refused.status_code, bool(problems(refused))) == (409, True)
    late = stream_desk.page(stream_desk.entry("Bo Late"))
    stream_desk.clock.move_to(at("2027-04-09 23:00"))
    refused = stream_desk.lead.post(f"{late}/interview", form=late)
    assert (refused.status_code, "deadline has passed" in problems(refused)) == (409, True)
    assert "Offer an interview" not in stream_desk.lead.get(late).text
    stream_desk.session.commit()
    assert stream_desk.session.scalar(sa.select(sa.func.count()).select_from(Interview)) == 1


# --- what happened ----------------------------------------------------------------------------------------------------


HAPPENED = (InterviewState.HELD, InterviewState.NO_SHOW_APPLICANT, InterviewState.NO_SHOW_INTERVIEWER)


@pytest.mark.parametrize("outcome", HAPPENED)
def test_what_happened_is_recorded_from_its_beginning_on(stream_desk: StreamDesk, outcome: InterviewState) -> None:
    one = stream_desk.booked(stream_desk.entry(), stream_desk.slot())
    page = f"{PAGE}/{one.public_id}"
    early = stream_desk.mentor.post(f"{page}/outcome", {"outcome": outcome.value}, form=page)
    assert (early.status_code, bool(problems(early))) == (409, True)
    assert "What happened?" not in stream_desk.mentor.get(page).text
    stream_desk.clock.move_to(NOON)
    assert stream_desk.mentor.post(f"{page}/outcome", {"outcome": "postponed"}, form=page).status_code == 400
    assert stream_desk.mentor.post(f"{page}/outcome", {"outcome": outcome.value}, form=page).status_code == 303
    assert stream_desk.fresh(one).state is outcome
    other = HAPPENED[HAPPENED.index(outcome) - 1]
    again = stream_desk.mentor.post(f"{page}/outcome", {"outcome": other.value}, form=page)
    assert again.status_code == 409
    assert stream_desk.fresh(one).state is outcome


def test_a_booked_interview_is_cancelled_with_a_reason(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    one = stream_desk.booked(ada, stream_desk.slot())
    page = f"{PAGE}/{one.public_id}"
    long = stream_desk.lead.post(f"{page}/cancel", {"reason": "r" * 501}, form=page)
    assert (long.status_code, problems(long)) == (422, "Keep the reason under 500 characters.")
    assert f'value="{"r" * 501}"' in long.text
    assert stream_desk.mentor.post(f"{page}/cancel", {"reason": "ill"}, form=page).status_code == 403
    assert stream_desk.lead.post(f"{page}/cancel", {"reason": "ill"}, form=page).status_code == 303
    assert stream_desk.fresh(one).state is InterviewState.CANCELLED
    assert stream_desk.fresh(ada).state is StreamApplicationState.IN_REVIEW
    again = stream_desk.lead.post(f"{page}/cancel", {"reason": "still ill"}, form=page)
    assert again.status_code == 409
    assert "What you typed is still in the form" in again.text


def test_a_scorecard_belongs_to_an_interview_that_was_held(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    one = stream_desk.booked(ada, stream_desk.slot())
    page = f"{PAGE}/{one.public_id}"
    early = stream_desk.mentor.post(f"{page}/card", CARD, form=page)
    assert (early.status_code, problems(early)) == (409, "A scorecard belongs to an interview that was held.")
    stream_desk.clock.move_to(NOON)
    stream_desk.mentor.post(f"{page}/outcome", {"outcome": "held"}, form=page)
    for fields, said in (
        ({"score-reasoning_live": "3"}, "questions_asked: Choose a score from 1 to 4."),
        ({**CARD, "note": "k" * 8001}, "Keep the note under 8000 characters; it has 8001."),
    ):
        refused = stream_desk.mentor.post(f"{page}/card", {"note": "kept", **fields}, form=page)
        assert (refused.status_code, problems(refused)) == (422, said)
        assert f"{fields.get('note', 'kept')}</textarea>" in refused.text
    assert stream_desk.mentor.post(f"{page}/card", {**CARD, "note": "quick"}, form=page).status_code == 303
    assert stream_desk.fresh(ada).interview_mean == 3.5
    assert "quick" not in re.sub(r"<textarea.*?</textarea>", "", stream_desk.lead.get(page).text, flags=re.DOTALL)
    stream_desk.lead.post(f"{page}/card", {"score-reasoning_live": "1", "score-questions_asked": "2"}, form=page)
    shown = stream_desk.lead.get(page).text
    assert "Other scorecards" in shown
    assert "quick" in shown
    assert stream_desk.fresh(ada).interview_mean == 2.5


def test_a_slot_of_somebody_in_conflict_shows_as_taken_and_by_no_name(stream_desk: StreamDesk) -> None:
    """E14: whoever has the conflict sees that the time is gone, never whose it is."""
    ada = stream_desk.entry("Zora Hidden")
    one = stream_desk.booked(ada, stream_desk.slot())
    stream_desk.world.conflict(stream_desk.world.mentor, ada.application)
    stream_desk.session.commit()
    shown = stream_desk.mentor.get(PAGE).text
    assert "Zora" not in shown
    assert one.public_id not in shown
    assert "<p>Taken</p>" in shown
    for path in ("", "/outcome", "/card"):
        url = f"{PAGE}/{one.public_id}{path}"
        answer = stream_desk.mentor.post(url, CARD, form=PAGE) if path else stream_desk.mentor.get(url)
        assert answer.status_code == 404, path
    assert stream_desk.mentor.get(stream_desk.page(ada)).status_code == 404
    assert "Zora Hidden" in stream_desk.lead.get(PAGE).text


def test_a_coordinator_works_in_every_stream(stream_desk: StreamDesk) -> None:
    page = stream_desk.page(stream_desk.entry())
    coordinator = stream_desk.team(Role.COORDINATOR)
    assert coordinator.get(page).status_code == 200
    fields = times(stream_desk, "2027-03-12 17:00")
    assert coordinator.post(PAGE, fields).status_code == 303
    assert [slot.starts_at for slot in slots(stream_desk)] == [at("2027-03-12 17:00")]
