"""What the calendar brings: one bounded piece of due work at a time, safe to repeat.

``run_due`` is called until it returns 0, with a commit after each call. Every piece re-reads the state it acts on, so a
second process or a retry finds nothing left to do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, Extension, StreamApplication
from matsapply.applications.references import overdue
from matsapply.cohorts.gates import TAKES_APPLICATIONS, Gates, choice_over, gates_of
from matsapply.cohorts.models import Cohort, Stream
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.offers.models import Offer
from matsapply.offers.seats import lock_streams
from matsapply.process.closing import close_if_done, close_now
from matsapply.process.detection import detect_what_changed
from matsapply.process.erasure import forget_farewells
from matsapply.process.heartbeat import heartbeats
from matsapply.process.placement import lapse_offer
from matsapply.process.stream_round import close_interviews, expire_tasks, lock_due_rankings, take_in
from matsapply.process.waitlist import close_waitlisted
from matsapply.process.withdraw import leave_streams
from matsapply.reviews.redactions import look_through
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import (
    ApplicationState,
    CloseReason,
    CohortState,
    OfferState,
    Role,
    StreamApplicationState,
    StreamChoiceMoment,
)
from matsapply.tracking.actions import Place, advance, check

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

AT_ONCE = 200


def run_due(session: Session, now: datetime) -> int:
    """Do one bounded piece of what is due at ``now``; returns how many things were done."""
    for cohort in session.scalars(sa.select(Cohort).where(Cohort.state.in_(TAKES_APPLICATIONS)).order_by(Cohort.id)):
        gates = gates_of(session, cohort.id)
        for piece in (_start_cohort, _close_drafts, _fix_choices, _close_waitlists, _close_done, _find_conflicts):
            if done := piece(session, cohort, gates, now):
                return done
        for streams in (take_in, close_interviews, lock_due_rankings):
            if gates.passed("T5", now) and (done := streams(session, cohort.id, now)):
                return done
    for work in (expire_tasks, overdue, _lapse, _remind, _look_for_names, heartbeats, forget_farewells):
        if done := work(session, now):
            return done
    return 0


def _start_cohort(session: Session, cohort: Cohort, gates: Gates, now: datetime) -> int:
    if cohort.state is not CohortState.PUBLISHED or not gates.passed("T1", now):
        return 0
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=cohort.id, gates=gates)
    advance(session, cohort, "C2", facts, SYSTEM, Place(cohort.id))
    return 1


def _find_conflicts(session: Session, cohort: Cohort, _gates: Gates, now: datetime) -> int:
    """Conflicts of interest that papers, people, references or mail show since the last look."""
    return detect_what_changed(session, cohort.id, SYSTEM, now)


def _close_drafts(session: Session, cohort: Cohort, gates: Gates, now: datetime) -> int:
    """A4: drafts whose owner's closing has passed; an extension keeps its owner's draft open."""
    closes = gates.at("T2")
    if closes is None or now < closes + gates.grace:
        return 0
    drafts = session.scalars(
        sa.select(Application.id)
        .where(Application.cohort_id == cohort.id, Application.state == ApplicationState.DRAFT)
        .where(Application.snapshot_number.is_(None), ~_runs_on(cohort.id, now - gates.grace))
        .order_by(Application.id)
        .limit(AT_ONCE)
    ).all()
    done = 0
    for application_id in drafts:
        application = lock_application(session, application_id)
        facts = facts_of(
            session, SYSTEM, Role.SYSTEM, now, cohort_id=cohort.id, person_id=application.person_id, gates=gates
        )
        facts = replace(facts, reopened_until=application.reopened_until)
        try:
            letter = letter_to(session, application.person_id, cohort_label=cohort.label)
            check("A4", facts, application.state.value)
            leave_streams(session, SYSTEM, application, facts)
            close_now(session, application, "A4", CloseReason.NEVER_SUBMITTED, facts, SYSTEM, letter)
        except Refused:
            continue  # it was submitted, or given more time, a moment ago
        done += 1
    return done


def _runs_on(cohort_id: int, closed_before: datetime) -> sa.ColumnElement[bool]:
    """SQL: this person's own close lies after the instant, so that their draft is not due yet."""
    own = sa.select(Extension.id).where(
        Extension.person_id == Application.person_id,
        Extension.cohort_id == cohort_id,
        Extension.gate == "T2",
        Extension.revoked_at.is_(None),
        Extension.until > closed_before,
    )
    reopened = sa.func.coalesce(Application.reopened_until > closed_before, sa.false())
    return sa.or_(own.exists(), reopened)


def _fix_choices(session: Session, cohort: Cohort, gates: Gates, now: datetime) -> int:
    """S2: after the choice window, the chosen streams of advanced applicants count as applied."""
    if cohort.stream_choice is StreamChoiceMoment.AT_GENERAL:
        return 0
    over = [
        stream.id
        for stream in session.scalars(sa.select(Stream).where(Stream.cohort_id == cohort.id))
        if choice_over(cohort.stream_choice, stream, gates, now)
    ]
    if not over:
        return 0
    chosen = session.execute(
        sa.select(StreamApplication.id, StreamApplication.application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(
            StreamApplication.stream_id.in_(over),
            StreamApplication.state == StreamApplicationState.CHOSEN,
            Application.state == ApplicationState.IN_STREAMS,
        )
        .order_by(StreamApplication.application_id, StreamApplication.id)
        .limit(AT_ONCE)
    ).all()
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=cohort.id, gates=gates, track_advanced=True)
    done = 0
    for entry_id, application_id in chosen:
        application = lock_application(session, application_id)
        entry = session.get_one(StreamApplication, entry_id, populate_existing=True)
        if entry.state is StreamApplicationState.CHOSEN and application.state is ApplicationState.IN_STREAMS:
            advance(session, entry, "S2", facts, SYSTEM, place_of(application))
            done += 1
    return done


def _close_waitlists(session: Session, cohort: Cohort, gates: Gates, now: datetime) -> int:
    if not gates.passed("T15", now):
        return 0
    waiting = session.scalars(
        sa.select(StreamApplication)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(Application.cohort_id == cohort.id, StreamApplication.state == StreamApplicationState.WAITLISTED)
        .order_by(StreamApplication.application_id, StreamApplication.id)
        .limit(AT_ONCE)
    ).all()
    return sum(_unless_moved(session, close_waitlisted, entry, now) for entry in waiting)


def _unless_moved(session: Session, act: Callable[..., None], subject: object, now: datetime) -> bool:
    """Do one thing that is due, or nothing of it where somebody else has moved its subject a moment ago."""
    try:
        with session.begin_nested():
            act(session, subject, now=now)
    except Refused:
        return False
    return True


def _close_done(session: Session, cohort: Cohort, gates: Gates, now: datetime) -> int:
    """A11 for whoever was decided before the decision date and has nothing pending since."""
    if not gates.passed("T13", now):
        return 0
    live = sa.select(StreamApplication.application_id).where(
        StreamApplication.state.in_([state for state in StreamApplicationState if state not in _ENDED])
    )
    ids = session.scalars(
        sa.select(Application.id)
        .where(Application.cohort_id == cohort.id, Application.state == ApplicationState.IN_STREAMS)
        .where(Application.id.not_in(live))
        .order_by(Application.id)
        .limit(AT_ONCE)
    ).all()
    return sum(close_if_done(session, lock_application(session, key), now) is not None for key in ids)


_ENDED = frozenset(
    {
        StreamApplicationState.NOT_SELECTED,
        StreamApplicationState.WITHDRAWN,
        StreamApplicationState.CANCELLED_BY_STREAM,
        StreamApplicationState.DECLINED,
        StreamApplicationState.LAPSED,
        StreamApplicationState.RELEASED_BY_PLACEMENT,
        StreamApplicationState.RESCINDED,
    }
)


def _lapse(session: Session, now: datetime) -> int:
    expired = session.scalars(
        sa.select(Offer)
        .where(Offer.state == OfferState.PENDING, Offer.expires_at <= now)
        .order_by(Offer.application_id, Offer.id)
        .limit(AT_ONCE)
    ).all()
    # All applications before the first stream: an answer that arrives now must not wait for us while we wait for it.
    for application_id in sorted({offer.application_id for offer in expired}):
        lock_application(session, application_id)
    lock_streams(session, {offer.stream_id for offer in expired})
    return sum(_unless_moved(session, lapse_offer, offer, now) for offer in expired)


def _remind(session: Session, now: datetime) -> int:
    """72 and 24 hours before an offer lapses, once each."""
    done = 0
    for hours, column in ((24, Offer.reminded_24h_at), (72, Offer.reminded_72h_at)):
        due = session.scalars(
            sa.select(Offer)
            .where(
                Offer.state == OfferState.PENDING,
                column.is_(None),
                Offer.expires_at > now,
                Offer.expires_at <= now + timedelta(hours=hours),
            )
            .limit(AT_ONCE)
        ).all()
        for offer in due:
            # Whoever is within a day gets one reminder, not two.
            offer.reminded_72h_at = offer.reminded_72h_at or now
            if hours == 24:
                offer.reminded_24h_at = now
            _send_reminder(session, offer, hours, now)
        done += len(due)
    return done


def _look_for_names(session: Session, now: datetime) -> int:
    """Tell the team where an answer names its author. Readers are not shown the name before, either."""
    cohorts = session.scalars(sa.select(Cohort.id).where(Cohort.state.in_(TAKES_APPLICATIONS)).order_by(Cohort.id))
    return next((done for cohort_id in cohorts.all() if (done := look_through(session, cohort_id, now))), 0)


def _send_reminder(session: Session, offer: Offer, hours: int, now: datetime) -> None:
    stream = session.get_one(Stream, offer.stream_id)
    application = session.get_one(Application, offer.application_id)
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
    letter = letter_to(
        session, offer.person_id, cohort_label=label, stream=stream.name, expires_at=offer.expires_at, hours=hours
    )
    outbox.queue(
        session,
        Mail.OFFER_REMINDER,
        cause=f"offer:{offer.id}:{hours}h:{place_of(application).cohort_id}",
        now=now,
        person_id=letter.person_id,
        recipient=letter.recipient,
        context=letter.context,
    )
