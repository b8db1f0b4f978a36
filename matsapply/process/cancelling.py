"""What the programme itself ends: a stream that no longer runs (S18, E15), a track that is given up (E26)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts import stream_actions
from matsapply.cohorts.models import Cohort, Stream, StreamTrack, Track
from matsapply.decisions.signatures import Signed, find, propose, sign
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.offers.models import Fellowship, Offer
from matsapply.offers.ranking import close_gap
from matsapply.offers.seats import lock_streams, recount
from matsapply.process.closing import as_system, close_if_done, leave_waitlists
from matsapply.process.stream_round import cancel_stream_children
from matsapply.process.withdraw import renumber
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    FellowshipState,
    OfferState,
    Role,
    StreamApplicationState,
    StreamChoiceMoment,
    StreamState,
    TrackChoiceState,
)
from matsapply.tracking.actions import Place, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts

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


def cancel_stream(session: Session, actor: Actor, stream: Stream, now: datetime) -> int:
    """T4 by a second admin, then S18 for every live stream application; returns how many people are told.

    Tasks, interviews, waitlist places and prepared offers of the stream end with it; whoever already holds a place
    stays in the programme and is to be placed elsewhere (E15). Other streams of the same people go on.
    """
    proposal = find(session, stream.cohort_id, Signed.CANCEL_STREAM, stream.id)
    if proposal is None:
        raise refuse(Code.NO_DECISION)
    entries = _lock(session, stream)
    _no_pending_offers(session, stream)
    sign(session, actor, proposal, now)
    facts = replace(
        facts_of(session, actor, Role.ADMIN, now, cohort_id=stream.cohort_id, reason=proposal.reason),
        second_actor_id=proposal.first_id,
        stream_cancelled=True,
    )
    advance(session, stream, "T4", facts, actor, Place(stream.cohort_id))
    alone = replace(facts, second_actor_id=None)
    for application, entry in entries:
        if entry.state in ENDED:
            _end_entry(session, actor, application, entry, alone)
    _end_offers(session, actor, stream, alone)
    told = [entry.id for _, entry in entries if entry.state is StreamApplicationState.CANCELLED_BY_STREAM]
    for application, entry in entries:
        if entry.id in told:
            _tell(session, application, entry, stream, facts)
            renumber(session, application.id)
            close_if_done(session, application, now)
    session.flush()
    return len(told)


def _lock(session: Session, stream: Stream) -> list[tuple[Application, StreamApplication]]:
    """The stream's live entries with their applications, locked in the order every action uses."""
    ids = session.scalars(
        sa.select(StreamApplication.application_id)
        .where(StreamApplication.stream_id == stream.id, StreamApplication.state.in_(LIVE_STREAM_APPLICATION))
        .order_by(StreamApplication.application_id)
    ).all()
    applications = [lock_application(session, key) for key in ids]
    lock_streams(session, [stream.id])
    session.refresh(stream)
    entries = {
        entry.application_id: entry
        for entry in session.scalars(
            sa.select(StreamApplication)
            .where(StreamApplication.stream_id == stream.id, StreamApplication.application_id.in_(ids))
            .execution_options(populate_existing=True)
        )
    }
    return [(application, entries[application.id]) for application in applications]


def _end_entry(
    session: Session, actor: Actor, application: Application, entry: StreamApplication, facts: Facts
) -> None:
    entry.state_before_exit = entry.state
    entry.exited_at = facts.now
    advance(session, entry, "S18", facts, actor, place_of(application))
    cancel_stream_children(session, entry, facts.now)
    leave_waitlists(session, application, facts, only=entry)
    close_gap(session, entry, facts.now)


def _end_offers(session: Session, actor: Actor, stream: Stream, facts: Facts) -> None:
    """Prepared offers are dropped; accepted places stay, to be found elsewhere."""
    for offer in session.scalars(
        sa.select(Offer).where(Offer.stream_id == stream.id, Offer.state.in_([OfferState.DRAFT, OfferState.APPROVED]))
    ):
        advance(session, offer, "O12", as_system(facts), SYSTEM, Place(offer.cohort_id, offer.application_id))
    for fellowship in session.scalars(
        sa.select(Fellowship)
        .join(Offer, Offer.id == Fellowship.offer_id)
        .where(Offer.stream_id == stream.id, Fellowship.state == FellowshipState.PLACED)
    ):
        advance(session, fellowship, "F2", facts, actor, Place(stream.cohort_id))
    recount(session, [stream])


def _tell(session: Session, application: Application, entry: StreamApplication, stream: Stream, facts: Facts) -> None:
    letter = letter_to(
        session,
        application.person_id,
        stream=stream.name,
        replace_until=_replace_until(session, application, facts),
    )
    outbox.queue(
        session,
        Mail.STREAM_CANCELLED,
        cause=f"stream_application:{entry.id}:S18",
        now=facts.now,
        person_id=letter.person_id,
        recipient=letter.recipient,
        context=letter.context,
    )


def _replace_until(session: Session, application: Application, facts: Facts) -> datetime | None:
    """Until when another stream can be chosen, by the gates that hold for every choice; None where they are over."""
    moment = session.scalar(sa.select(Cohort.stream_choice).where(Cohort.id == application.cohort_id))
    early = moment is not StreamChoiceMoment.AFTER_ADVANCE
    code = "T2" if early and application.state is not ApplicationState.IN_STREAMS else "T7"
    closes = facts.dates.get(code)
    if closes is None or closes <= facts.now or (code == "T7" and moment is StreamChoiceMoment.AT_GENERAL):
        return None
    return closes


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
