"""Calendar texts (RFC 5545): the invitation to an interview, and the feed of key dates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from icalendar import Calendar, Event, vCalAddress, vText

from matsapply.mail.rendering import SITE_NAME, one_line, plain
from matsapply.rules.deadlines import day_ended_by

if TYPE_CHECKING:
    from typing import Any

PRODUCT = f"-//{SITE_NAME}//matsapply//EN"


@dataclass(frozen=True, slots=True)
class DateItem:
    """A key date of the feed; ``uid`` stays the same when the date moves, so that calendars move it too.

    ``opens``: the instant is a beginning, so the end of a day AoE is read as the start of the next one. ``ends_at``:
    the item takes that long, as an interview does; other items take no time.
    """

    uid: str
    label: str
    instant: datetime
    changed_at: datetime
    description: str = ""
    url: str = ""
    opens: bool = False
    ends_at: datetime | None = None


def interview_invite(
    uid: str,
    sequence: int,
    starts_at: datetime,
    ends_at: datetime,
    summary: str,
    description: str,
    organizer: str,
    attendee: str,
    cancelled: bool = False,
    *,
    now: datetime | None = None,
    location: str = "",
) -> str:
    """An iTIP request, or its cancellation. ``organizer`` and ``attendee`` are addresses.

    The same ``uid`` with a higher ``sequence`` replaces what the calendar holds. ``now`` is the instant of writing
    (DTSTAMP); the beginning of the interview stands in where none is given.
    """
    event = Event()
    event.add("uid", _safe(uid))
    event.add("sequence", sequence)
    event.add("dtstamp", now or starts_at)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    event.add("summary", one_line(summary, 200))
    event.add("description", plain(description))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if location:
        event.add("location", one_line(location, 500))
    event.add("organizer", vCalAddress(f"mailto:{_safe(organizer)}"))
    guest = vCalAddress(f"mailto:{_safe(attendee)}")
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("ACCEPTED")  # they picked the slot themselves: no answer is asked for
    guest.params["RSVP"] = vText("FALSE")
    event.add("attendee", guest, encode=False)
    return _written("CANCEL" if cancelled else "REQUEST", [event])


def dates_feed(items: Iterable[DateItem], now: datetime, *, name: str = "Key dates") -> str:
    """The dates as events; those without an end take no time. An event at the end of a day AoE lies a minute before
    that end, on the day people mean."""
    events = []
    for item in items:
        event = Event()
        event.add("uid", _safe(item.uid))
        event.add("dtstamp", now)
        event.add("last-modified", item.changed_at)
        # Calendars keep the copy with the higher number: the later change.
        event.add("sequence", max(0, int(item.changed_at.timestamp()) - _EPOCH))
        event.add("dtstart", _shown_at(item))
        event.add("summary", one_line(item.label, 200))
        if item.ends_at is not None:
            event.add("dtend", item.ends_at)
        event.add("transp", "TRANSPARENT" if item.ends_at is None else "OPAQUE")
        if item.description:
            event.add("description", plain(item.description))
        if item.url:
            event.add("url", _safe(item.url))
        events.append(event)
    return _written("PUBLISH", events, name=name, refresh=timedelta(hours=6))


_EPOCH = 1_767_225_600  # 2026-01-01, so that sequence numbers stay small


def _shown_at(item: DateItem) -> datetime:
    if not item.opens and day_ended_by(item.instant) is not None:
        return item.instant - timedelta(minutes=1)
    return item.instant


def _safe(text: str) -> str:
    return one_line(text, 255)


def _written(method: str, events: list[Event], *, name: str = "", refresh: timedelta | None = None) -> str:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", name)
    if refresh:
        calendar.add("refresh-interval", refresh, parameters={"VALUE": "DURATION"})
    for event in events:
        calendar.add_component(event)
    written: Any = calendar.to_ical()
    return bytes(written).decode("utf-8")
