"""What the programme itself ends: a stream, asked for by one admin and confirmed by another; a track (E26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of
from matsapply.applications.models import StreamApplication, TrackChoice
from matsapply.cohorts import stream_actions
from matsapply.cohorts.models import Stream, StreamTrack, Track
from matsapply.decisions.signatures import Signed, find, propose, sign
from matsapply.process.endings import cancel_stream
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    Role,
    StreamApplicationState,
    StreamState,
    TrackChoiceState,
)
from matsapply.tracking.actions import Place, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

ENDED = LIVE_STREAM_APPLICATION - {StreamApplicationState.OFFERED}


@dataclass(frozen=True, slots=True)
class Touched:
    """Whom the end of a stream concerns: who is told, whose offer waits for an answer, who holds a place."""

    told: int
    pending: int
    placed: int


def counts_of(session: Session, stream_id: int) -> Touched:
    """How many people the end of a stream would concern now."""
    rows = session.execute(
        sa.select(StreamApplication.state, sa.func.count())
        .where(StreamApplication.stream_id == stream_id)
        .group_by(StreamApplication.state)
    )
    numbers = {row[0]: row[1] for row in rows}
    return Touched(
        told=sum(numbers.get(state, 0) for state in ENDED),
        pending=numbers.get(StreamApplicationState.OFFERED, 0),
        placed=numbers.get(StreamApplicationState.ACCEPTED, 0),
    )


def ask_to_cancel(session: Session, actor: Actor, stream: Stream, reason: str, now: datetime) -> None:
    """The first admin asks, with the reason; nothing changes until another one confirms."""
    if stream.state is StreamState.CANCELLED:
        raise refuse(Code.WRONG_STATE)
    _no_pending_offers(session, stream)
    propose(
        session,
        actor,
        Signed.CANCEL_STREAM,
        stream.id,
        cohort_id=stream.cohort_id,
        application_id=None,
        reason=reason,
        now=now,
    )


def _no_pending_offers(session: Session, stream: Stream) -> None:
    """An offer that waits for its answer is settled by people first, never by the end of its stream (S18, S20)."""
    pending = counts_of(session, stream.id).pending
    if pending:
        raise refuse(Code.NOT_FINISHED, f"Offers that wait for an answer: {pending}. Rescind them, or let them end.")


def confirm_cancelling(session: Session, actor: Actor, stream: Stream, now: datetime) -> int:
    """Another admin confirms, and the stream ends (T4, S18); returns how many people are told.

    Raises ``Refused``: NO_DECISION (nobody asked), SECOND_PERSON_NEEDED, NOT_FINISHED (an offer waits for its answer).
    """
    proposal = find(session, stream.cohort_id, Signed.CANCEL_STREAM, stream.id)
    if proposal is None:
        raise refuse(Code.NO_DECISION)
    sign(session, actor, proposal, now)
    return cancel_stream(session, actor, stream, second_actor_id=proposal.first_id, reason=proposal.reason, now=now)


def drop_track(session: Session, actor: Actor, track: Track, reason: str, now: datetime) -> int:
    """E26: the track is given up and open choices of it become not applicable; returns how many.

    Refused (NOT_FINISHED) while a stream that runs has it as its main track.
    """
    running = session.scalars(
        sa.select(Stream.name)
        .join(StreamTrack, StreamTrack.stream_id == Stream.id)
        .where(StreamTrack.track_id == track.id, StreamTrack.is_main, Stream.state != StreamState.CANCELLED)
        .order_by(Stream.position)
    ).all()
    if running:
        raise refuse(Code.NOT_FINISHED, f"It is the main track of {', '.join(running[:5])}.")
    stream_actions.drop_track(session, actor, track, now, reason)
    choices = session.scalars(
        sa.select(TrackChoice)
        .where(TrackChoice.track_id == track.id, TrackChoice.state == TrackChoiceState.CHOSEN)
        .order_by(TrackChoice.id)
    ).all()
    facts = facts_of(session, actor, Role.SYSTEM, now, cohort_id=track.cohort_id, reason=reason)
    for choice in choices:
        advance(session, choice, "K4", facts, actor, Place(track.cohort_id, choice.application_id))
    session.flush()
    return len(choices)
