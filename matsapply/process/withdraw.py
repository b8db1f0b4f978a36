"""Withdrawing, wholly or from one stream, and taking it back within a day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.answers import wish
from matsapply.applications.facts import facts_of, has_other_live, is_erased, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.gates import choice_over, gates_of
from matsapply.cohorts.models import Cohort, Stream, StreamTrack
from matsapply.offers.models import Fellowship, Offer, WaitlistEntry
from matsapply.offers.ranking import close_gap, reopen_gap
from matsapply.offers.seats import capacity_free, lock_streams, recount, seat_free
from matsapply.process.closing import (
    as_system,
    close_if_done,
    close_now,
    leave_waitlists,
    renumber,
    stream_applications,
)
from matsapply.process.stream_ends import cancel_stream_children, restore_stream_children
from matsapply.process.stream_round import TO_ASSESS
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    CloseReason,
    FellowshipState,
    Machine,
    OfferState,
    Role,
    StreamApplicationState,
    StreamState,
    TrackChoiceState,
)
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.actions import BY_BATCH, advance, begin
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts
    from matsapply.tracking.actions import Letter


def withdraw_application(
    session: Session, actor: Actor, application: Application, *, role: Role, now: datetime, reason: str = ""
) -> None:
    """A9: end the application; stream applications, offers and everything open end with it, and seats come free."""
    application = lock_application(session, application.id)
    placed = application.close_reason is CloseReason.PLACED
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason, offer_accepted=placed)
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
    letter = letter_to(session, application.person_id, cohort_label=label)
    leave_everything(session, actor, application, facts)
    close_now(session, application, "A9p" if placed else "A9", CloseReason.WITHDRAWN, facts, actor, letter)


def leave_everything(
    session: Session, actor: Actor, application: Application, facts: Facts, *, taken: str = "O9"
) -> None:
    """End all an application has in the streams and tracks, before it closes; ``taken`` ends an accepted offer."""
    leave_streams(session, actor, application, facts)
    for choice in _track_choices(session, application.id, TrackChoiceState.CHOSEN):
        advance(session, choice, "K3", as_system(facts), actor, place_of(application))
    _free_offers(session, actor, application, facts, taken=taken)
    leave_waitlists(session, application, facts)


def leave_streams(session: Session, actor: Actor, application: Application, facts: Facts) -> None:
    """S17 for every stream in which the application still stands, S17a where it has a place."""
    entries = stream_applications(session, application.id)
    lock_streams(session, {entry.stream_id for entry in entries})
    leaving = facts if facts.role in TABLE["S17"].roles else as_system(facts)
    for entry in entries:
        if entry.state in LIVE_STREAM_APPLICATION:
            exit_stream(session, actor, application, entry, leaving)
        elif entry.state is StreamApplicationState.ACCEPTED:
            _leave(session, actor, application, entry, "S17a", as_system(facts))


def undo_withdrawal(session: Session, actor: Actor, application: Application, *, role: Role, now: datetime) -> None:
    """A9u: within 24 hours, put everything back as it was, unless a freed seat has been given away."""
    application = lock_application(session, application.id)
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id)
    bring_back(session, actor, application, "A9u", facts, None)


def bring_back(
    session: Session, actor: Actor, application: Application, code: str, facts: Facts, letter: Letter | None
) -> None:
    """Put a withdrawn application back as it was, by ``code``. Raises ``Refused``: WRONG_STATE, SEAT_REUSED,
    LIVE_APPLICATION_EXISTS, UNDO_TOO_LATE (too late, or closed for want of streams)."""
    if application.close_reason is not CloseReason.WITHDRAWN or is_erased(session, application):
        raise refuse(Code.WRONG_STATE)
    if has_other_live(session, application.person_id, application.cohort_id, application.id):
        raise refuse(Code.LIVE_APPLICATION_EXISTS)
    withdrawn_at = application.closed_at
    entries = stream_applications(session, application.id)
    returning = left_at(entries, withdrawn_at)
    if application.state_before_close is ApplicationState.IN_STREAMS and not returning:
        raise refuse(Code.UNDO_TOO_LATE)  # closed for want of streams: there is nothing to come back to
    offers = list(
        session.scalars(
            sa.select(Offer).where(
                Offer.application_id == application.id,
                sa.or_(
                    Offer.state == OfferState.VACATED,
                    sa.and_(Offer.state == OfferState.DECLINED, Offer.responded_at == withdrawn_at),
                ),
            )
        )
    )
    streams = lock_streams(session, {entry.stream_id for entry in entries})
    fits = all(seat_free(streams[offer.stream_id]) for offer in offers) and (
        not offers or capacity_free(session, application.cohort_id, application.person_id)
    )
    former = application.state_before_close or ApplicationState.DRAFT
    if not fits:
        raise refuse(Code.SEAT_REUSED)
    facts = replace(facts, exited_at=withdrawn_at, seat_reused=False, former=former.value)
    with session.no_autoflush:
        advance(session, application, code, facts, actor, place_of(application), letter=letter)
        placed = former is ApplicationState.CLOSED
        application.close_reason = CloseReason.PLACED if placed else None
        application.closed_at = facts.now if placed else None
        application.state_before_close = ApplicationState.IN_STREAMS if placed else None
    session.flush()
    back = _returning(facts)
    return_to_streams(session, actor, application, returning, facts)
    left_together = set(
        session.scalars(
            sa.select(StateChange.subject_id).where(
                StateChange.machine == Machine.TRACK_CHOICE,
                StateChange.application_id == application.id,
                StateChange.code == "K3",
                StateChange.at == withdrawn_at,
            )
        )
    )
    for choice in _track_choices(session, application.id, TrackChoiceState.WITHDRAWN):
        if choice.id not in left_together:
            continue  # a track dropped earlier stays dropped
        advance(session, choice, "K5", back, actor, place_of(application))
    for offer in offers:
        vacated = offer.state is OfferState.VACATED
        closing = replace(back, closes_at=offer.expires_at)
        advance(session, offer, "O9u" if vacated else "O4u", closing, actor, place_of(application))
        if vacated:
            _restore_fellowship(session, actor, application, offer, back)
    recount(session, streams.values())
    renumber(stream_applications(session, application.id))


def withdraw_stream(
    session: Session,
    actor: Actor,
    stream_application: StreamApplication,
    *,
    now: datetime,
    role: Role = Role.APPLICANT,
) -> None:
    """S17: leave one stream; the others keep their order, numbers close up."""
    application = lock_application(session, stream_application.application_id)
    session.refresh(stream_application)
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id)
    exit_stream(session, actor, application, stream_application, facts)
    wish(session, application, stream_application.stream_id, now, wanted=False)
    _free_offers(session, actor, application, facts, only=stream_application.id)
    renumber(stream_applications(session, application.id))
    close_if_done(session, application, now)


def undo_stream_withdrawal(
    session: Session, actor: Actor, stream_application: StreamApplication, *, now: datetime
) -> None:
    """S21: within 24 hours, the stream application returns to its former state, last in the applicant's order.

    Raises ``Refused``: UNDO_TOO_LATE, SEAT_REUSED (there was an offer), STREAM_CLOSED (the stream is cancelled),
    TRACK_NOT_ADVANCED and TRACK_NOT_CHOSEN (what was released or submitted meanwhile leaves no way back, E27).
    """
    application = lock_application(session, stream_application.application_id)
    session.refresh(stream_application)
    if application.state is ApplicationState.CLOSED:
        raise refuse(Code.WRONG_STATE)
    former = stream_application.state_before_exit
    if former is StreamApplicationState.OFFERED:
        raise refuse(Code.SEAT_REUSED)
    if (code := _no_way_back(session, application, stream_application)) is not None:
        raise refuse(code)
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=application.cohort_id,
        exited_at=stream_application.exited_at,
        former=former.value if former else "",
    )
    _return(session, actor, application, stream_application, facts)
    wish(session, application, stream_application.stream_id, now, wanted=True)
    renumber(stream_applications(session, application.id))


def left_at(entries: Iterable[StreamApplication], instant: datetime | None) -> list[StreamApplication]:
    """Those that were withdrawn together, at that instant."""
    left = StreamApplicationState.WITHDRAWN
    return [entry for entry in entries if entry.state is left and entry.exited_at == instant]


def return_to_streams(
    session: Session, actor: Actor, application: Application, entries: Iterable[StreamApplication], facts: Facts
) -> None:
    """S21 for each of ``entries``, as part of bringing back the application."""
    for entry in entries:
        _return(session, actor, application, entry, _returning(facts))


def _returning(facts: Facts) -> Facts:
    """The system's facts for what comes back with an application that was let back in."""
    return replace(as_system(facts), exited_at=facts.now, seat_free=True, other_accepted=False)


def exit_stream(
    session: Session, actor: Actor, application: Application, entry: StreamApplication, facts: Facts
) -> None:
    """Withdraw one live stream application with its tasks, interviews and its place in the stream's ranking."""
    _leave(session, actor, application, entry, "S17", facts)
    cancel_stream_children(session, entry, facts.now)
    leave_waitlists(session, application, facts, only=entry)
    close_gap(session, entry, facts.now)


def _leave(
    session: Session, actor: Actor, application: Application, entry: StreamApplication, code: str, facts: Facts
) -> None:
    entry.state_before_exit = entry.state
    entry.exited_at = facts.now
    advance(session, entry, code, facts, actor, place_of(application))


def _return(session: Session, actor: Actor, application: Application, entry: StreamApplication, facts: Facts) -> None:
    former = entry.state_before_exit.value if entry.state_before_exit else ""
    advance(session, entry, "S21", replace(facts, former=former), actor, place_of(application))
    entry.state_before_exit = None
    entry.exited_at = None
    session.flush()
    stream = session.get_one(Stream, entry.stream_id)
    if stream.state is StreamState.CANCELLED and entry.state in LIVE_STREAM_APPLICATION:
        advance(session, entry, "S18", replace(as_system(facts), stream_cancelled=True), SYSTEM, place_of(application))
        entry.exited_at = facts.now
        return
    if entry.state is StreamApplicationState.WAITLISTED:
        _wait_again(session, application, entry, facts)
    ranked = reopen_gap(session, entry, facts.now)
    restore_stream_children(session, entry, facts.now)
    _catch_up(session, application, entry, stream, facts, ranked=ranked)


def _catch_up(
    session: Session,
    application: Application,
    entry: StreamApplication,
    stream: Stream,
    facts: Facts,
    *,
    ranked: bool,
) -> None:
    """What happened to everybody else in the stream while this one was away: S2, or S8."""
    system, place = as_system(facts), place_of(application)
    if entry.state is StreamApplicationState.CHOSEN and application.state is ApplicationState.IN_STREAMS:
        moment = session.scalars(sa.select(Cohort.stream_choice).where(Cohort.id == application.cohort_id)).one()
        if choice_over(moment, stream, gates_of(session, application.cohort_id), facts.now):
            advance(session, entry, "S2", replace(system, track_advanced=True), SYSTEM, place)
    elif ranked and entry.state in TO_ASSESS:
        advance(session, entry, "S8", replace(system, ranking_locked=True), SYSTEM, place)


def _no_way_back(session: Session, application: Application, entry: StreamApplication) -> Code | None:
    """Why a stream application cannot live again beside what has become of its stream and of its tracks."""
    stream = session.get_one(Stream, entry.stream_id)
    if stream.state is StreamState.CANCELLED:
        return Code.STREAM_CLOSED
    advanced = application.state is ApplicationState.IN_STREAMS
    wanted = TrackChoiceState.ADVANCED if advanced else TrackChoiceState.CHOSEN
    fits = (
        sa.select(TrackChoice.id)
        .join(StreamTrack, StreamTrack.track_id == TrackChoice.track_id)
        .where(
            TrackChoice.application_id == application.id,
            TrackChoice.state == wanted,
            StreamTrack.stream_id == stream.id,
        )
    )
    if session.scalar(fits.limit(1)) is not None:
        return None
    return Code.TRACK_NOT_ADVANCED if advanced else Code.TRACK_NOT_CHOSEN


def _wait_again(session: Session, application: Application, entry: StreamApplication, facts: Facts) -> None:
    """W1 at the old place: whoever takes a withdrawal back within the day has lost nothing."""
    place = session.scalar(
        sa.select(WaitlistEntry.position)
        .where(WaitlistEntry.stream_application_id == entry.id)
        .order_by(WaitlistEntry.id.desc())
        .limit(1)
    )
    again = WaitlistEntry(stream_application_id=entry.id, stream_id=entry.stream_id, position=place or 1)
    begin(session, again, "W1", replace(as_system(facts), released=True), SYSTEM, place_of(application))


def _free_offers(
    session: Session,
    actor: Actor,
    application: Application,
    facts: Facts,
    *,
    only: int | None = None,
    taken: str = "O9",
) -> None:
    """End the offers of whoever leaves: pending ones are declined, accepted ones end by ``taken``, drafts cancelled."""
    query = sa.select(Offer).where(
        Offer.application_id == application.id,
        Offer.state.in_(
            [OfferState.DRAFT, OfferState.APPROVED, OfferState.PENDING, OfferState.ACCEPTED, OfferState.CONFIRMED]
        ),
    )
    if only is not None:
        query = query.where(Offer.stream_application_id == only)
    offers = session.scalars(query.order_by(Offer.id).execution_options(populate_existing=True)).all()
    if not offers:
        return
    streams = lock_streams(session, {offer.stream_id for offer in offers})
    system = as_system(facts)
    for offer in offers:
        match offer.state:
            case OfferState.PENDING:
                offer.responded_at = facts.now
                offer.decline_reason = "withdrawn"
                # Whoever withdraws wholly gets one message about all of it.
                letter = (
                    BY_BATCH
                    if only is None
                    else letter_to(session, application.person_id, stream=streams[offer.stream_id].name)
                )
                advance(session, offer, "O4", system, actor, place_of(application), letter=letter)
            case OfferState.ACCEPTED | OfferState.CONFIRMED:
                advance(session, offer, taken, system if taken == "O9" else facts, actor, place_of(application))
                _end_fellowship(session, actor, application, offer, system)
            case _:
                advance(session, offer, "O12", system, actor, place_of(application))
    recount(session, streams.values())


def _end_fellowship(session: Session, actor: Actor, application: Application, offer: Offer, facts: Facts) -> None:
    fellowship = session.scalar(sa.select(Fellowship).where(Fellowship.offer_id == offer.id))
    if fellowship is not None and fellowship.state is not FellowshipState.ENDED:
        advance(session, fellowship, "F3", facts, actor, place_of(application))


def _restore_fellowship(session: Session, actor: Actor, application: Application, offer: Offer, facts: Facts) -> None:
    fellowship = session.scalar(sa.select(Fellowship).where(Fellowship.offer_id == offer.id))
    if fellowship is not None:
        advance(session, fellowship, "F1u", replace(facts, offer_accepted=True), actor, place_of(application))


def _track_choices(session: Session, application_id: int, state: TrackChoiceState) -> list[TrackChoice]:
    return list(
        session.scalars(
            sa.select(TrackChoice).where(TrackChoice.application_id == application_id, TrackChoice.state == state)
        )
    )
