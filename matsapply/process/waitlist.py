"""The waitlist: who is promoted to a freed seat, who is passed over and why, and how it closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Cohort
from matsapply.offers.models import Offer, StreamRanking, WaitlistEntry
from matsapply.offers.seats import capacity_free, lock_streams, recount, seat_free
from matsapply.offers.waitlist import proposal
from matsapply.process.closing import close_if_done, renumber, stream_applications
from matsapply.process.placement import draft_offer
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import OfferState, Role, WaitlistState
from matsapply.tracking.actions import advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


def promote(
    session: Session, actor: Actor, entry: WaitlistEntry, *, role: Role, reply_hours: int, now: datetime
) -> Offer:
    """S12: a coordinator confirms the proposal; the stream's locked ranking is the second signature."""
    stream_application = session.get_one(StreamApplication, entry.stream_application_id)
    application = lock_application(session, stream_application.application_id)
    session.refresh(entry)
    first = proposal(session, entry.stream_id)
    if entry.state is not WaitlistState.ACTIVE or first is None or first.id != entry.id:
        raise refuse(Code.WRONG_STATE)
    streams = lock_streams(session, [entry.stream_id])
    stream = streams[entry.stream_id]
    facts = facts_of(
        session,
        actor,
        role,
        now,
        cohort_id=application.cohort_id,
        seat_free=seat_free(stream),
        capacity_free=capacity_free(session, application.cohort_id, application.person_id),
        other_accepted=_has_accepted(session, application),
        no_open_conflict=True,
        released=True,
    )
    last = facts.dates.get("T15")
    expires = min(now + timedelta(hours=reply_hours), last or now + timedelta(hours=reply_hours))
    # Versions the system wrote (a lock at T12, a closed gap) carry no name: the last person to save one has signed.
    signer = session.scalar(
        sa.select(StreamRanking.actor_id)
        .where(StreamRanking.stream_id == stream.id)
        .where(StreamRanking.actor_id.is_not(None), StreamRanking.actor_id != actor.person_id)
        .order_by(StreamRanking.number.desc())
        .limit(1)
    )
    place = place_of(application)
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
    letter = letter_to(session, application.person_id, cohort_label=label, stream=stream.name, expires_at=expires)
    advance(session, stream_application, "S12", facts, actor, place, letter=letter)
    advance(session, entry, "W2", facts, actor, place)
    entry.decided_by_id = actor.person_id
    offer = draft_offer(session, actor, stream_application, role=role, now=now)
    with session.no_autoflush:
        advance(session, offer, "O1", replace(facts, second_actor_id=signer), actor, place)
        offer.approved_by_id = signer
        offer.second_approver_id = actor.person_id
    session.flush()
    with session.no_autoflush:
        advance(session, offer, "O2", facts, actor, place)
        offer.released_at = now
        offer.expires_at = expires
    recount(session, streams.values())
    return offer


def skip(session: Session, actor: Actor, entry: WaitlistEntry, *, role: Role, reason: str, now: datetime) -> None:
    """W3: pass over a waitlisted person, with the reason that the log keeps; they stay waitlisted in the stream."""
    stream_application = session.get_one(StreamApplication, entry.stream_application_id)
    application = lock_application(session, stream_application.application_id)
    session.refresh(entry)
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason)
    with session.no_autoflush:
        advance(session, entry, "W3", facts, actor, place_of(application))
        entry.skip_reason = reason
        entry.decided_by_id = actor.person_id


def close_waitlisted(session: Session, stream_application: StreamApplication, *, now: datetime) -> None:
    """S13 at T15: whoever still waits is not selected, and the application closes if nothing else is pending."""
    application = lock_application(session, stream_application.application_id)
    session.refresh(stream_application)
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id)
    place = place_of(application)
    advance(session, stream_application, "S13", facts, SYSTEM, place)
    stream_application.exited_at = now
    entries = session.scalars(
        sa.select(WaitlistEntry).where(
            WaitlistEntry.stream_application_id == stream_application.id, WaitlistEntry.state == WaitlistState.ACTIVE
        )
    ).all()
    for entry in entries:
        advance(session, entry, "W5", facts, SYSTEM, place)
    session.flush()
    renumber(stream_applications(session, application.id))
    close_if_done(session, application, now)


def _has_accepted(session: Session, application: Application) -> bool:
    return (
        session.scalar(
            sa.select(Offer.id)
            .where(Offer.person_id == application.person_id, Offer.cohort_id == application.cohort_id)
            .where(Offer.state.in_([OfferState.ACCEPTED, OfferState.CONFIRMED]))
            .limit(1)
        )
        is not None
    )
