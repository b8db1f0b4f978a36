"""Changing the tracks, streams, mentors and seats of a cohort; the same habits as in ``actions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.cohorts.actions import Teller, log, plan_for, tell_of
from matsapply.cohorts.date_changes import DateChange, record_moves
from matsapply.cohorts.models import Cohort, Evaluation, Mentor, Stream, StreamEvaluation, StreamTrack, Track
from matsapply.rules.date_moves import MoveTerms
from matsapply.rules.deadlines import stream_closes, stream_opens
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import MentorKind, Role, StreamState
from matsapply.rules.wall_time import rule_for
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import Place, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

# --- tracks -------------------------------------------------------------------------------------------------------


def _free_key(session: Session, kind: type[Track] | type[Stream], cohort_id: int, key: str) -> None:
    taken = session.scalar(sa.select(kind.id).where(kind.cohort_id == cohort_id, kind.key == key))
    if taken is not None:
        raise refuse(Code.REPEATED, f"The key {key} is already used.")


def create_track(
    session: Session, actor: Actor, cohort: Cohort, now: datetime, *, key: str, name: str, description: str = ""
) -> Track:
    _free_key(session, Track, cohort.id, key)
    last = session.scalar(sa.select(sa.func.max(Track.position)).where(Track.cohort_id == cohort.id)) or 0
    track = Track(cohort_id=cohort.id, key=key, name=name, description=description, position=last + 1)
    session.add(track)
    session.flush()
    log(session, actor, "track.create", now, "track", track, cohort.id, after=key)
    return track


def edit_track(
    session: Session, actor: Actor, track: Track, now: datetime, *, name: str, description: str, position: int
) -> None:
    track.name, track.description, track.position = name, description, position
    log(session, actor, "track.edit", now, "track", track, track.cohort_id, after=name)


def drop_track(session: Session, actor: Actor, track: Track, now: datetime, reason: str) -> None:
    """The programme gives the track up; what becomes of the choices of it is for the process to decide (E26)."""
    if not reason.strip():
        raise refuse(Code.REASON_NEEDED)
    if track.dropped_at is not None:
        raise refuse(Code.NO_CHANGE)
    track.dropped_at = now
    log(session, actor, "track.drop", now, "track", track, track.cohort_id, reason=reason)


# --- streams ------------------------------------------------------------------------------------------------------


def create_stream(
    session: Session,
    actor: Actor,
    cohort: Cohort,
    now: datetime,
    *,
    key: str,
    name: str,
    track: Track,
    also: tuple[Track, ...] = (),
    **values: Any,
) -> Stream:
    """A new stream in state draft; ``values`` are those of ``edit_stream``."""
    _free_key(session, Stream, cohort.id, key)
    last = session.scalar(sa.select(sa.func.max(Stream.position)).where(Stream.cohort_id == cohort.id)) or 0
    stream = Stream(cohort_id=cohort.id, key=key, name=name, state=StreamState.DRAFT, position=last + 1)
    _set_known(stream, values)
    session.add(stream)
    session.flush()
    set_stream_tracks(session, actor, stream, now, track=track, also=also)
    log(session, actor, "stream.create", now, "stream", stream, cohort.id, after=key)
    return stream


EDITABLE = frozenset({"name", "description", "areas", "locations", "ai_policy", "mode", "interview", "note"})


def _set_known(stream: Stream, values: Mapping[str, Any]) -> None:
    if unknown := sorted(set(values) - EDITABLE):
        raise TypeError(f"a stream's {unknown[0]} is not changed here")
    for name, value in values.items():
        setattr(stream, name, value)


def edit_stream(session: Session, actor: Actor, stream: Stream, now: datetime, **values: Any) -> None:
    """Change words and settings (``EDITABLE``); seats, dates, tracks and state have actions of their own."""
    _set_known(stream, values)
    log(session, actor, "stream.edit", now, "stream", stream, stream.cohort_id, detail={"fields": sorted(values)})


def set_stream_tracks(
    session: Session, actor: Actor, stream: Stream, now: datetime, *, track: Track, also: tuple[Track, ...] = ()
) -> None:
    session.execute(sa.delete(StreamTrack).where(StreamTrack.stream_id == stream.id))
    for one in dict.fromkeys((track, *also)):
        session.add(StreamTrack(stream_id=stream.id, track_id=one.id, is_main=one is track))
        session.flush()  # one at a time: their order is the order of their keys
    names = " ".join(one.key for one in dict.fromkeys((track, *also)))
    log(session, actor, "stream.tracks", now, "stream", stream, stream.cohort_id, after=names)


def set_seats(
    session: Session, actor: Actor, stream: Stream, now: datetime, seats: tuple[int, int, int] | None
) -> None:
    """Least, wanted and most seats; None for "to be announced". Never fewer than are held by offers."""
    most = seats[2] if seats else 0
    if seats is not None and not 0 <= seats[0] <= seats[1] <= seats[2]:
        raise ValueError(f"least ≤ wanted ≤ most does not hold: {seats}")
    if most < stream.seats_held:
        raise refuse(Code.NO_SEAT, f"{stream.seats_held} are held by offers.")
    before = (stream.seats_min, stream.seats_target, stream.seats_max)
    stream.seats_min, stream.seats_target, stream.seats_max = seats or (None, None, None)
    log(session, actor, "stream.seats", now, "stream", stream, stream.cohort_id, before=str(before), after=str(seats))


def set_stream_dates(
    session: Session,
    actor: Actor,
    cohort: Cohort,
    stream: Stream,
    now: datetime,
    *,
    opens_at: datetime | None,
    closes_at: datetime | None,
    reason: str,
    confirmed: bool,
    tell: Teller | None = None,
) -> tuple[DateChange, ...]:
    """A stream's own opening and close (None: the cohort's), by the rules for moves of gates."""
    changes = {stream_opens(stream.key): opens_at, stream_closes(stream.key): closes_at}
    moves = plan_for(session, cohort, changes, now, MoveTerms(confirmed=confirmed, reason=reason))
    stream.opens_at, stream.closes_at = opens_at, closes_at
    stream.closes_rule = rule_for(closes_at) if closes_at else ""
    told = record_moves(session, cohort, moves, actor, now, reason)
    tell_of(session, told, now, tell)
    return told


def move_stream(session: Session, actor: Actor, stream: Stream, code: str, now: datetime) -> None:
    """T1 to T3 of the stream's machine: list, open, close. Cancelling concerns applicants and lies with the process."""
    facts = Facts(now=now, role=Role.ADMIN, actor_id=actor.person_id)
    advance(session, stream, code, facts, actor, Place(cohort_id=stream.cohort_id))


def set_stream_task(
    session: Session,
    actor: Actor,
    stream: Stream,
    evaluation: Evaluation,
    now: datetime,
    *,
    used: bool,
    required: bool = True,
    weight: float = 1.0,
) -> None:
    """Whether and how a stream uses an evaluation."""
    row = session.scalars(
        sa.select(StreamEvaluation).where(
            StreamEvaluation.stream_id == stream.id, StreamEvaluation.evaluation_id == evaluation.id
        )
    ).one_or_none()
    if used and row is None:
        row = StreamEvaluation(stream_id=stream.id, evaluation_id=evaluation.id)
        session.add(row)
    if used and row is not None:
        row.required, row.weight = required, weight
    elif row is not None:
        session.delete(row)
    after = f"{evaluation.key}: {'used' if used else 'not used'}"
    log(session, actor, "stream.task", now, "stream", stream, stream.cohort_id, after=after)


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
