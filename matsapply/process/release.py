"""Sealing and releasing a batch: everything in it becomes visible at one instant, or nothing does."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, place_of
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.applications.references import request_references
from matsapply.cohorts.gates import Gates, choice_over, gates_of
from matsapply.cohorts.models import Cohort, Stream, StreamTrack
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.evaluations.models import EvaluationInvite
from matsapply.evaluations.upkeep import OPEN as OPEN_TASK
from matsapply.interviews.actions import OPEN as OPEN_INTERVIEW
from matsapply.interviews.models import Interview
from matsapply.mail import outbox
from matsapply.offers.models import Offer, RankingEntry, StreamRanking, WaitlistEntry
from matsapply.offers.seats import lock_streams, recount
from matsapply.process.closing import close_if_done, close_now, renumber
from matsapply.process.release_letters import kind_of, letters, members, on_tracks, reply_by
from matsapply.process.stream_ends import cancel_stream_children
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    LIVE_STREAM_APPLICATION,
    CloseReason,
    OfferState,
    Outcome,
    ReferenceTiming,
    Role,
    TrackChoiceState,
)
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import BY_BATCH, Place, advance, begin, gathering

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


class _Reading:
    """The rows that the steps of a release move, of all its applications at once: a handful of queries."""

    def __init__(self, session: Session, application_ids: sa.Select[Any], cohort_id: int) -> None:
        self.choices: dict[int, list[TrackChoice]] = defaultdict(list)
        self.entries: dict[int, list[StreamApplication]] = defaultdict(list)
        self.tracks: dict[int, set[int]] = defaultdict(set)
        for choice in session.scalars(
            sa.select(TrackChoice)
            .where(TrackChoice.application_id.in_(application_ids))
            .order_by(TrackChoice.rank, TrackChoice.id)
            .execution_options(populate_existing=True)
        ):
            self.choices[choice.application_id].append(choice)
        for entry in session.scalars(
            sa.select(StreamApplication)
            .where(StreamApplication.application_id.in_(application_ids))
            .order_by(StreamApplication.id)
            .execution_options(populate_existing=True)
        ):
            self.entries[entry.application_id].append(entry)
        self.assignments: dict[int, list[ReviewAssignment]] = defaultdict(list)
        for assignment in session.scalars(
            sa.select(ReviewAssignment)
            .where(ReviewAssignment.application_id.in_(application_ids), ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT))
            .order_by(ReviewAssignment.id)
            .execution_options(populate_existing=True)
        ):
            self.assignments[assignment.application_id].append(assignment)
        tasks = sa.select(EvaluationInvite.application_id).where(
            EvaluationInvite.application_id.in_(application_ids), EvaluationInvite.state.in_(OPEN_TASK)
        )
        interviews = (
            sa.select(StreamApplication.application_id)
            .join(Interview, Interview.stream_application_id == StreamApplication.id)
            .where(StreamApplication.application_id.in_(application_ids), Interview.state.in_(OPEN_INTERVIEW))
        )
        self.busy = set(session.scalars(sa.union(tasks, interviews)))
        own = sa.select(Stream).where(Stream.cohort_id == cohort_id)
        self.streams = {stream.id: stream for stream in session.scalars(own)}
        for stream_id, track_id in session.execute(sa.select(StreamTrack.stream_id, StreamTrack.track_id)):
            self.tracks[stream_id].add(track_id)


@dataclass(slots=True)
class _Release:
    """What every step of one release shares."""

    session: Session
    actor: Actor
    batch: ReleaseBatch
    cohort: Cohort
    gates: Gates
    facts: Facts
    reading: _Reading
    now: datetime
    advanced: list[Application] = field(default_factory=list)


def seal(session: Session, actor: Actor, batch: ReleaseBatch, *, role: Role, now: datetime) -> None:
    """RB2: freeze the membership, once nobody is forgotten, no open conflict stands and every offer has its seat."""
    session.flush()  # a refresh forgets what is not written yet
    session.refresh(batch, with_for_update=True)
    complete = _ready(session, batch) and batch.member_count > 0
    facts = facts_of(session, actor, role, now, cohort_id=batch.cohort_id, batch_complete=complete)
    with session.no_autoflush:
        advance(session, batch, "RB2", facts, actor, Place(batch.cohort_id))
        batch.sealed_at = now
        batch.sealed_by_id = actor.person_id


def _ready(session: Session, batch: ReleaseBatch) -> bool:
    """Whether nobody is forgotten. Raises ``Refused``: CONFLICT, NOT_APPROVED."""
    if conflicted := decisions.open_conflicts(session, batch):
        raise refuse(Code.CONFLICT, f"{conflicted} decisions were taken by somebody with a conflict of interest.")
    if doubtful := decisions.doubted(session, batch):
        raise refuse(Code.CONFLICT, f"{doubtful} decisions are in doubt since a conflict of interest; take them again.")
    if seatless := offers_without_seat(session, batch):
        raise refuse(Code.NOT_APPROVED, f"{seatless} offers have no seat: they wait for their second approval.")
    return not decisions.missing(session, batch, limit=1)


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


def release(
    session: Session, actor: Actor, batch: ReleaseBatch, *, role: Role, now: datetime, apology: str = ""
) -> int:
    """RB3: release every member in one transaction and write the messages; returns how many people are told. The
    messages of a correction begin with its ``apology``.

    Whatever stopped the sealing stops the release too, since things may have changed in between. Raises ``Refused``:
    WRONG_STATE, CONFLICT, NOT_APPROVED, INCOMPLETE_BATCH, CLOSED (an offer after the waitlist's closing).
    """
    session.flush()  # a refresh forgets what is not written yet
    session.refresh(batch, with_for_update=True)
    cohort = session.get_one(Cohort, batch.cohort_id)
    gates = gates_of(session, cohort.id)
    facts = facts_of(session, actor, role, now, cohort_id=cohort.id, gates=gates, released=True)
    with session.no_autoflush:
        advance(session, batch, "RB3", facts, actor, Place(cohort.id))
        batch.released_at = now
        batch.released_by_id = actor.person_id
    applications = _lock(session, batch)
    if not _ready(session, batch):
        raise refuse(Code.INCOMPLETE_BATCH, "Somebody came into its scope after the sealing; open the batch again.")
    found = members(session, batch)
    last = facts.dates.get("T15")
    offers = any(one.outcome is Outcome.OFFER for held in found.present.values() for one in held)
    if offers and last is not None and now >= last:
        raise refuse(Code.CLOSED, "The waitlist has closed: no offer can be answered any more.")
    for decision in found.gone:  # set aside, so that a new one can be recorded should they come back
        decision.superseded_at = now
        batch.member_count -= 1
    messages = letters(session, batch, found.present, now, apology)
    inside = sa.select(Decision.application_id).where(Decision.batch_id == batch.id)
    reading = _Reading(session, inside, cohort.id)
    run = _Release(session, actor, batch, cohort, gates, replace(facts, role=Role.SYSTEM), reading, now)
    step = _first_result if on_tracks(batch) else _stream_results
    # Nothing the steps read depends on what is not written yet, so that all of it is written in a few statements.
    with gathering(session), session.no_autoflush:
        for application in applications:
            if application.id in found.present:
                step(run, application, found.present[application.id])
                renumber(reading.entries[application.id])
        if run.advanced and cohort.reference_timing is ReferenceTiming.AFTER_ADVANCE:
            request_references(session, run.advanced, now)
    outbox.queue_many(session, kind_of(batch), messages.values(), now)
    return len(messages)


def _lock(session: Session, batch: ReleaseBatch) -> list[Application]:
    """The members' applications, then their streams, each in the order of their keys: the order every action keeps."""
    inside = sa.select(Decision.application_id).where(Decision.batch_id == batch.id, Decision.superseded_at.is_(None))
    applications = session.scalars(
        sa.select(Application)
        .where(Application.id.in_(inside))
        .order_by(Application.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    streams = sa.select(StreamApplication.stream_id).where(StreamApplication.application_id.in_(inside))
    lock_streams(session, session.scalars(streams.distinct()))
    return list(applications)


def _first_result(run: _Release, application: Application, held: list[Decision]) -> None:
    session = run.session
    by_choice = {decision.track_choice_id: decision for decision in held}
    ineligible = by_choice.get(None)
    place = place_of(application)
    advanced_tracks: set[int] = set()
    for choice in run.reading.choices[application.id]:
        decision = ineligible or by_choice.get(choice.id)
        if decision is None or choice.state is not TrackChoiceState.CHOSEN:
            continue
        advanced = decision.outcome is Outcome.ADVANCE
        advance(session, choice, "K1" if advanced else "K2", run.facts, run.actor, place)
        if advanced:
            advanced_tracks.add(choice.track_id)
    if advanced_tracks:
        advance(session, application, "A6", replace(run.facts, any_advanced=True), run.actor, place, letter=BY_BATCH)
        _settle_streams(run, application, advanced_tracks)
        run.advanced.append(application)
        return
    _settle_streams(run, application, advanced_tracks)
    if ineligible is not None:
        code, reason = "A8", CloseReason.INELIGIBLE
    else:
        code, reason = "A7", CloseReason.NOT_ADVANCED
    facts = replace(run.facts, all_not_advanced=True, ineligible_found=ineligible is not None)
    busy = application.id in run.reading.busy
    close_now(session, application, code, reason, facts, run.actor, BY_BATCH, busy=busy)
    for assignment in () if busy else run.reading.assignments[application.id]:
        advance(session, assignment, "D8", run.facts, SYSTEM, place)


def _settle_streams(run: _Release, application: Application, advanced_tracks: set[int]) -> None:
    """S2 for stream applications whose choice is final, S9 for those outside the advanced tracks."""
    for entry in run.reading.entries[application.id]:
        if entry.state not in LIVE_STREAM_APPLICATION:
            continue
        stream = run.reading.streams[entry.stream_id]
        if not run.reading.tracks[stream.id] & advanced_tracks:
            _not_selected(run, application, entry)
        elif choice_over(run.cohort.stream_choice, stream, run.gates, run.now):
            facts = replace(run.facts, track_advanced=True)
            advance(run.session, entry, "S2", facts, run.actor, place_of(application))


def _not_selected(run: _Release, application: Application, entry: StreamApplication) -> None:
    entry.state_before_exit = entry.state
    advance(run.session, entry, "S9", run.facts, run.actor, place_of(application))
    entry.exited_at = run.now
    if application.id in run.reading.busy:
        cancel_stream_children(run.session, entry, run.now)


def _stream_results(run: _Release, application: Application, held: list[Decision]) -> None:
    session = run.session
    place = place_of(application)
    entries = {entry.id: entry for entry in run.reading.entries[application.id]}
    for decision in held:
        entry = entries[decision.stream_application_id or 0]
        if decision.outcome is not Outcome.OFFER:
            _drop_offers(run, application, entry)
        match decision.outcome:
            case Outcome.OFFER:
                _release_offer(run, application, entry)
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
    close_if_done(session, application, run.now, told_by_batch=True)


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


def _release_offer(run: _Release, application: Application, entry: StreamApplication) -> None:
    session = run.session
    offer = session.scalars(
        sa.select(Offer).where(Offer.stream_application_id == entry.id, Offer.state == OfferState.APPROVED)
    ).one()
    place = place_of(application)
    advance(session, entry, "S10", replace(run.facts, approved_by_two=True), run.actor, place)
    with session.no_autoflush:
        advance(session, offer, "O2", run.facts, run.actor, place)
        offer.released_at = run.now
        offer.expires_at = reply_by(run.cohort, run.facts.dates, run.now)
        offer.batch_id = run.batch.id
    session.flush()


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
