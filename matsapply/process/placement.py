"""Offers from approval to a place: each act is one transaction, and two acts that meet give one outcome.

Locks are taken in one order everywhere: the application, then its streams by key, then the cohort.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application, lock_applications
from matsapply.applications.models import Application, StreamApplication
from matsapply.audit import actions as audit
from matsapply.cohorts.models import Cohort
from matsapply.decisions.actions import has_conflict
from matsapply.offers.models import Fellowship, Offer
from matsapply.offers.seats import capacity_free, lock_streams, recount, seat_free
from matsapply.offers.waitlist import propose_freed
from matsapply.process.closing import (
    as_system,
    close_if_done,
    close_now,
    leave_waitlists,
    renumber,
    stream_applications,
)
from matsapply.process.stream_round import cancel_stream_children
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    CloseReason,
    FellowshipPhase,
    OfferState,
    Role,
)
from matsapply.tracking.actions import advance, begin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts

OPEN_OFFER = (OfferState.DRAFT, OfferState.APPROVED, OfferState.PENDING, OfferState.ACCEPTED, OfferState.CONFIRMED)


def lock_for_bulk(session: Session, application_ids: Iterable[int], stream_ids: Iterable[int]) -> None:
    """All that acts in bulk will lock one by one, in the one order: first every application, then every stream."""
    lock_applications(session, application_ids)
    lock_streams(session, stream_ids)


def draft_offer(
    session: Session,
    actor: Actor,
    stream_application: StreamApplication,
    *,
    role: Role,
    now: datetime,
    terms: str = "",
) -> Offer:
    """O0: an offer in preparation; it holds no seat yet. Returns the open one where there is one already."""
    application = lock_application(session, stream_application.application_id)
    found = session.scalar(
        sa.select(Offer).where(Offer.stream_application_id == stream_application.id, Offer.state.in_(OPEN_OFFER))
    )
    if found is not None:
        return found
    session.refresh(stream_application)
    if stream_application.state not in LIVE_STREAM_APPLICATION:
        raise refuse(Code.WRONG_STATE)
    clear = actor.person_id is None or not has_conflict(session, actor.person_id, application.id)
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, no_open_conflict=clear)
    offer = Offer(
        cohort_id=application.cohort_id,
        person_id=application.person_id,
        application_id=application.id,
        stream_application_id=stream_application.id,
        stream_id=stream_application.stream_id,
        terms=terms,
    )
    begin(session, offer, "O0", facts, actor, place_of(application))
    return offer


def approve_offer(session: Session, actor: Actor, offer: Offer, *, role: Role, now: datetime) -> bool:
    """O1: the first call notes one approver, the second by somebody else approves and holds the seat (then True)."""
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    entry = session.get_one(StreamApplication, offer.stream_application_id, populate_existing=True)
    if offer.state is not OfferState.DRAFT or entry.state not in LIVE_STREAM_APPLICATION:
        raise refuse(Code.WRONG_STATE)
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    if has_conflict(session, actor.person_id, application.id):
        raise refuse(Code.CONFLICT)
    if offer.approved_by_id is None:
        offer.approved_by_id = actor.person_id
        audit.record(
            session,
            actor,
            "offer.first_approval",
            now,
            subject_type="offer",
            subject_id=offer.id,
            actor_role=role.value,
            cohort_id=offer.cohort_id,
        )
        return False
    streams = lock_streams(session, [offer.stream_id])
    facts = facts_of(
        session,
        actor,
        role,
        now,
        cohort_id=offer.cohort_id,
        seat_free=seat_free(streams[offer.stream_id]),
        capacity_free=capacity_free(session, offer.cohort_id, offer.person_id),
    )
    facts = replace(facts, second_actor_id=offer.approved_by_id)
    with session.no_autoflush:
        advance(session, offer, "O1", facts, actor, place_of(application))
        offer.second_approver_id = actor.person_id
    recount(session, streams.values())
    return True


def accept_offer(
    session: Session,
    actor: Actor,
    offer: Offer,
    *,
    now: datetime,
    eligibility_confirmed: bool,
    received_at: datetime | None = None,
) -> Fellowship:
    """O3 and S14, and what follows in the same transaction: other offers superseded (O7), other stream applications
    released (S19), the application closed as placed (A10), a fellowship made (F1).

    Raises ``Refused``: EXPIRED, OTHER_ACCEPTED, ELIGIBILITY_UNCONFIRMED, WRONG_STATE.
    """
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    if actor.person_id != application.person_id:
        raise refuse(Code.WRONG_ROLE)
    entries = stream_applications(session, application.id)
    chosen = next(entry for entry in entries if entry.id == offer.stream_application_id)
    others = list(
        session.scalars(
            sa.select(Offer)
            .where(Offer.person_id == offer.person_id, Offer.cohort_id == offer.cohort_id, Offer.id != offer.id)
            .order_by(Offer.id)
            .execution_options(populate_existing=True)
        )
    )
    streams = lock_streams(session, {offer.stream_id, *(other.stream_id for other in others)})
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=offer.cohort_id,
        closes_at=offer.expires_at,
        received_at=received_at,
        other_accepted=any(other.state in {OfferState.ACCEPTED, OfferState.CONFIRMED} for other in others),
        eligibility_confirmed=eligibility_confirmed,
    )
    place = place_of(application)
    with session.no_autoflush:
        advance(session, offer, "O3", facts, actor, place)
        offer.responded_at = received_at or now
    advance(session, chosen, "S14", facts, actor, place)
    after = replace(as_system(facts), offer_accepted=True)
    freed = [other.stream_id for other in others if other.state in {OfferState.PENDING, OfferState.APPROVED}]
    for other in others:
        if other.state is OfferState.PENDING:
            advance(session, other, "O7", after, SYSTEM, place)
        elif other.state in {OfferState.DRAFT, OfferState.APPROVED}:
            advance(session, other, "O12", after, SYSTEM, place)
    leave_waitlists(session, application, after)
    for entry in entries:
        if entry.state in LIVE_STREAM_APPLICATION:
            advance(session, entry, "S19", after, SYSTEM, place)
            entry.exited_at = now
            cancel_stream_children(session, entry, now)
    fellowship = Fellowship(
        person_id=offer.person_id,
        cohort_id=offer.cohort_id,
        stream_id=offer.stream_id,
        offer_id=offer.id,
        phase=FellowshipPhase.MAIN,
    )
    begin(session, fellowship, "F1", after, SYSTEM, place)
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == offer.cohort_id))
    letter = letter_to(session, offer.person_id, cohort_label=label, stream=streams[offer.stream_id].name)
    close_now(session, application, "A10", CloseReason.PLACED, after, SYSTEM, letter)
    recount(session, streams.values())
    propose_freed(session, freed, now)
    return fellowship


def decline_offer(session: Session, actor: Actor, offer: Offer, *, now: datetime, reason: str = "") -> None:
    """O4 and S15: the seat comes free; the other stream applications go on."""
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    if actor.person_id != application.person_id:
        raise refuse(Code.WRONG_ROLE)
    facts = facts_of(session, actor, Role.APPLICANT, now, cohort_id=offer.cohort_id)
    _end_pending(session, actor, application, offer, "O4", "S15", facts, reason)
    close_if_done(session, application, now, told_by_batch=True)


def lapse_offer(session: Session, offer: Offer, *, now: datetime) -> None:
    """O5 and S16: nobody answered in time."""
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=offer.cohort_id, closes_at=offer.expires_at)
    _end_pending(session, SYSTEM, application, offer, "O5", "S16", facts, "")
    close_if_done(session, application, now, told_by_batch=True)


def _end_pending(
    session: Session,
    actor: Actor,
    application: Application,
    offer: Offer,
    offer_code: str,
    stream_code: str,
    facts: Facts,
    reason: str,
) -> None:
    streams = lock_streams(session, [offer.stream_id])
    entry = session.get_one(StreamApplication, offer.stream_application_id)
    place = place_of(application)
    letter = letter_to(session, offer.person_id, stream=streams[offer.stream_id].name)
    with session.no_autoflush:
        advance(session, offer, offer_code, facts, actor, place, letter=letter)
        offer.responded_at = facts.now if offer_code == "O4" else None
        offer.decline_reason = reason
    advance(session, entry, stream_code, facts, actor, place, letter=letter)
    entry.exited_at = facts.now
    session.flush()
    renumber(stream_applications(session, application.id))
    recount(session, streams.values())
    propose_freed(session, [offer.stream_id], facts.now)


def extend_offer(session: Session, actor: Actor, offer: Offer, *, role: Role, until: datetime, now: datetime) -> None:
    """O6: more time to answer; only later than before, and never past the closing of the waitlist."""
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    facts = facts_of(session, actor, role, now, cohort_id=offer.cohort_id, opens_at=offer.expires_at, closes_at=until)
    advance(session, offer, "O6", facts, actor, place_of(application))
    offer.expires_at = until


def confirm_offer(session: Session, actor: Actor, offer: Offer, *, role: Role, now: datetime) -> None:
    """O8: the papers are in."""
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    facts = facts_of(session, actor, role, now, cohort_id=offer.cohort_id)
    advance(session, offer, "O8", facts, actor, place_of(application))


def rescind_offer(
    session: Session, actor: Actor, offer: Offer, *, second_actor_id: int, reason: str, now: datetime
) -> None:
    """O11 and S20, by two people and with a reason; a placed application closes as rescinded (A16)."""
    application = lock_application(session, offer.application_id)
    session.refresh(offer)
    streams = lock_streams(session, [offer.stream_id])
    entry = session.get_one(StreamApplication, offer.stream_application_id)
    facts = replace(
        facts_of(session, actor, Role.ADMIN, now, cohort_id=offer.cohort_id, reason=reason),
        second_actor_id=second_actor_id,
    )
    place = place_of(application)
    placed = application.close_reason is CloseReason.PLACED
    advance(session, offer, "O11", facts, actor, place)
    letter = letter_to(session, offer.person_id, stream=streams[offer.stream_id].name, reason=reason)
    advance(session, entry, "S20", facts, actor, place, letter=letter)
    entry.exited_at = now
    session.flush()
    renumber(stream_applications(session, application.id))
    fellowship = session.scalar(sa.select(Fellowship).where(Fellowship.offer_id == offer.id))
    if fellowship is not None:
        advance(session, fellowship, "F3", as_system(facts), actor, place)
    if placed:
        close_now(session, application, "A16", CloseReason.RESCINDED, facts, actor)
    else:
        close_if_done(session, application, now, told_by_batch=True)
    recount(session, streams.values())
    propose_freed(session, [offer.stream_id], now)
