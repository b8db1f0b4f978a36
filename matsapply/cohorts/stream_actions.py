"""What is done to a track, a stream or a mentor beyond its words (``editing``); the same habits as in ``actions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.actions import log
from matsapply.cohorts.models import Mentor, Stream, Track
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import MentorKind, Role
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import Place, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

# --- tracks -------------------------------------------------------------------------------------------------------


def drop_track(session: Session, actor: Actor, track: Track, now: datetime, reason: str) -> None:
    """The programme gives the track up; what becomes of the choices of it is for the process to decide (E26)."""
    if not reason.strip():
        raise refuse(Code.REASON_NEEDED)
    if track.dropped_at is not None:
        raise refuse(Code.NO_CHANGE)
    track.dropped_at = now
    log(session, actor, "track.drop", now, "track", track, track.cohort_id, reason=reason)


# --- streams ------------------------------------------------------------------------------------------------------


def move_stream(session: Session, actor: Actor, stream: Stream, code: str, now: datetime) -> None:
    """T1 to T3 of the stream's machine: list, open, close. Cancelling concerns applicants and lies with the process."""
    facts = Facts(now=now, role=Role.ADMIN, actor_id=actor.person_id)
    advance(session, stream, code, facts, actor, Place(cohort_id=stream.cohort_id))


# --- mentors ------------------------------------------------------------------------------------------------------


def add_mentor(
    session: Session,
    actor: Actor,
    stream: Stream,
    now: datetime,
    *,
    name: str,
    kind: MentorKind = MentorKind.CO_MENTOR,
    person_id: int | None = None,
) -> Mentor:
    """A further mentor from now on. The right to read applications is a role grant of its own."""
    last = session.scalar(sa.select(sa.func.max(Mentor.position)).where(Mentor.stream_id == stream.id)) or 0
    mentor = Mentor(stream_id=stream.id, name=name, kind=kind, person_id=person_id, position=last + 1, starts_at=now)
    session.add(mentor)
    session.flush()
    log(session, actor, "mentor.add", now, "mentor", mentor, stream.cohort_id, after=kind.value)
    return mentor


def edit_mentor(
    session: Session,
    actor: Actor,
    stream: Stream,
    mentor: Mentor,
    now: datetime,
    *,
    name: str,
    kind: MentorKind,
    person_id: int | None,
) -> None:
    mentor.name, mentor.kind, mentor.person_id = name, kind, person_id
    log(session, actor, "mentor.edit", now, "mentor", mentor, stream.cohort_id, after=kind.value)


def end_mentor(session: Session, actor: Actor, stream: Stream, mentor: Mentor, now: datetime) -> None:
    """The mentor leaves the stream; the row stays, so that what was decided until now keeps its author."""
    if mentor.ends_at is not None:
        raise refuse(Code.NO_CHANGE)
    mentor.ends_at = now
    log(session, actor, "mentor.end", now, "mentor", mentor, stream.cohort_id)
