"""Interviews: offered by a stream, booked and moved by the applicant, held or missed (I1 to I7).

The order of locks is always application, slot, people, so that bookings which meet wait and never block each other.
A person takes part in one interview at a time, as applicant or as interviewer, in whatever streams (invariant 50).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Cohort, Stream
from matsapply.interviews import calendar
from matsapply.interviews.models import Interview, InterviewSlot, SlotInterviewer
from matsapply.interviews.slots import interviewers_of, is_taken, lock_people, lock_slot
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.people.models import Account
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import InterviewPlan, InterviewState, Role, StreamApplicationState
from matsapply.tracking.actions import Letter, advance, begin

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

OPEN = frozenset({InterviewState.OFFERED, InterviewState.BOOKED})
HELD_OR_MISSED = {
    InterviewState.HELD: "I4",
    InterviewState.NO_SHOW_APPLICANT: "I5",
    InterviewState.NO_SHOW_INTERVIEWER: "I6",
}


def open_interview(
    session: Session, actor: Actor, role: Role, entry: StreamApplication, application: Application, now: datetime
) -> Interview:
    """I1: a new interview for which the applicant may pick a slot. The application must be locked.

    Raises ``Refused``: REPEATED while one is open, NO_CHANGE once the stream's number of interviews has been held,
    NOT_OPEN_YET and CLOSED outside T10 to T11.
    """
    earlier = list(session.scalars(sa.select(Interview.state).where(Interview.stream_application_id == entry.id)))
    if OPEN & set(earlier):
        raise refuse(Code.REPEATED)
    held = earlier.count(InterviewState.HELD)
    planned = session.scalars(sa.select(Stream.interview).where(Stream.id == entry.stream_id)).one()
    if held >= {InterviewPlan.NONE: 0, InterviewPlan.ONE: 1, InterviewPlan.TWO: 2}[planned]:
        raise refuse(Code.NO_CHANGE)
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id)
    interview = Interview(stream_application_id=entry.id, round_number=held + 1)
    begin(session, interview, "I1", facts, actor, place_of(application))
    return interview


def book(session: Session, actor: Actor, interview: Interview, slot: InterviewSlot, now: datetime) -> None:
    """I2, or I3 where a slot is booked already: take ``slot``. Booking the slot one has changes nothing.

    Raises ``Refused``: SLOT_TAKEN, DOUBLE_BOOKED (either side), REBOOK_LIMIT, CLOSED (a slot that has begun).
    """
    application = _own(session, actor, interview)
    if interview.state is InterviewState.BOOKED and interview.slot_id == slot.id:
        return
    slot = lock_slot(session, slot.id)
    interviewers = interviewers_of(session, slot.id)
    people = {application.person_id, *interviewers}
    lock_people(session, people)
    moving = interview.state is InterviewState.BOOKED
    if moving and interview.slot is not None and interview.slot.starts_at <= now:
        raise refuse(Code.CLOSED)
    entry = session.get_one(StreamApplication, interview.stream_application_id)
    free = slot.withdrawn_at is None and slot.stream_id == entry.stream_id and not is_taken(session, slot.id)
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=application.cohort_id,
        opens_at=slot.starts_at,
        slot_free=free,
        no_overlap=not _overlaps(session, people, slot, besides=interview.id),
        bookings_moved=interview.rebookings,
    )
    former = interview.slot_id
    with session.no_autoflush:
        letter = _letter(session, application.person_id, interview, slot, now, moved=moving)
        advance(session, interview, "I3" if moving else "I2", facts, actor, place_of(application), letter=letter)
        interview.slot_id = slot.id
        interview.booked_at = now
        interview.rebookings += 1 if moving else 0
        interview.calendar_sequence += 1
    session.flush()
    for person in interviewers:
        _tell_panel(session, Mail.INTERVIEW_BOOKED, person, interview, slot, now, moved=moving)
    if former is not None:
        old = session.get_one(InterviewSlot, former)
        for person in sorted(set(interviewers_of(session, former)) - set(interviewers)):
            _tell_panel(session, Mail.INTERVIEW_CANCELLED, person, interview, old, now)


def cancel_own(session: Session, actor: Actor, interview: Interview, now: datetime) -> None:
    """The applicant gives up the interview before it begins (I7); the stream sees that and may offer another one."""
    application = _own(session, actor, interview)
    if interview.slot is not None and interview.slot.starts_at <= now:
        raise refuse(Code.CLOSED)
    cancel(session, actor, Role.SYSTEM, interview, now, reason="by the applicant")
    back_in_review(session, actor, application, interview.stream_application_id, now)


def record_own_no_show(session: Session, actor: Actor, interview: Interview, now: datetime) -> None:
    """I6 by the applicant: nobody came. It never counts against the applicant."""
    _own(session, actor, interview)
    record_outcome(session, actor, Role.APPLICANT, interview, InterviewState.NO_SHOW_INTERVIEWER, now)


def cancel(
    session: Session, actor: Actor, role: Role, interview: Interview, now: datetime, *, reason: str = ""
) -> None:
    """I7: both sides are told, and their calendars take the interview out. The application must be locked."""
    entry = session.get_one(StreamApplication, interview.stream_application_id)
    application = session.get_one(Application, entry.application_id)
    slot = interview.slot if interview.state is InterviewState.BOOKED else None
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason)
    advance(session, interview, "I7", facts, actor, place_of(application))
    interview.calendar_sequence += 1
    session.flush()
    if slot is not None:
        letter = _letter(session, application.person_id, interview, slot, now, cancelled=True)
        _queue(session, Mail.INTERVIEW_CANCELLED, letter, interview, now)
        for person in interviewers_of(session, slot.id):
            _tell_panel(session, Mail.INTERVIEW_CANCELLED, person, interview, slot, now)


def record_outcome(
    session: Session, actor: Actor, role: Role, interview: Interview, outcome: InterviewState, now: datetime
) -> None:
    """I4, I5, I6: the interview was held, or one side did not come. Recorded twice, nothing happens twice."""
    entry = session.get_one(StreamApplication, interview.stream_application_id)
    application = lock_application(session, entry.application_id)
    session.refresh(interview)
    if interview.state is outcome:
        return
    facts = facts_of(
        session,
        actor,
        role,
        now,
        cohort_id=application.cohort_id,
        opens_at=interview.slot.starts_at if interview.slot else None,
    )
    advance(session, interview, HELD_OR_MISSED[outcome], facts, actor, place_of(application))
    session.flush()


def back_in_review(
    session: Session, actor: Actor, application: Application, stream_application_id: int, now: datetime
) -> None:
    """S7b, where nothing of the interviews is left: none open, none held."""
    entry = session.get_one(StreamApplication, stream_application_id)
    states = set(session.scalars(sa.select(Interview.state).where(Interview.stream_application_id == entry.id)))
    if entry.state is StreamApplicationState.INTERVIEWING and not states & (OPEN | {InterviewState.HELD}):
        facts = facts_of(session, actor, Role.SYSTEM, now, cohort_id=application.cohort_id)
        advance(session, entry, "S7b", facts, actor, place_of(application))
        session.flush()


def cancel_interviews(session: Session, application: Application, now: datetime, *, only: int | None = None) -> None:
    """I7 for every open interview of the application, or of the one stream application ``only``."""
    query = (
        sa.select(Interview)
        .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .where(StreamApplication.application_id == application.id, Interview.state.in_(OPEN))
        .order_by(Interview.id)
    )
    if only is not None:
        query = query.where(StreamApplication.id == only)
    session.flush()
    for interview in session.scalars(query.execution_options(populate_existing=True)).all():
        cancel(session, SYSTEM, Role.SYSTEM, interview, now)


# --- helpers --------------------------------------------------------------------------------------------------------


def _own(session: Session, actor: Actor, interview: Interview) -> Application:
    entry = session.get_one(StreamApplication, interview.stream_application_id)
    application = lock_application(session, entry.application_id)
    if application.person_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    session.refresh(interview)
    return application


def _overlaps(session: Session, people: set[int], slot: InterviewSlot, *, besides: int) -> bool:
    """Whether one of the people takes part in another booked interview at the slot's time, on either side."""
    other, applicant = aliased(InterviewSlot), aliased(Application)
    on_panel = sa.select(SlotInterviewer.id).where(
        SlotInterviewer.slot_id == other.id, SlotInterviewer.person_id.in_(people)
    )
    query = (
        sa.select(Interview.id)
        .join(other, other.id == Interview.slot_id)
        .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .join(applicant, applicant.id == StreamApplication.application_id)
        .where(
            Interview.state == InterviewState.BOOKED,
            Interview.id != besides,
            other.id != slot.id,
            other.starts_at < slot.ends_at,
            other.ends_at > slot.starts_at,
            sa.or_(applicant.person_id.in_(people), on_panel.exists()),
        )
        .limit(1)
    )
    return session.scalar(query) is not None


def _letter(
    session: Session,
    person_id: int,
    interview: Interview,
    slot: InterviewSlot,
    now: datetime,
    *,
    for_panel: bool = False,
    moved: bool = False,
    cancelled: bool = False,
) -> Letter:
    """The message about an interview with its calendar object; made before the move, so it numbers the next one."""
    stream, key, cohort = session.execute(
        sa.select(Stream.name, Stream.key, Cohort.key)
        .join(Cohort, Cohort.id == Stream.cohort_id)
        .join(StreamApplication, StreamApplication.stream_id == Stream.id)
        .where(StreamApplication.id == interview.stream_application_id)
    ).one()
    letter = letter_to(
        session,
        person_id,
        stream=stream,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        video_link=slot.video_link,
        href=f"/stream/{key}@{cohort}/interviews" if for_panel else f"/interviews/{interview.public_id}",
        moved=moved,
    )
    counted = cancelled or for_panel  # those follow the move, the applicant's own goes with it
    text = calendar.calendar_text(
        interview,
        slot,
        stream=stream,
        sequence=interview.calendar_sequence + (0 if counted else 1),
        attendee=letter.recipient,
        now=now,
        cancelled=cancelled,
    )
    return replace(letter, calendar=text)


def _tell_panel(
    session: Session,
    kind: Mail,
    person_id: int,
    interview: Interview,
    slot: InterviewSlot,
    now: datetime,
    *,
    moved: bool = False,
) -> None:
    """A message to an interviewer; one without an account is not told."""
    if session.scalar(sa.select(Account.id).where(Account.person_id == person_id)) is None:
        return
    cancelled = kind is Mail.INTERVIEW_CANCELLED
    letter = _letter(session, person_id, interview, slot, now, for_panel=True, moved=moved, cancelled=cancelled)
    _queue(session, kind, letter, interview, now)


def _queue(session: Session, kind: Mail, letter: Letter, interview: Interview, now: datetime) -> None:
    outbox.queue(
        session,
        kind,
        cause=f"interview:{interview.id}:{kind.value}:{interview.calendar_sequence}",
        now=now,
        person_id=letter.person_id,
        recipient=letter.recipient,
        context=letter.context,
        calendar=letter.calendar,
    )
