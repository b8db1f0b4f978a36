"""What a closed application must not leave behind, and how it closes when nothing is pending any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Cohort
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.process.stream_round import cancel_children
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import SYSTEM
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    CloseReason,
    OfferState,
    Role,
    StreamApplicationState,
    WaitlistState,
)
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import BY_BATCH, Letter, advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


def as_system(facts: Facts) -> Facts:
    """The same facts for what follows from somebody's act without being asked for."""
    return replace(facts, role=Role.SYSTEM)


def stream_applications(session: Session, application_id: int) -> list[StreamApplication]:
    """All of them, in the order of their keys, as they stand now."""
    return list(
        session.scalars(
            sa.select(StreamApplication)
            .where(StreamApplication.application_id == application_id)
            .order_by(StreamApplication.id)
            .execution_options(populate_existing=True)
        )
    )


def renumber(entries: Sequence[StreamApplication]) -> None:
    """Ranks over an application's live stream applications are 1…n without gaps; the others have none (16)."""
    live = [entry for entry in entries if entry.state in LIVE_STREAM_APPLICATION]
    live.sort(key=lambda entry: (entry.rank is None, entry.rank or 0, entry.id))
    for number, entry in enumerate(live, start=1):
        if entry.rank != number:
            entry.rank = number
    for entry in entries:
        if entry.state not in LIVE_STREAM_APPLICATION and entry.rank is not None:
            entry.rank = None


def close_now(
    session: Session,
    application: Application,
    code: str,
    reason: CloseReason,
    facts: Facts,
    actor: Actor,
    letter: Letter | None = None,
    *,
    busy: bool = True,
) -> None:
    """Close by ``code`` and clear everything open that hangs on the application (invariant 12).

    ``busy`` False is for a batch that has read of all its applications at once which have something open.
    """
    application.state_before_close = application.state
    # Reason and instant go with the state: the database refuses one without the other.
    with session.no_autoflush:
        advance(session, application, code, facts, actor, place_of(application), letter=letter)
        application.close_reason = reason
        application.closed_at = facts.now
    if busy:
        session.flush()
        release_readers(session, application, facts)
        cancel_children(session, application, facts.now)


def release_readers(session: Session, application: Application, facts: Facts) -> None:
    """Open assignments of a closed application expire; finished reviews stay."""
    open_assignments = session.scalars(
        sa.select(ReviewAssignment).where(
            ReviewAssignment.application_id == application.id, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT)
        )
    ).all()
    for assignment in open_assignments:
        advance(session, assignment, "D8", as_system(facts), SYSTEM, place_of(application))


def leave_waitlists(
    session: Session, application: Application, facts: Facts, only: StreamApplication | None = None
) -> None:
    """End the active waitlist entries of an application (of one of its streams) that no longer waits."""
    waiting = (
        sa.select(WaitlistEntry)
        .join(StreamApplication, StreamApplication.id == WaitlistEntry.stream_application_id)
        .where(StreamApplication.application_id == application.id, WaitlistEntry.state == WaitlistState.ACTIVE)
    )
    if only is not None:
        waiting = waiting.where(StreamApplication.id == only.id)
    entries = session.scalars(waiting).all()
    for entry in entries:
        advance(session, entry, "W4", as_system(facts), SYSTEM, place_of(application))


def close_if_done(
    session: Session, application: Application, now: datetime, *, told_by_batch: bool = False
) -> CloseReason | None:
    """A11: close an application of the stream phase once its decisions are out and nothing is pending."""
    if application.state is not ApplicationState.IN_STREAMS:
        return None
    session.flush()
    streams = stream_applications(session, application.id)
    if any(entry.state in LIVE_STREAM_APPLICATION for entry in streams):
        return None
    reason = reason_when_done(session, application, streams)
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id, nothing_pending=True)
    decided_at = facts.dates.get("T13")
    if decided_at is None or now < decided_at:
        return None
    letter = BY_BATCH
    if not told_by_batch:
        label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
        letter = letter_to(session, application.person_id, cohort_label=label, reason=reason.value)
    close_now(session, application, "A11", reason, facts, SYSTEM, letter)
    return reason


def reason_when_done(session: Session, application: Application, streams: list[StreamApplication]) -> CloseReason:
    """Why an application without live stream applications ends: withdrawn, offers declined, or not selected."""
    if streams and all(entry.state is StreamApplicationState.WITHDRAWN for entry in streams):
        return CloseReason.WITHDRAWN
    offered = session.scalar(
        sa.select(Offer.id)
        .where(Offer.application_id == application.id, Offer.released_at.is_not(None))
        .where(Offer.state.in_([OfferState.DECLINED, OfferState.LAPSED]))
        .limit(1)
    )
    return CloseReason.OFFERS_DECLINED if offered else CloseReason.NOT_SELECTED
