"""The calendar objects of an interview (RFC 5545, RFC 5546): one that invites or replaces, one that takes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from icalendar import Calendar, Event, vCalAddress, vText

from matsapply.interviews.models import SlotInterviewer
from matsapply.people.models import Account, Person

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.interviews.models import Interview, InterviewSlot


def invitation(
    session: Session, interview: Interview, slot: InterviewSlot, *, sequence: int, stream: str, now: datetime
) -> str:
    """METHOD:REQUEST; a calendar that knows the interview replaces it when ``sequence`` is higher."""
    return _object(session, interview, slot, sequence, stream, now, "REQUEST", "CONFIRMED")


def cancellation(
    session: Session, interview: Interview, slot: InterviewSlot, *, sequence: int, stream: str, now: datetime
) -> str:
    """METHOD:CANCEL: the calendar takes the interview out."""
    return _object(session, interview, slot, sequence, stream, now, "CANCEL", "CANCELLED")


def _object(
    session: Session,
    interview: Interview,
    slot: InterviewSlot,
    sequence: int,
    stream: str,
    now: datetime,
    method: str,
    status: str,
) -> str:
    event = Event()
    event.add("uid", f"interview-{interview.public_id}@matsapply")
    event.add("sequence", sequence)
    event.add("dtstamp", now)
    event.add("dtstart", slot.starts_at)
    event.add("dtend", slot.ends_at)
    event.add("summary", f"Interview: {stream}")
    event.add("status", status)
    if slot.video_link:
        event.add("location", slot.video_link)
    panel = session.execute(
        sa.select(Person.display_name, Account.email)
        .join(Account, Account.person_id == Person.id)
        .join(SlotInterviewer, SlotInterviewer.person_id == Person.id)
        .where(SlotInterviewer.slot_id == slot.id)
        .order_by(Person.id)
    ).all()
    for index, (name, email) in enumerate(panel):
        address = vCalAddress(f"MAILTO:{email}")
        address.params["CN"] = vText(name)
        event.add("organizer" if index == 0 else "attendee", address, encode=0)
    calendar = Calendar()
    calendar.add("prodid", "-//MATS Apply//Interviews//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    text: str = calendar.to_ical().decode("utf-8")
    return text
