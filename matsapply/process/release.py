"""Sealing and releasing a batch: everything in it becomes visible at one instant, or nothing does."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.applications.references import request_references
from matsapply.cohorts.gates import gates_of, stream_window
from matsapply.cohorts.models import Cohort, Stream, StreamTrack, Track
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.offers.models import Offer, RankingEntry, StreamRanking, WaitlistEntry
from matsapply.offers.seats import lock_streams, recount
from matsapply.process.closing import close_if_done, close_now
from matsapply.process.stream_round import cancel_stream_children
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    BatchScope,
    CloseReason,
    OfferState,
    Outcome,
    ReferenceTiming,
    Role,
    StreamChoiceMoment,
    TrackChoiceState,
)
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import BY_BATCH, Place, advance, begin

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

DEFAULT_REPLY = timedelta(days=7)

RESULT_WORDS = {
    Outcome.ADVANCE: "advanced",
    Outcome.NOT_ADVANCE: "not advanced",
    Outcome.INELIGIBLE: "not eligible",
    Outcome.OFFER: "offer",
    Outcome.WAITLIST: "waitlisted",
    Outcome.NOT_SELECT: "not selected",
}


@dataclass(slots=True)
class _Release:
    """What every step of one release shares."""

    session: Session
    actor: Actor
    batch: ReleaseBatch
    cohort: Cohort
    facts: Facts
    now: datetime


def seal(session: Session, actor: Actor, batch: ReleaseBatch, *, role: Role, now: datetime) -> None:
    """RB2: freeze the membership, once nobody is forgotten, no open conflict stands and every offer has its seat."""
    session.flush()  # a refresh forgets what is not written yet
    session.refresh(batch, with_for_update=True)
    lacking = decisions.missing(session, batch, limit=1)
    conflicted = decisions.open_conflicts(session, batch)
    if conflicted:
        raise refuse(Code.CONFLICT, f"{conflicted} decisions were taken by somebody with a conflict of interest.")
    seatless = offers_without_seat(session, batch)
    if seatless:
        raise refuse(Code.NOT_APPROVED, f"{seatless} offers still wait for their second approval.")
    complete = not lacking and batch.member_count > 0
    facts = facts_of(session, actor, role, now, cohort_id=batch.cohort_id, batch_complete=complete)
    with session.no_autoflush:
        advance(session, batch, "RB2", facts, actor, Place(batch.cohort_id))
        batch.sealed_at = now
        batch.sealed_by_id = actor.person_id


def offers_without_seat(session: Session, batch: ReleaseBatch) -> int:
    """Offer decisions in the batch whose offer is not approved by two people, so holds no seat."""
    approved = sa.select(Offer.stream_application_id).where(Offer.state == OfferState.APPROVED)
    return (
        session.scalar(
            sa.select(sa.func.count()).where(
                Decision.batch_id == batch.id,
                Decision.superseded_at.is_(None),
                Decision.outcome == Outcome.OFFER,
                Decision.stream_application_id.not_in(approved),
                # Whoever has left in the meantime needs no seat; the release passes them over.
                Decision.stream_application_id.in_(
                    sa.select(StreamApplication.id).where(StreamApplication.state.in_(decisions.DECIDABLE))
                ),
            )
        )
        or 0
    )


def release(session: Session, actor: Actor, batch: ReleaseBatch, *, role: Role, now: datetime) -> int:
    """RB3: release every member in one transaction and write the messages; returns how many people are told."""
    session.flush()  # a refresh forgets what is not written yet
    session.refresh(batch, with_for_update=True)
    if seatless := offers_without_seat(session, batch):
        raise refuse(Code.NOT_APPROVED, f"{seatless} offers lost their seat after the sealing; open the batch again.")
    cohort = session.get_one(Cohort, batch.cohort_id)
    facts = facts_of(session, actor, role, now, cohort_id=cohort.id, released=True)
    with session.no_autoflush:
        advance(session, batch, "RB3", facts, actor, Place(cohort.id))
        batch.released_at = now
        batch.released_by_id = actor.person_id
    run = _Release(session, actor, batch, cohort, replace(facts, role=Role.SYSTEM), now)
    members: dict[int, list[Decision]] = defaultdict(list)
    for decision in session.scalars(
        sa.select(Decision).where(Decision.batch_id == batch.id, Decision.superseded_at.is_(None)).order_by(Decision.id)
    ):
        members[decision.application_id].append(decision)
    applications = session.scalars(
        sa.select(Application)
        .where(Application.id.in_(members))
        .order_by(Application.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    step = _first_result if batch.scope is BatchScope.FIRST_RESULT else _stream_results
    kind = Mail.FIRST_RESULT if batch.scope is BatchScope.FIRST_RESULT else Mail.DECISION
    letters = []
    for application in applications:
        if present := _still_there(run, application, members[application.id]):
            letters.append(step(run, application, present))
    outbox.queue_many(session, kind, letters, now)
    return len(letters)


def _still_there(run: _Release, application: Application, members: list[Decision]) -> list[Decision]:
    """The decisions that can still be released. Whoever left after the sealing must not stop everybody else: their
    decisions are set aside with the release, so that a new one can be recorded should they come back."""
    run.session.flush()
    present = []
    for decision in members:
        if _released_by(run, application, decision):
            present.append(decision)
        else:
            decision.superseded_at = run.now
            run.batch.member_count -= 1
    return present


def _released_by(run: _Release, application: Application, decision: Decision) -> bool:
    if decision.stream_application_id is None:
        return application.state is ApplicationState.SUBMITTED
    entry = run.session.get_one(StreamApplication, decision.stream_application_id, populate_existing=True)
    return application.state is ApplicationState.IN_STREAMS and entry.state in decisions.DECIDABLE


def _first_result(run: _Release, application: Application, members: list[Decision]) -> outbox.Message:
    session = run.session
    by_choice = {decision.track_choice_id: decision for decision in members}
    choices = session.scalars(
        sa.select(TrackChoice).where(TrackChoice.application_id == application.id).order_by(TrackChoice.rank)
    ).all()
    place = place_of(application)
    ineligible = by_choice.get(None)
    results: list[dict[str, Any]] = []
    for choice in choices:
        decision = by_choice.get(choice.id) or ineligible
        if decision is None or choice.state is not TrackChoiceState.CHOSEN:
            continue
        advanced = decision.outcome is Outcome.ADVANCE and ineligible is None
        advance(session, choice, "K1" if advanced else "K2", run.facts, run.actor, place)
        name = session.get_one(Track, choice.track_id).name
        results.append({"track": name, "outcome": RESULT_WORDS[decision.outcome], "feedback": decision.feedback})
    advanced_tracks = {choice.track_id for choice in choices if choice.state is TrackChoiceState.ADVANCED}
    if advanced_tracks:
        advance(session, application, "A6", replace(run.facts, any_advanced=True), run.actor, place, letter=BY_BATCH)
        session.flush()
        _settle_streams(run, application, advanced_tracks)
        if run.cohort.reference_timing is ReferenceTiming.AFTER_ADVANCE:
            request_references(session, application, run.now)
    else:
        _settle_streams(run, application, set())
        if ineligible is not None:
            code, reason = "A8", CloseReason.INELIGIBLE
        else:
            code, reason = "A7", CloseReason.NOT_ADVANCED
        facts = replace(run.facts, all_not_advanced=True, ineligible_found=ineligible is not None)
        close_now(session, application, code, reason, facts, run.actor, BY_BATCH)
    letter = letter_to(session, application.person_id, cohort_label=run.cohort.label, results=results)
    context = {
        **letter.context,
        "advanced": bool(advanced_tracks),
        "choice_closes_at": run.facts.dates.get("T7") if advanced_tracks else None,
    }
    return outbox.Message(letter.person_id, letter.recipient, context, _cause(run, application))


def _settle_streams(run: _Release, application: Application, advanced_tracks: set[int]) -> None:
    """S2 for stream applications whose choice is final, S9 for those outside the advanced tracks."""
    session = run.session
    gates = gates_of(session, run.cohort.id)
    later = run.cohort.stream_choice is not StreamChoiceMoment.AT_GENERAL
    entries = session.scalars(
        sa.select(StreamApplication).where(StreamApplication.application_id == application.id)
    ).all()
    for entry in entries:
        if entry.state not in LIVE_STREAM_APPLICATION:
            continue
        stream = session.get_one(Stream, entry.stream_id)
        tracks = set(session.scalars(sa.select(StreamTrack.track_id).where(StreamTrack.stream_id == stream.id)))
        if not tracks & advanced_tracks:
            _not_selected(run, application, entry)
            continue
        closes = stream_window(stream, gates, after_advance=True)[1]
        if not later or (closes is not None and run.now >= closes):
            facts = replace(run.facts, track_advanced=True)
            advance(session, entry, "S2", facts, run.actor, place_of(application))


def _not_selected(run: _Release, application: Application, entry: StreamApplication) -> None:
    advance(run.session, entry, "S9", run.facts, run.actor, place_of(application))
    entry.exited_at = run.now
    cancel_stream_children(run.session, entry, run.now)


def _stream_results(run: _Release, application: Application, members: list[Decision]) -> outbox.Message:
    session = run.session
    place = place_of(application)
    results: list[dict[str, Any]] = []
    expires: datetime | None = None
    for decision in members:
        entry = session.get_one(StreamApplication, decision.stream_application_id)
        stream = session.get_one(Stream, entry.stream_id)
        if decision.outcome is not Outcome.OFFER:
            _drop_offers(run, application, entry)
        match decision.outcome:
            case Outcome.OFFER:
                expires = _release_offer(run, application, entry)
            case Outcome.WAITLIST:
                advance(session, entry, "S11", replace(run.facts, decision_recorded=True), run.actor, place)
                waiting = WaitlistEntry(
                    stream_application_id=entry.id,
                    stream_id=entry.stream_id,
                    position=_waitlist_position(session, entry),
                )
                begin(session, waiting, "W1", run.facts, SYSTEM, place)
            case _:
                _not_selected(run, application, entry)
        results.append(
            {"stream": stream.name, "outcome": RESULT_WORDS[decision.outcome], "feedback": decision.feedback}
        )
    close_if_done(session, application, run.now, told_by_batch=True)
    letter = letter_to(
        session, application.person_id, cohort_label=run.cohort.label, results=results, expires_at=expires
    )
    return outbox.Message(letter.person_id, letter.recipient, letter.context, _cause(run, application))


def _drop_offers(run: _Release, application: Application, entry: StreamApplication) -> None:
    """O12 for an offer prepared before the decision was changed: its seat comes free."""
    prepared = run.session.scalars(
        sa.select(Offer).where(
            Offer.stream_application_id == entry.id, Offer.state.in_([OfferState.DRAFT, OfferState.APPROVED])
        )
    ).all()
    if not prepared:
        return
    streams = lock_streams(run.session, [entry.stream_id])
    for offer in prepared:
        advance(run.session, offer, "O12", run.facts, SYSTEM, place_of(application))
    recount(run.session, streams.values())


def _release_offer(run: _Release, application: Application, entry: StreamApplication) -> datetime:
    session = run.session
    offer = session.scalars(
        sa.select(Offer).where(Offer.stream_application_id == entry.id, Offer.state == OfferState.APPROVED)
    ).one()
    place = place_of(application)
    advance(session, entry, "S10", replace(run.facts, approved_by_two=True), run.actor, place)
    days = run.cohort.policies.get("offer", {}).get("reply_days")
    reply_by = run.facts.dates.get("T14") or run.now + (timedelta(days=days) if days else DEFAULT_REPLY)
    if reply_by <= run.now:
        reply_by = run.now + DEFAULT_REPLY
    with session.no_autoflush:
        advance(session, offer, "O2", run.facts, run.actor, place)
        offer.released_at = run.now
        offer.expires_at = reply_by
        offer.batch_id = run.batch.id
    session.flush()
    return reply_by


def _waitlist_position(session: Session, entry: StreamApplication) -> int:
    """The place in the locked ranking; behind everybody ranked where there is none."""
    ranked = session.scalar(
        sa.select(RankingEntry.position)
        .join(StreamRanking, StreamRanking.id == RankingEntry.ranking_id)
        .where(StreamRanking.locked_at.is_not(None), RankingEntry.stream_application_id == entry.id)
        .order_by(StreamRanking.number.desc())
        .limit(1)
    )
    if ranked is not None:
        return ranked
    last = session.scalar(
        sa.select(sa.func.max(WaitlistEntry.position)).where(WaitlistEntry.stream_id == entry.stream_id)
    )
    return max(last or 0, 10_000) + 1


def _cause(run: _Release, application: Application) -> str:
    return f"batch:{run.batch.id}:application:{application.id}"
