"""The invariants of the process, as questions to the database: each returns what breaks it, normally nothing.

Numbers are those of the process description. Used by the tests after every step, by the demo, and by ``doctor``.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Reference, Snapshot, StreamApplication, TrackChoice
from matsapply.audit.models import AuditEvent
from matsapply.cohorts.models import Cohort, Stream, StreamTrack
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.evaluations.models import EvaluationInvite
from matsapply.interviews.models import Interview, InterviewSlot, SlotInterviewer
from matsapply.offers.models import Fellowship, Offer, WaitlistEntry
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    LIVE_STREAM_APPLICATION,
    NEGATIVE_OUTCOMES,
    SEAT_HOLDING,
    ApplicationState,
    BatchState,
    CloseReason,
    EvaluationState,
    InterviewState,
    Machine,
    OfferState,
    StreamApplicationState,
    TrackChoiceState,
    WaitlistState,
)
from matsapply.rules.workflow import FORMER
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    Check = Callable[[Session], Iterator[str]]


def violations(session: Session) -> list[str]:
    """Everything that breaks an invariant, as lines that begin with its number."""
    session.flush()
    return [line for check in CHECKS for line in check(session)]


def _live_streams_of_live_applications(session: Session) -> Iterator[str]:
    """9 and 12: a live stream application belongs to a live application that chose one of its tracks."""
    for key, state in session.execute(
        sa.select(StreamApplication.id, StreamApplication.state)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(StreamApplication.state.in_(LIVE_STREAM_APPLICATION), Application.state == ApplicationState.CLOSED)
    ):
        yield f"12: stream application {key} is {state} though its application is closed"
    chosen = (
        sa.select(StreamTrack.id)
        .join(TrackChoice, TrackChoice.track_id == StreamTrack.track_id)
        .where(
            StreamTrack.stream_id == StreamApplication.stream_id,
            TrackChoice.application_id == StreamApplication.application_id,
            TrackChoice.state.in_([TrackChoiceState.CHOSEN, TrackChoiceState.ADVANCED]),
        )
    )
    for key in session.scalars(
        sa.select(StreamApplication.id).where(StreamApplication.state.in_(LIVE_STREAM_APPLICATION), ~sa.exists(chosen))
    ):
        yield f"9: stream application {key} is in a track its applicant has not chosen"


def _closed_leaves_nothing_open(session: Session) -> Iterator[str]:
    """12: nothing open hangs on a closed application."""
    closed = sa.select(Application.id).where(Application.state == ApplicationState.CLOSED)
    of_closed = sa.select(StreamApplication.id).where(StreamApplication.application_id.in_(closed))
    questions = {
        "assignment": sa.select(ReviewAssignment.id).where(
            ReviewAssignment.application_id.in_(closed), ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT)
        ),
        "task": sa.select(EvaluationInvite.id).where(
            EvaluationInvite.application_id.in_(closed),
            EvaluationInvite.state.in_([EvaluationState.INVITED, EvaluationState.STARTED]),
        ),
        "interview": sa.select(Interview.id).where(
            Interview.stream_application_id.in_(of_closed),
            Interview.state.in_([InterviewState.OFFERED, InterviewState.BOOKED]),
        ),
        "offer": sa.select(Offer.id).where(Offer.application_id.in_(closed), Offer.state == OfferState.PENDING),
    }
    for what, query in questions.items():
        for key in session.scalars(query):
            yield f"12: {what} {key} is open though its application is closed"


def _snapshots(session: Session) -> Iterator[str]:
    """17, 18, 19: the snapshot in force is there and unchanged; whoever has one never closed as never submitted."""
    rows = session.execute(sa.select(Snapshot.id, Snapshot.content, Snapshot.digest))
    for key, content, digest in rows:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(text.encode("utf-8")).hexdigest() != digest:
            yield f"17: snapshot {key} differs from its digest"
    newest = sa.select(sa.func.max(Snapshot.number)).where(Snapshot.application_id == Application.id).scalar_subquery()
    for key in session.scalars(
        sa.select(Application.id).where(sa.func.coalesce(Application.snapshot_number, 0) != sa.func.coalesce(newest, 0))
    ):
        yield f"18: application {key} does not stand on its last snapshot"
    for key in session.scalars(
        sa.select(Application.id).where(
            Application.close_reason == CloseReason.NEVER_SUBMITTED,
            Application.id.in_(sa.select(Snapshot.application_id)),
        )
    ):
        yield f"19: application {key} has a snapshot and is closed as never submitted"


def _ranks(session: Session) -> Iterator[str]:
    """16: an applicant's ranks over live stream applications are 1…n."""
    ranks: dict[int, list[int | None]] = defaultdict(list)
    for application_id, rank in session.execute(
        sa.select(StreamApplication.application_id, StreamApplication.rank).where(
            StreamApplication.state.in_(LIVE_STREAM_APPLICATION)
        )
    ):
        ranks[application_id].append(rank)
    for application_id, found in ranks.items():
        if sorted(rank or 0 for rank in found) != list(range(1, len(found) + 1)):
            yield f"16: application {application_id} ranks its streams {found}"


_MODELS: dict[Machine, Any] = {
    Machine.COHORT: Cohort,
    Machine.STREAM: Stream,
    Machine.APPLICATION: Application,
    Machine.TRACK_CHOICE: TrackChoice,
    Machine.STREAM_APPLICATION: StreamApplication,
    Machine.REFERENCE: Reference,
    Machine.ASSIGNMENT: ReviewAssignment,
    Machine.EVALUATION: EvaluationInvite,
    Machine.INTERVIEW: Interview,
    Machine.BATCH: ReleaseBatch,
    Machine.OFFER: Offer,
    Machine.WAITLIST: WaitlistEntry,
    Machine.FELLOWSHIP: Fellowship,
}


def _history(session: Session) -> Iterator[str]:
    """11, 56, 57, 58: every logged move is a line of its table, chains to the one before, ends in the present state,
    and has exactly one audit event."""
    last: dict[tuple[Machine, int], str] = {}
    rows = session.execute(sa.select(StateChange).order_by(StateChange.id)).scalars().all()
    for change in rows:
        yield from _one_move(change)
        known = last.get((change.machine, change.subject_id))
        if known is not None and known != change.before:
            yield f"56: {change.machine} {change.subject_id} left {change.before!r} though it stood in {known!r}"
        last[change.machine, change.subject_id] = change.after
    for machine in Machine:
        model = _MODELS[machine]
        for key, state in session.execute(sa.select(model.id, model.state)):
            known = last.get((machine, key))
            if known is not None and known != state.value:
                yield f"56: {machine} {key} stands in {state.value!r} and its history ends in {known!r}"
    count = len(rows)
    events = session.scalar(
        sa.select(sa.func.count()).where(
            AuditEvent.action.in_([f"{row.machine.value}.{code}" for code, row in TABLE.items()])
        )
    )
    if events != count:
        yield f"57: {count} state changes and {events} audit events of them"


def _one_move(change: StateChange) -> Iterator[str]:
    row = TABLE[change.code]
    what = f"{change.machine} {change.subject_id}"
    to_fits = row.to in {FORMER, change.after}
    if not (row.machine is change.machine and change.before in row.frm and to_fits and change.role in row.roles):
        yield f"11: {what} went from {change.before!r} to {change.after!r} by {change.code} as {change.role}"
    if row.reason and not change.reason.strip():
        yield f"57: {what} went by {change.code} without a reason"
    if row.two_people and change.second_actor_id is None:
        yield f"58: {what} went by {change.code} with one signature"


def _assignments(session: Session) -> Iterator[str]:
    """21 is a unique index; 20 and 23 are recomputed by the reviews' own check."""
    doubled = session.execute(
        sa.select(ReviewAssignment.round_id, ReviewAssignment.reviewer_id, ReviewAssignment.target_key)
        .where(ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT))
        .group_by(ReviewAssignment.round_id, ReviewAssignment.reviewer_id, ReviewAssignment.target_key)
        .having(sa.func.count() > 1)
    )
    for round_id, reviewer, target in doubled:
        yield f"21: reviewer {reviewer} has {target} twice in round {round_id}"


def _decisions(session: Session) -> Iterator[str]:
    """27 and 31: a negative decision has its human being; a released batch has no undecided member."""
    for key in session.scalars(
        sa.select(Decision.id).where(Decision.outcome.in_(NEGATIVE_OUTCOMES), Decision.actor_id.is_(None))
    ):
        yield f"27: decision {key} has no human actor"
    corrected = sa.select(StateChange.id).where(
        StateChange.machine == Machine.APPLICATION,
        StateChange.subject_id == Decision.application_id,
        StateChange.code == "A13",
        StateChange.at == Decision.superseded_at,
    )
    for key in session.scalars(
        sa.select(Decision.id)
        .join(ReleaseBatch, ReleaseBatch.id == Decision.batch_id)
        .where(ReleaseBatch.state == BatchState.RELEASED, Decision.superseded_at > ReleaseBatch.released_at)
        .where(~sa.exists(corrected))
    ):
        yield f"35: decision {key} was changed after its release"


def _seats(session: Session) -> Iterator[str]:
    """36, 37, 41: seats held are counted right and stay within the stream's and the cohort's."""
    held: dict[int, int] = defaultdict(int)
    people: dict[int, set[int]] = defaultdict(set)
    for stream_id, cohort_id, person_id in session.execute(
        sa.select(Offer.stream_id, Offer.cohort_id, Offer.person_id).where(Offer.state.in_(SEAT_HOLDING))
    ):
        held[stream_id] += 1
        people[cohort_id].add(person_id)
    for key, most, counted in session.execute(sa.select(Stream.id, Stream.seats_max, Stream.seats_held)):
        if counted != held[key]:
            yield f"41: stream {key} counts {counted} seats held and has {held[key]} offers"
        if held[key] > (most or 0):
            yield f"36: stream {key} holds {held[key]} seats of {most or 0}"
    for key, capacity, allowance in session.execute(sa.select(Cohort.id, Cohort.capacity, Cohort.over_offer_allowance)):
        if len(people[key]) > capacity + allowance:
            yield f"37: cohort {key} holds seats for {len(people[key])} people"


def _offers(session: Session) -> Iterator[str]:
    """38 and 39: one acceptance a person, and no other offer pending beside it."""
    taken = (OfferState.ACCEPTED, OfferState.CONFIRMED)
    accepted = {
        (cohort_id, person_id)
        for cohort_id, person_id in session.execute(
            sa.select(Offer.cohort_id, Offer.person_id).where(Offer.state.in_(taken))
        )
    }
    for key, cohort_id, person_id in session.execute(
        sa.select(Offer.id, Offer.cohort_id, Offer.person_id).where(Offer.state == OfferState.PENDING)
    ):
        if (cohort_id, person_id) in accepted:
            yield f"39: offer {key} is pending though its person accepted another"


def _waiting(session: Session) -> Iterator[str]:
    """42: who is waitlisted stands on the waitlist (or was passed over), and nobody else does."""
    active = sa.select(WaitlistEntry.stream_application_id).where(WaitlistEntry.state == WaitlistState.ACTIVE)
    kept = sa.select(WaitlistEntry.stream_application_id).where(
        WaitlistEntry.state.in_([WaitlistState.ACTIVE, WaitlistState.SKIPPED])
    )
    waitlisted = StreamApplication.state == StreamApplicationState.WAITLISTED
    for key in session.scalars(sa.select(StreamApplication.id).where(StreamApplication.id.in_(active), ~waitlisted)):
        yield f"42: stream application {key} is next on a waitlist though it is not waitlisted"
    for key in session.scalars(sa.select(StreamApplication.id).where(waitlisted, StreamApplication.id.not_in(kept))):
        yield f"42: stream application {key} is waitlisted and stands on no waitlist"


def _offers_fit_their_streams(session: Session) -> Iterator[str]:
    """44: an offer in preparation belongs to somebody still there, a pending one to somebody who was offered."""
    rows = session.execute(
        sa.select(Offer.id, Offer.state, StreamApplication.state)
        .join(StreamApplication, StreamApplication.id == Offer.stream_application_id)
        .where(Offer.state.in_([OfferState.DRAFT, OfferState.APPROVED, OfferState.PENDING]))
    )
    for key, state, entry in rows:
        pending = state is OfferState.PENDING
        if (pending and entry is not StreamApplicationState.OFFERED) or entry not in LIVE_STREAM_APPLICATION:
            yield f"44: offer {key} is {state} and its stream application {entry}"


def _interviews(session: Session) -> Iterator[str]:
    """50: nobody is in two interviews at once, on either side."""
    booked = session.execute(
        sa.select(StreamApplication.application_id, InterviewSlot.id, InterviewSlot.starts_at, InterviewSlot.ends_at)
        .join(Interview, Interview.slot_id == InterviewSlot.id)
        .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .where(Interview.state.in_([InterviewState.BOOKED, InterviewState.HELD]))
    ).all()
    interviewers: dict[int, list[int]] = defaultdict(list)
    for slot_id, person_id in session.execute(sa.select(SlotInterviewer.slot_id, SlotInterviewer.person_id)):
        interviewers[slot_id].append(person_id)
    calendars: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for application_id, slot_id, starts, ends in booked:
        calendars[f"application {application_id}"].append((starts, ends))
        for person_id in interviewers[slot_id]:
            calendars[f"interviewer {person_id}"].append((starts, ends))
    for whose, entries in calendars.items():
        entries.sort()
        for (_, ends), (starts, _) in pairwise(entries):
            if starts < ends:
                yield f"50: {whose} has two interviews at {starts}"


CHECKS: tuple[Check, ...] = (
    _live_streams_of_live_applications,
    _closed_leaves_nothing_open,
    _snapshots,
    _ranks,
    _history,
    _assignments,
    _decisions,
    _seats,
    _offers,
    _waiting,
    _offers_fit_their_streams,
    _interviews,
)
