"""Reads about interviews: the applicant's own with the slots that can be picked, and a stream's week."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Stream
from matsapply.interviews.models import Interview, InterviewSlot, SlotInterviewer
from matsapply.interviews.slots import TAKES_THE_SLOT
from matsapply.people.models import Person
from matsapply.platform.db import fetch
from matsapply.rules.guards import MOST_REBOOKINGS
from matsapply.rules.stages import InterviewState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

OPEN = (InterviewState.OFFERED, InterviewState.BOOKED)


@dataclass(frozen=True, slots=True)
class InterviewLine:
    """One interview of one's own."""

    public_id: str
    stream: str
    state: InterviewState
    round_number: int
    starts_at: datetime | None
    ends_at: datetime | None
    video_link: str
    moves_left: int

    def to_pick(self) -> bool:
        return self.state is InterviewState.OFFERED

    def ahead(self, now: datetime) -> bool:
        return self.state is InterviewState.BOOKED and self.starts_at is not None and now < self.starts_at


def interview_lines(session: Session, application_id: int, now: datetime) -> list[InterviewLine]:
    """The application's interviews: those that need the applicant first, then by time. One query."""
    rows = fetch(session, _INTERVIEW_LINES, application_id=application_id)
    return in_order([line_of(*row) for row in rows], now)


def line_of(ref: str, stream: str, state: InterviewState, number: int, *slot: Any) -> InterviewLine:
    """A line from its columns; ``slot`` is its two instants, its link and how often it was rebooked."""
    starts_at, ends_at, link, rebookings = slot
    return InterviewLine(ref, stream, state, number, starts_at, ends_at, link or "", MOST_REBOOKINGS - rebookings)


def in_order(lines: list[InterviewLine], now: datetime) -> list[InterviewLine]:
    """Those that need the applicant first, then by time."""
    return sorted(lines, key=lambda line: (line.state not in OPEN, not line.to_pick(), line.starts_at or now))


_INTERVIEW_LINES = (
    sa.select(
        Interview.public_id,
        Stream.name,
        Interview.state,
        Interview.round_number,
        InterviewSlot.starts_at,
        InterviewSlot.ends_at,
        InterviewSlot.video_link,
        Interview.rebookings,
    )
    .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
    .join(Stream, Stream.id == StreamApplication.stream_id)
    .outerjoin(InterviewSlot, InterviewSlot.id == Interview.slot_id)
    .where(StreamApplication.application_id == sa.bindparam("application_id"))
    .order_by(Interview.id)
)


def own_interview(session: Session, person_id: int | None, public_id: str) -> Interview | None:
    """The person's own interview of that id; None where there is none, or it is somebody else's."""
    return session.scalar(
        sa.select(Interview)
        .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(Interview.public_id == public_id, Application.person_id == person_id)
    )


@dataclass(frozen=True, slots=True)
class OpenSlot:
    public_id: str
    starts_at: datetime
    ends_at: datetime


def open_slots(
    session: Session, interview: Interview, person_id: int, now: datetime, limit: int = 200
) -> list[OpenSlot]:
    """Slots of the interview's stream that lie ahead, are free, and do not overlap another interview of the person."""
    taken = sa.select(Interview.id).where(Interview.slot_id == InterviewSlot.id, Interview.state.in_(TAKES_THE_SLOT))
    other, other_slot = aliased(Interview), aliased(InterviewSlot)
    busy = (
        sa.select(other.id)
        .join(other_slot, other_slot.id == other.slot_id)
        .join(StreamApplication, StreamApplication.id == other.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(
            Application.person_id == person_id,
            other.state == InterviewState.BOOKED,
            other.id != interview.id,
            other_slot.starts_at < InterviewSlot.ends_at,
            other_slot.ends_at > InterviewSlot.starts_at,
        )
    )
    stream_id = sa.select(StreamApplication.stream_id).where(StreamApplication.id == interview.stream_application_id)
    rows = session.execute(
        sa.select(InterviewSlot.public_id, InterviewSlot.starts_at, InterviewSlot.ends_at)
        .where(
            InterviewSlot.stream_id == stream_id.scalar_subquery(),
            InterviewSlot.withdrawn_at.is_(None),
            InterviewSlot.starts_at > now,
            ~taken.exists(),
            ~busy.exists(),
        )
        .order_by(InterviewSlot.starts_at, InterviewSlot.id)
        .limit(limit)
    )
    return [OpenSlot(*row) for row in rows]


def slot_of_stream(session: Session, stream_id: int, public_id: str) -> InterviewSlot | None:
    return session.scalar(
        sa.select(InterviewSlot).where(InterviewSlot.stream_id == stream_id, InterviewSlot.public_id == public_id)
    )


# --- a stream's view ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SlotLine:
    """A slot and, where somebody is in it, the interview. A conflict of the reader shows as taken, without a name."""

    public_id: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    video_link: str
    interviewers: tuple[str, ...]
    interview: str | None
    state: InterviewState | None
    candidate: str | None
    candidate_id: str | None

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds() // 60)


def slot_lines(session: Session, stream_id: int, seen: sa.ColumnElement[bool], limit: int = 400) -> list[SlotLine]:
    """The stream's slots by time with whoever is in them. ``seen``: the reader's filter. Two queries."""
    candidate = aliased(Person)
    taken = sa.and_(
        Interview.slot_id == InterviewSlot.id,
        Interview.state.not_in([InterviewState.OFFERED, InterviewState.CANCELLED]),
    )
    shown = sa.case((seen, True), else_=False)
    rows = session.execute(
        sa.select(InterviewSlot, Interview, StreamApplication.public_id, candidate.display_name, shown)
        .outerjoin(Interview, taken)
        .outerjoin(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .outerjoin(Application, Application.id == StreamApplication.application_id)
        .outerjoin(candidate, candidate.id == Application.person_id)
        .where(InterviewSlot.stream_id == stream_id, InterviewSlot.withdrawn_at.is_(None))
        .order_by(InterviewSlot.starts_at, InterviewSlot.id, Interview.id)
        .limit(limit)
    ).all()
    panels = _panels(session, stream_id)
    return [
        SlotLine(
            public_id=slot.public_id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            zone=slot.time_zone,
            video_link=slot.video_link,
            interviewers=tuple(panels.get(slot.id, ())),
            interview=interview.public_id if interview and visible else None,
            state=interview.state if interview else None,
            candidate=name if visible else None,
            candidate_id=entry if visible else None,
        )
        for slot, interview, entry, name, visible in rows
    ]


def _panels(session: Session, stream_id: int) -> dict[int, list[str]]:
    rows = session.execute(
        sa.select(SlotInterviewer.slot_id, Person.display_name)
        .join(Person, Person.id == SlotInterviewer.person_id)
        .join(InterviewSlot, InterviewSlot.id == SlotInterviewer.slot_id)
        .where(InterviewSlot.stream_id == stream_id, InterviewSlot.withdrawn_at.is_(None))
        .order_by(Person.display_name)
    )
    panels: dict[int, list[str]] = defaultdict(list)
    for slot_id, name in rows:
        panels[slot_id].append(name)
    return panels


@dataclass(frozen=True, slots=True)
class CandidateInterview:
    """One interview of one candidate, as the stream sees it."""

    interview_id: int
    public_id: str
    round_number: int
    state: InterviewState
    starts_at: datetime | None
    ends_at: datetime | None


def candidate_interviews(session: Session, stream_application_id: int) -> list[CandidateInterview]:
    rows = session.execute(
        sa.select(
            Interview.id,
            Interview.public_id,
            Interview.round_number,
            Interview.state,
            InterviewSlot.starts_at,
            InterviewSlot.ends_at,
        )
        .outerjoin(InterviewSlot, InterviewSlot.id == Interview.slot_id)
        .where(Interview.stream_application_id == stream_application_id)
        .order_by(Interview.id)
    )
    return [CandidateInterview(*row) for row in rows]


def interview_of_stream(
    session: Session, stream_id: int, seen: sa.ColumnElement[bool], public_id: str
) -> Interview | None:
    """An interview of the stream with a candidate the reader may see."""
    return session.scalar(
        sa.select(Interview)
        .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(Interview.public_id == public_id, StreamApplication.stream_id == stream_id, seen)
    )
