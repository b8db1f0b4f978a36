"""Slots: when interviewers are free. Nobody can offer two that overlap, in whatever streams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.cohorts.gates import gates_of
from matsapply.interviews.models import Interview, InterviewSlot, SlotInterviewer
from matsapply.people.models import Person
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import InterviewState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.models import Stream
    from matsapply.rules.access import Actor

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=4)
MOST_AT_ONCE = 200
TAKES_THE_SLOT = (InterviewState.BOOKED, InterviewState.HELD)


class Left(StrEnum):
    """Why a slot was not added."""

    PAST = "past"
    OUTSIDE = "outside"
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a list of beginnings: the new slots, and those left out with the reason."""

    slots: list[InterviewSlot]
    left: list[tuple[datetime, Left]]


def add_slots(
    session: Session,
    actor: Actor,
    stream: Stream,
    starts: Iterable[datetime],
    length: timedelta,
    *,
    zone: str,
    interviewers: Iterable[int],
    now: datetime,
    video_link: str = "",
) -> Added:
    """Offer slots of one length. Those that lie in the past, outside T10 to T11, or over another slot of one of the
    interviewers are left out and named; the others are added.

    ``starts`` are instants; ``zone`` is the IANA zone in which the interviewers think of them. Raises ``Refused``
    (INCOMPLETE) without interviewers, for a length outside 5 minutes to 4 hours or for more than 200 at once.
    """
    wanted = sorted(set(starts))
    people = sorted(set(interviewers))
    if not people or not SHORTEST <= length <= LONGEST or len(wanted) > MOST_AT_ONCE:
        raise refuse(Code.INCOMPLETE)
    lock_people(session, people)
    gates = gates_of(session, stream.cohort_id)
    opens, closes = gates.at("T10"), gates.at("T11")
    busy = _taken_times(session, people, wanted[0], wanted[-1] + length) if wanted else []
    added = Added([], [])
    for start in wanted:
        end = start + length
        if start < now:
            added.left.append((start, Left.PAST))
        elif (opens is not None and start < opens) or (closes is not None and end > closes):
            added.left.append((start, Left.OUTSIDE))
        elif any(start < other_end and other_start < end for other_start, other_end in busy):
            added.left.append((start, Left.OVERLAP))
        else:
            busy.append((start, end))
            added.slots.append(
                InterviewSlot(stream_id=stream.id, starts_at=start, ends_at=end, time_zone=zone, video_link=video_link)
            )
    session.add_all(added.slots)
    session.flush()
    session.add_all(SlotInterviewer(slot_id=slot.id, person_id=person) for slot in added.slots for person in people)
    session.flush()
    if added.slots:
        audit.record(
            session,
            actor,
            "slots.added",
            now,
            subject_type="stream",
            subject_id=stream.id,
            cohort_id=stream.cohort_id,
            detail={"slots": [slot.public_id for slot in added.slots]},
        )
    return added


def withdraw_slot(session: Session, actor: Actor, slot: InterviewSlot, now: datetime) -> None:
    """Take back a slot nobody has booked. Raises ``Refused`` (SLOT_TAKEN) where somebody has."""
    lock_slot(session, slot.id)
    if slot.withdrawn_at is not None:
        return
    if is_taken(session, slot.id):
        raise refuse(Code.SLOT_TAKEN)
    slot.withdrawn_at = now
    session.flush()
    audit.record(session, actor, "slot.withdrawn", now, subject_type="interview_slot", subject_id=slot.id)


def lock_slot(session: Session, slot_id: int) -> InterviewSlot:
    """The slot as it stands now, locked until the end of the transaction."""
    return session.scalars(
        sa.select(InterviewSlot)
        .where(InterviewSlot.id == slot_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def lock_people(session: Session, ids: Iterable[int]) -> None:
    """Lock people in the order of their keys, so that two who book at once wait for each other and never in a ring."""
    session.execute(sa.select(Person.id).where(Person.id.in_(sorted(ids))).order_by(Person.id).with_for_update())


def interviewers_of(session: Session, slot_id: int) -> list[int]:
    query = sa.select(SlotInterviewer.person_id).where(SlotInterviewer.slot_id == slot_id)
    return list(session.scalars(query.order_by(SlotInterviewer.person_id)))


def is_taken(session: Session, slot_id: int, besides: int = 0) -> bool:
    """Whether an interview other than ``besides`` is booked in the slot or was held in it."""
    query = sa.select(Interview.id).where(
        Interview.slot_id == slot_id, Interview.state.in_(TAKES_THE_SLOT), Interview.id != besides
    )
    return session.scalar(query.limit(1)) is not None


def _taken_times(
    session: Session, people: Sequence[int], first: datetime, last: datetime
) -> list[tuple[datetime, datetime]]:
    rows = session.execute(
        sa.select(InterviewSlot.starts_at, InterviewSlot.ends_at)
        .join(SlotInterviewer, SlotInterviewer.slot_id == InterviewSlot.id)
        .where(
            SlotInterviewer.person_id.in_(people),
            InterviewSlot.withdrawn_at.is_(None),
            InterviewSlot.ends_at > first,
            InterviewSlot.starts_at < last,
        )
        .distinct()
    )
    return [(row[0], row[1]) for row in rows]
