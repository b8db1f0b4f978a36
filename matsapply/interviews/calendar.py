"""An interview as a calendar object: one that invites or replaces, one that takes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.mail.calendar import interview_invite
from matsapply.mail.rendering import configured

if TYPE_CHECKING:
    from datetime import datetime

    from matsapply.interviews.models import Interview, InterviewSlot


def calendar_text(
    interview: Interview,
    slot: InterviewSlot,
    *,
    stream: str,
    sequence: int,
    attendee: str,
    now: datetime,
    cancelled: bool = False,
) -> str:
    """For one ``attendee`` (an address). Calendars replace what they hold when ``sequence`` is higher."""
    return interview_invite(
        uid=f"interview-{interview.public_id}@{configured().base_url.split('//', 1)[-1].split('/', 1)[0]}",
        sequence=sequence,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        summary=f"Interview: {stream}",
        description=slot.video_link,
        organizer=configured().mail_from,
        attendee=attendee,
        cancelled=cancelled,
        now=now,
        location=slot.video_link,
    )
