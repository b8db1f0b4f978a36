"""Calendar texts, read back by the library that calendars use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar

from matsapply.mail.calendar import DateItem, dates_feed, interview_invite
from tests.mail.contexts import LATER, NOON


def invite(**changes):
    values = {
        "uid": "interview-abc@demo.example",
        "sequence": 2,
        "starts_at": NOON,
        "ends_at": NOON + timedelta(minutes=30),
        "summary": "Interview: Sparse features",
        "description": "First line\nhttps://apply.example/x; and, more",
        "organizer": "team@demo.example",
        "attendee": "ada@demo.example",
        "now": LATER,
    }
    return interview_invite(**(values | changes))


@pytest.mark.parametrize(
    ("cancelled", "method", "status"), [(False, "REQUEST", "CONFIRMED"), (True, "CANCEL", "CANCELLED")]
)
def test_an_invitation_read_back(cancelled, method, status):
    calendar = Calendar.from_ical(invite(cancelled=cancelled, location="https://video.example/room"))
    (event,) = calendar.walk("VEVENT")
    assert calendar["METHOD"] == method
    assert event["STATUS"] == status
    assert (event["UID"], event["SEQUENCE"]) == ("interview-abc@demo.example", 2)
    assert (event.start, event.end) == (NOON, NOON + timedelta(minutes=30))
    assert event["DESCRIPTION"] == "First line\nhttps://apply.example/x; and, more"
    assert event["ORGANIZER"] == "mailto:team@demo.example"
    assert event["ATTENDEE"] == "mailto:ada@demo.example"
    assert event["LOCATION"] == "https://video.example/room"
    assert event["DTSTAMP"].dt == LATER


def test_typed_text_makes_no_properties():
    text = invite(
        summary="A\r\nATTENDEE:mailto:evil@example.org", attendee="a@b.example\r\nX-EVIL:1", uid="u\nX-EVIL:1"
    )
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert "X-EVIL" not in event
    assert not isinstance(event["ATTENDEE"], list)


def test_lines_end_and_fold_as_the_standard_says():
    text = invite(summary="é" * 190)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.endswith("END:VCALENDAR\r\n")
    assert "\n" not in text.replace("\r\n", "")


def test_the_feed_of_dates():
    items = [
        DateItem("t2", "Applications close", NOON, LATER, "The end of the day AoE", "https://apply.example/dates"),
        DateItem("t1", "Applications open", NOON, LATER, opens=True),
        DateItem("t5", "First results", NOON + timedelta(hours=3), LATER),
    ]
    calendar = Calendar.from_ical(dates_feed(items, LATER))
    close, opening, result = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "PUBLISH"
    assert close.start == NOON - timedelta(minutes=1)  # on the 17th AoE, which is the day people mean
    assert opening.start == NOON
    assert result.start == NOON + timedelta(hours=3)
    assert close["TRANSP"] == "TRANSPARENT"
    assert str(close["URL"]) == "https://apply.example/dates"


def test_a_moved_date_replaces_the_earlier_one():
    before = DateItem("t2", "Applications close", NOON, NOON)
    after = DateItem("t2", "Applications close", LATER, LATER)
    (old,) = Calendar.from_ical(dates_feed([before], LATER)).walk("VEVENT")
    (new,) = Calendar.from_ical(dates_feed([after], LATER)).walk("VEVENT")
    assert old["UID"] == new["UID"]
    assert new["SEQUENCE"] > old["SEQUENCE"]


def test_an_empty_feed_is_a_calendar():
    assert Calendar.from_ical(dates_feed([], NOON)).walk("VEVENT") == []
