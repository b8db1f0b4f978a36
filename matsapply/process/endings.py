"""Endings that the team brings about: a stream or a cohort is cancelled, a place deferred, a doubled person merged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Cohort, Stream
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.offers.models import Deferral, Fellowship, Offer
from matsapply.offers.seats import lock_streams, recount
from matsapply.people.models import PersonMerge
from matsapply.process.closing import (
    as_system,
    close_if_done,
    close_now,
    leave_waitlists,
    renumber,
    stream_applications,
)
from matsapply.process.stream_ends import cancel_stream_children
from matsapply.process.withdraw import leave_everything
from matsapply.reviews.actions import void
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    CloseReason,
    CohortState,
    DeferralState,
    FellowshipState,
    OfferState,
    Role,
    StreamApplicationState,
    StreamChoiceMoment,
)
from matsapply.tracking.actions import BY_BATCH, Place, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts

TAKEN = (OfferState.ACCEPTED, OfferState.CONFIRMED)


def cancel_stream(
    session: Session, actor: Actor, stream: Stream, *, second_actor_id: int, reason: str, now: datetime
) -> int:
    """T4 and S18, by two admins: the stream runs no more, other streams go on. Returns how many are told.

    Somebody who has a place is "to be placed" from now on (F2). Raises ``Refused``: NOT_FINISHED while offers of the
    stream are pending: their people are spoken to first, and are placed elsewhere or the offer is rescinded (E15).
    """
    ids = session.scalars(
        sa.select(StreamApplication.application_id)
        .where(
            StreamApplication.stream_id == stream.id,
            StreamApplication.state.in_([*LIVE_STREAM_APPLICATION, StreamApplicationState.ACCEPTED]),
        )
        .order_by(StreamApplication.application_id)
    ).all()
    applications = [lock_application(session, key) for key in ids]
    stream = lock_streams(session, [stream.id])[stream.id]
    if pending := _offers(session, Offer.stream_id == stream.id, OfferState.PENDING):
        raise refuse(Code.NOT_FINISHED, f"{len(pending)} offers of it are pending.")
    facts = facts_of(session, actor, Role.ADMIN, now, cohort_id=stream.cohort_id, reason=reason, stream_cancelled=True)
    facts = replace(facts, second_actor_id=second_actor_id)
    advance(session, stream, "T4", facts, actor, Place(stream.cohort_id))
    messages = []
    for application in applications:
        entries = stream_applications(session, application.id)
        entry = next(one for one in entries if one.stream_id == stream.id)
        if entry.state is StreamApplicationState.ACCEPTED:
            _to_be_placed(session, actor, application, entry, facts)
            continue
        _cancelled(session, actor, application, entry, facts)
        session.flush()
        renumber(entries)
        close_if_done(session, application, now)
        until = _replace_until(session, application, facts)
        letter = letter_to(session, application.person_id, stream=stream.name, replace_until=until)
        cause = f"stream:{stream.id}:cancelled:{application.id}"
        messages.append(outbox.Message(letter.person_id, letter.recipient, letter.context, cause))
    recount(session, [stream])
    outbox.queue_many(session, Mail.STREAM_CANCELLED, messages, now)
    return len(messages)


def _replace_until(session: Session, application: Application, facts: Facts) -> datetime | None:
    """Until when another stream can be chosen, by the gates that hold for every choice; None where they are over."""
    moment = session.scalar(sa.select(Cohort.stream_choice).where(Cohort.id == application.cohort_id))
    early = moment is not StreamChoiceMoment.AFTER_ADVANCE
    code = "T2" if early and application.state is not ApplicationState.IN_STREAMS else "T7"
    closes = facts.dates.get(code)
    if closes is None or closes <= facts.now or (code == "T7" and moment is StreamChoiceMoment.AT_GENERAL):
        return None
    return closes


def cancel_cohort(
    session: Session, actor: Actor, cohort: Cohort, *, second_actor_id: int, reason: str, now: datetime
) -> int:
    """A15, by two admins: the cohort does not take place. Returns how many are told, all in one batch.

    Raises ``Refused``: NOT_FINISHED while somebody holds an accepted offer: each of them is spoken to and the offer
    rescinded by name, never by a batch (S20).
    """
    if taken := _offers(session, Offer.cohort_id == cohort.id, *TAKEN):
        raise refuse(Code.NOT_FINISHED, f"{len(taken)} people have accepted an offer.")
    ids = session.scalars(
        sa.select(Application.id)
        .where(Application.cohort_id == cohort.id, Application.state != ApplicationState.CLOSED)
        .order_by(Application.id)
    ).all()
    applications = [lock_application(session, key) for key in ids]
    streams = lock_streams(session, session.scalars(sa.select(Stream.id).where(Stream.cohort_id == cohort.id)))
    facts = facts_of(session, actor, Role.ADMIN, now, cohort_id=cohort.id, reason=reason, stream_cancelled=True)
    facts = replace(facts, second_actor_id=second_actor_id)
    reason_word = CloseReason.COHORT_CANCELLED
    messages = []
    for application in applications:
        for entry in stream_applications(session, application.id):
            if entry.state in LIVE_STREAM_APPLICATION:
                _cancelled(session, actor, application, entry, facts)
        close_now(session, application, "A15", reason_word, facts, actor, BY_BATCH)
        letter = letter_to(session, application.person_id, cohort_label=cohort.label, reason=reason_word.value)
        cause = f"cohort:{cohort.id}:cancelled:{application.id}"
        messages.append(outbox.Message(letter.person_id, letter.recipient, letter.context, cause))
    recount(session, streams.values())
    if cohort.state is CohortState.PUBLISHED:
        advance(session, cohort, "C2", facts, actor, Place(cohort.id))
    if cohort.state is CohortState.RUNNING:
        advance(session, cohort, "C3", facts, actor, Place(cohort.id))
    outbox.queue_many(session, Mail.CLOSED, messages, now)
    return len(messages)


def grant_deferral(
    session: Session, actor: Actor, application: Application, *, to_cohort_id: int, reason: str, now: datetime
) -> Deferral:
    """A12: the place, or the way to one, moves to another cohort; the seat in this one comes free (O10).

    Raises ``Refused``: WRONG_STATE unless the application is in the streams or placed, or has been deferred before.
    """
    application = lock_application(session, application.id)
    placed = application.close_reason is CloseReason.PLACED
    known = session.scalar(sa.select(Deferral).where(Deferral.application_id == application.id))
    if not (placed or application.state is ApplicationState.IN_STREAMS) or to_cohort_id == application.cohort_id:
        raise refuse(Code.WRONG_STATE)
    if known is not None and known.state is not DeferralState.REQUESTED:
        raise refuse(Code.WRONG_STATE)
    facts = facts_of(
        session, actor, Role.ADMIN, now, cohort_id=application.cohort_id, reason=reason, deferral_granted=True
    )
    leave_everything(session, actor, application, facts, taken="O10")
    close_now(session, application, "A12", CloseReason.DEFERRED, facts, actor)
    deferral = known or Deferral(application_id=application.id, to_cohort_id=to_cohort_id)
    deferral.to_cohort_id, deferral.reason = to_cohort_id, reason
    deferral.state, deferral.decided_by_id = DeferralState.GRANTED, actor.person_id
    session.add(deferral)
    session.flush()
    return deferral


def close_merged(session: Session, actor: Actor, application: Application, *, reason: str, now: datetime) -> None:
    """A14: the application of a record that was merged into another person's counts no more and is read-only.

    Nobody is written to. Raises ``Refused``: WRONG_STATE unless a merge of the person stands and the survivor has an
    application of their own in the cohort.
    """
    application = lock_application(session, application.id)
    survivor = session.scalar(
        sa.select(PersonMerge.survivor_id).where(
            PersonMerge.merged_id == application.person_id, PersonMerge.undone_at.is_(None)
        )
    )
    own = sa.select(Application.id).where(
        Application.person_id == survivor, Application.cohort_id == application.cohort_id
    )
    if survivor is None or session.scalar(own.limit(1)) is None or application.close_reason is CloseReason.MERGED:
        raise refuse(Code.WRONG_STATE)
    facts = facts_of(session, actor, Role.ADMIN, now, cohort_id=application.cohort_id, reason=reason)
    assignments = session.scalars(
        sa.select(ReviewAssignment).where(
            ReviewAssignment.application_id == application.id, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT)
        )
    ).all()
    for assignment in assignments:
        void(session, actor, assignment, reason, now, role=Role.ADMIN)
    leave_everything(session, actor, application, facts)
    close_now(session, application, "A14", CloseReason.MERGED, facts, actor)


def _cancelled(
    session: Session, actor: Actor, application: Application, entry: StreamApplication, facts: Facts
) -> None:
    """S18, or S20 for whoever has an offer; what was prepared or pending of it ends too."""
    place = place_of(application)
    for offer in _offers(
        session, Offer.stream_application_id == entry.id, OfferState.DRAFT, OfferState.APPROVED, OfferState.PENDING
    ):
        pending = offer.state is OfferState.PENDING
        advance(session, offer, "O11" if pending else "O12", facts if pending else as_system(facts), actor, place)
    entry.state_before_exit = entry.state
    offered = entry.state is StreamApplicationState.OFFERED
    advance(session, entry, "S20" if offered else "S18", facts, actor, place, letter=BY_BATCH)
    entry.exited_at = facts.now
    leave_waitlists(session, application, facts, only=entry)
    cancel_stream_children(session, entry, facts.now)


def _to_be_placed(
    session: Session, actor: Actor, application: Application, entry: StreamApplication, facts: Facts
) -> None:
    """F2: an accepted place outlives its stream."""
    fellowship = session.scalar(
        sa.select(Fellowship)
        .join(Offer, Offer.id == Fellowship.offer_id)
        .where(Offer.stream_application_id == entry.id, Fellowship.state == FellowshipState.PLACED)
    )
    if fellowship is not None:
        with session.no_autoflush:
            advance(session, fellowship, "F2", facts, actor, place_of(application))
            fellowship.stream_id = None


def _offers(session: Session, of: sa.ColumnElement[bool], *states: OfferState) -> list[Offer]:
    query = sa.select(Offer).where(of, Offer.state.in_(states)).order_by(Offer.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))
