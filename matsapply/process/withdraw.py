"""Withdrawing, wholly or from one stream, and taking it back within a day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, has_other_live, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.models import Cohort
from matsapply.offers.models import Fellowship, Offer, WaitlistEntry
from matsapply.offers.ranking import close_gap
from matsapply.offers.seats import capacity_free, lock_streams, recount, seat_free
from matsapply.process.closing import (
    as_system,
    close_if_done,
    close_now,
    leave_waitlists,
    stream_applications,
)
from matsapply.process.stream_round import cancel_stream_children, restore_stream_children
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
    TrackChoiceState,
)
from matsapply.tracking.actions import BY_BATCH, advance, begin
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts


def withdraw_application(
    session: Session, actor: Actor, application: Application, *, role: Role, now: datetime, reason: str = ""
) -> None:
    """A9: end the application; stream applications, offers and everything open end with it, and seats come free."""
    application = lock_application(session, application.id)
    placed = application.close_reason is CloseReason.PLACED
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason, offer_accepted=placed)
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
    letter = letter_to(session, application.person_id, cohort_label=label)
    for entry in stream_applications(session, application.id):
        if entry.state in LIVE_STREAM_APPLICATION:
            exit_stream(session, actor, application, entry, facts)
        elif entry.state is StreamApplicationState.ACCEPTED:
            _leave(session, actor, application, entry, "S17a", as_system(facts))
    for choice in _track_choices(session, application.id, TrackChoiceState.CHOSEN):
        advance(session, choice, "K3", as_system(facts), actor, place_of(application))
    _free_offers(session, actor, application, facts)
    leave_waitlists(session, application, facts)
    close_now(session, application, "A9p" if placed else "A9", CloseReason.WITHDRAWN, facts, actor, letter)


def undo_withdrawal(session: Session, actor: Actor, application: Application, *, role: Role, now: datetime) -> None:
    """A9u: within 24 hours, put everything back as it was, unless a freed seat has been given away."""
    application = lock_application(session, application.id)
    if application.close_reason is not CloseReason.WITHDRAWN:
        raise refuse(Code.WRONG_STATE)
    if has_other_live(session, application.person_id, application.cohort_id, application.id):
        raise refuse(Code.LIVE_APPLICATION_EXISTS)
    withdrawn_at = application.closed_at
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
    streams = lock_streams(session, {offer.stream_id for offer in offers})
    fits = all(seat_free(streams[offer.stream_id]) for offer in offers) and (
        not offers or capacity_free(session, application.cohort_id, application.person_id)
    )
    former = application.state_before_close or ApplicationState.DRAFT
    facts = facts_of(
        session,
        actor,
        role,
        now,
        cohort_id=application.cohort_id,
        exited_at=withdrawn_at,
        seat_reused=not fits,
        former=former.value,
    )
    with session.no_autoflush:
        advance(session, application, "A9u", facts, actor, place_of(application))
        placed = former is ApplicationState.CLOSED
        application.close_reason = CloseReason.PLACED if placed else None
        application.closed_at = now if placed else None
        application.state_before_close = ApplicationState.IN_STREAMS if placed else None
    session.flush()
    back = replace(as_system(facts), seat_free=fits, other_accepted=False)
    for entry in stream_applications(session, application.id):
        if entry.state is StreamApplicationState.WITHDRAWN and entry.exited_at == withdrawn_at:
            _return(session, actor, application, entry, back)
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
        code = "O9u" if offer.state is OfferState.VACATED else "O4u"
        advance(
            session,
            offer,
            code,
            replace(back, closes_at=offer.expires_at),
            actor,
            place_of(application),
        )
        if code == "O9u":
            _restore_fellowship(session, actor, application, offer, back)
    recount(session, streams.values())
    renumber(session, application.id)


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
    _free_offers(session, actor, application, facts, only=stream_application.id)
    renumber(session, application.id)
    close_if_done(session, application, now)


def undo_stream_withdrawal(
    session: Session, actor: Actor, stream_application: StreamApplication, *, now: datetime
) -> None:
    """S21: within 24 hours, the stream application returns to its former state, last in the applicant's order."""
    application = lock_application(session, stream_application.application_id)
    session.refresh(stream_application)
    if application.state is ApplicationState.CLOSED:
        raise refuse(Code.WRONG_STATE)
    former = stream_application.state_before_exit
    if former is StreamApplicationState.OFFERED:
        raise refuse(Code.SEAT_REUSED)
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
    renumber(session, application.id)


def exit_stream(
    session: Session, actor: Actor, application: Application, entry: StreamApplication, facts: Facts
) -> None:
    """Withdraw one live stream application with its tasks, interviews and its place in the stream's ranking."""
    _leave(session, actor, application, entry, "S17", facts)
    cancel_stream_children(session, entry, facts.now)
    leave_waitlists(session, application, facts, only=entry)
    close_gap(session, entry, facts.now)


def renumber(session: Session, application_id: int) -> None:
    """Ranks over live stream applications are 1…n without gaps; the others have none (invariant 16)."""
    session.flush()
    entries = stream_applications(session, application_id)
    live = sorted(
        (entry for entry in entries if entry.state in LIVE_STREAM_APPLICATION),
        key=lambda entry: (entry.rank is None, entry.rank or 0, entry.id),
    )
    for number, entry in enumerate(live, start=1):
        if entry.rank != number:
            entry.rank = number
    for entry in entries:
        if entry.state not in LIVE_STREAM_APPLICATION and entry.rank is not None:
            entry.rank = None
    session.flush()


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
    if entry.state is StreamApplicationState.WAITLISTED:
        _wait_again(session, application, entry, facts)
    restore_stream_children(session, entry, facts.now)


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
    session: Session, actor: Actor, application: Application, facts: Facts, only: int | None = None
) -> None:
    """End the offers of whoever withdraws: pending ones are declined, accepted ones vacated, drafts cancelled."""
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
                advance(session, offer, "O9", system, actor, place_of(application))
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
