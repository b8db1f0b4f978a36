"""A plan of central readings: what it is made from, how it is worked out, kept as it was shown, and applied so."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from matsapply.applications.locks import lock_applications
from matsapply.applications.models import Application, TeamTask, TrackChoice
from matsapply.audit import actions as audit
from matsapply.cohorts.models import Track
from matsapply.people.models import Person, RoleGrant
from matsapply.people.queries import in_force
from matsapply.reviews.actions import reassign
from matsapply.reviews.aggregates import OUT_OF_PLAY
from matsapply.reviews.models import ConflictOfInterest, ReaderTerms, ReadingPlan, ReviewAssignment, ReviewRound
from matsapply.reviews.rounds import THIRD_READER, apply_plan, cap_of
from matsapply.rules.affinity import Reads, Wants, affinity, by_lot
from matsapply.rules.anchors import bridges, islands, shared
from matsapply.rules.assignment import AssignmentPlan, assign, change
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ApplicationState,
    AssignmentState,
    ConflictState,
    Role,
    RoundKind,
    Scope,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.assignment import Pair
    from matsapply.rules.fairness import Exact

# Above any difference of two affinities: a reading moves only where it must, or where the plan gains more than this.
STAY, MOVE_FOR_GOOD = 2.0, 0.25
# Beyond so many pairs affinities are not weighed: the plan is then only even, and says so.
MOST_PAIRS = 2_000_000
MOST_SHOWN = 12
# Whoever stepped back, gave it back or was found in conflict is not asked again.
NEVER_AGAIN = (AssignmentState.RECUSED, AssignmentState.RETURNED, AssignmentState.VOIDED)


@dataclass(frozen=True, slots=True)
class Options:
    """What a coordinator asks of a plan. ``floor``: the worst-served application first; ``stay``: move what must."""

    readers: int
    floor: bool
    least: int
    most: int
    seed: int
    shared: int
    shared_readers: int
    stay: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """A reviewer as a plan sees them; ``only``: tracks their role is bound to (None: the whole cohort)."""

    reads: Reads
    least: int
    most: int | None
    reason: str
    only: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a plan is made from. ``begun`` readings count and stay, ``waiting`` ones may move; of each application
    in ``asked`` one more reading is wanted: its readers lie far apart, or it stands close to the bar. Among the
    ``conflicts`` are reviewers' own applications."""

    applications: dict[int, Wants]
    reviewers: dict[int, Reader]
    conflicts: frozenset[Pair]
    past: frozenset[Pair]
    finished: frozenset[Pair]
    begun: frozenset[Pair]
    waiting: frozenset[Pair]
    asked: frozenset[int] = frozenset()

    @property
    def digest(self) -> str:
        """Equal for equal inputs: whether a plan that was shown still fits."""
        parts = (
            sorted(self.applications.items()),
            sorted((key, one.least, one.most, sorted(one.only or ()), sorted(one.reads.tracks),
                    sorted(one.reads.languages), one.reads.offset) for key, one in self.reviewers.items()),
            *(sorted(pairs) for pairs in (self.conflicts, self.past, self.finished, self.begun, self.waiting)),
            sorted(self.asked),
        )  # fmt: skip
        return sha256(repr(parts).encode()).hexdigest()


def gather(session: Session, cohort_id: int, now: datetime) -> Inputs:
    """Read what a plan of the cohort's central scoring is made from. Eight queries, whatever the number of rows."""
    tracks: dict[int, list[str]] = {}
    for application_id, key in session.execute(
        sa.select(TrackChoice.application_id, Track.key)
        .join(Track, Track.id == TrackChoice.track_id)
        .where(Track.cohort_id == cohort_id, TrackChoice.state.not_in(OUT_OF_PLAY))
        .order_by(TrackChoice.application_id, TrackChoice.rank)
    ):
        tracks.setdefault(application_id, []).append(key)
    zones: dict[str, float] = {}
    people = session.execute(
        sa.select(Application.id, Person.id, Person.language, Person.time_zone)
        .join(Person, Person.id == Application.person_id)
        .where(Application.cohort_id == cohort_id, Application.state == ApplicationState.SUBMITTED)
        .order_by(Application.id)
    ).all()
    applications = {
        key: Wants(tuple(tracks.get(key, ())), language or "", _offset(zone, now, zones))
        for key, _, language, zone in people
    }
    reviewers = _reviewers(session, cohort_id, now, zones)
    own = {(key, person_id) for key, person_id, *_ in people if person_id in reviewers}
    pairs: dict[AssignmentState, set[Pair]] = {state: set() for state in AssignmentState}
    for application_id, reviewer_id, state in session.execute(
        sa.select(ReviewAssignment.application_id, ReviewAssignment.reviewer_id, ReviewAssignment.state)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .where(ReviewRound.cohort_id == cohort_id, ReviewRound.kind == RoundKind.CENTRAL_SCORE)
    ):
        if application_id in applications:
            pairs[state].add((application_id, reviewer_id))
    conflicts = session.execute(
        sa.select(ConflictOfInterest.application_id, ConflictOfInterest.person_id)
        .join(Application, Application.id == ConflictOfInterest.application_id)
        .where(Application.cohort_id == cohort_id, ConflictOfInterest.state != ConflictState.DISMISSED)
    )
    asked = sa.select(TeamTask.application_id).where(
        TeamTask.cohort_id == cohort_id, TeamTask.kind == THIRD_READER, TeamTask.done_at.is_(None)
    )
    return Inputs(
        applications,
        reviewers,
        frozenset((application, person) for application, person in conflicts) | own,
        frozenset().union(*(pairs[state] for state in NEVER_AGAIN)),
        frozenset(pairs[AssignmentState.SUBMITTED]),
        # Whoever reads here no more ends nothing that they have begun.
        frozenset(pair for pair in pairs[AssignmentState.STARTED] if pair[1] in reviewers),
        frozenset(pairs[AssignmentState.ASSIGNED] | pairs[AssignmentState.PROPOSED]),
        frozenset(session.scalars(asked)) & applications.keys(),
    )


def reviewers_of(cohort_id: int, now: datetime) -> sa.Select[int, str]:
    """The grants under which people read the cohort's applications now: (person, key of the one track, or None)."""
    return (
        sa.select(RoleGrant.person_id, Track.key)
        .join(Track, (RoleGrant.scope == Scope.TRACK) & (Track.id == RoleGrant.scope_id), isouter=True)
        .where(
            RoleGrant.role == Role.REVIEWER,
            in_force(now),
            sa.or_(
                RoleGrant.scope == Scope.PROGRAM,
                sa.and_(RoleGrant.scope == Scope.COHORT, RoleGrant.scope_id == cohort_id),
                Track.cohort_id == cohort_id,
            ),
        )
    )


def _reviewers(session: Session, cohort_id: int, now: datetime, zones: dict[str, float]) -> dict[int, Reader]:
    only: dict[int, set[str] | None] = {}
    for person_id, key in session.execute(reviewers_of(cohort_id, now)):
        held = only.setdefault(person_id, set())
        if key is None or held is None:
            only[person_id] = None
        else:
            held.add(key)
    terms = {row.person_id: row for row in session.scalars(sa.select(ReaderTerms).filter_by(cohort_id=cohort_id))}
    places = dict(session.execute(sa.select(Person.id, Person.time_zone).where(Person.id.in_(only))).all())
    found = {}
    for person_id, keys in sorted(only.items()):
        own = terms.get(person_id)
        if own is not None and own.left_at is not None:
            continue
        offset = _offset(places[person_id], now, zones) if own is not None and own.near_zone else None
        reads = Reads(frozenset(own.tracks), frozenset(own.languages), offset) if own else Reads()
        found[person_id] = Reader(
            reads,
            own.least if own else 0,
            own.most if own else None,
            own.reason if own else "",
            None if keys is None else frozenset(keys),
        )
    return found


def _offset(zone: str, now: datetime, known: dict[str, float]) -> float:
    """Hours ahead of UTC; 0 for a zone that nobody knows."""
    if zone not in known:
        try:
            ahead = now.astimezone(ZoneInfo(zone)).utcoffset()
        except (KeyError, ValueError, OSError):
            ahead = None
        known[zone] = ahead.total_seconds() / 3600 if ahead is not None else 0.0
    return known[zone]


def work_out(inputs: Inputs, options: Options, exact: Exact | None = None) -> dict[str, Any]:
    """The plan, as plain values that can be kept. Asks no database."""
    stays = inputs.finished | inputs.begun
    barred = inputs.conflicts | inputs.past | stays | _outside(inputs)
    anchors = shared(list(inputs.applications), inputs.reviewers, barred - stays, options.shared, options.seed)
    wanted = dict.fromkeys(inputs.applications, options.readers) | dict.fromkeys(
        anchors, options.readers + options.shared_readers
    )
    wanted = {key: number + (key in inputs.asked) for key, number in wanted.items()}
    has = Counter(application for application, _ in stays)
    kept = {pair for pair in inputs.waiting if pair[1] in inputs.reviewers and pair not in barred}
    # A further reader, asked for by hand, is not taken away again.
    waits = Counter(application for application, _ in kept)
    missing = {key: max(0, number - has[key], waits[key] + (key in inputs.asked)) for key, number in wanted.items()}
    rows = [key for key, number in missing.items() if number]
    caps = {key: options.most if one.most is None else one.most for key, one in inputs.reviewers.items()}
    weighed = len(rows) * len(caps) <= MOST_PAIRS
    values = _affinities(inputs, rows, options.seed) if weighed else {}
    plan = assign(
        rows, list(caps), values or None, barred, missing, caps, options.seed,
        least={key: max(options.least, one.least) for key, one in inputs.reviewers.items()},
        held=Counter(reviewer for _, reviewer in inputs.begun),
        current=kept, removal_price=STAY if options.stay else MOVE_FOR_GOOD, floor=options.floor and weighed,
        exact=exact,
    )  # fmt: skip
    after = set(plan.pairs) | stays
    loads = Counter(reviewer for _, reviewer in plan.pairs) + Counter(reviewer for _, reviewer in inputs.begun)
    ties = bridges(after, anchors, barred | set(plan.pairs), caps, loads, values) if options.shared else ()
    loads.update(reviewer for _, reviewer in ties)
    return _content(inputs, options, plan, ties, anchors, caps, loads, values, weighed=weighed)


def _outside(inputs: Inputs) -> set[Pair]:
    """Pairs that the reviewer's role does not reach."""
    return {
        (application, reviewer)
        for reviewer, one in inputs.reviewers.items()
        if one.only is not None
        for application, wants in inputs.applications.items()
        if one.only.isdisjoint(wants.tracks)
    }


def _affinities(inputs: Inputs, rows: Collection[int], seed: int) -> dict[Pair, float]:
    """Worked out once for each kind of application and reviewer, of which there are few."""
    kinds: dict[tuple[Wants, Reads], float] = {}
    found = {}
    for application in rows:
        wants = inputs.applications[application]
        for reviewer, one in inputs.reviewers.items():
            kind = (wants, one.reads)
            if kind not in kinds:
                kinds[kind] = affinity(*kind)
            found[application, reviewer] = kinds[kind] + by_lot(seed, application, reviewer)
    return found


def _content(
    inputs: Inputs,
    options: Options,
    plan: AssignmentPlan,
    ties: Collection[Pair],
    anchors: Collection[int],
    caps: dict[int, int],
    loads: Counter[int],
    values: dict[Pair, float],
    *,
    weighed: bool,
) -> dict[str, Any]:
    diff = change(plan, inputs.waiting, values, MOST_SHOWN)
    before = Counter(reviewer for _, reviewer in inputs.begun | inputs.waiting)
    after = set(plan.pairs) | set(ties) | inputs.finished | inputs.begun
    return {
        "added": [list(pair) for pair in sorted({*diff.added, *ties})],
        "removed": [list(pair) for pair in diff.removed],
        "stayed": diff.stayed,
        "loads": [[key, before[key], loads[key], caps[key]] for key in sorted(caps)],
        "worst": [[key, round(value, 4)] for key, value in diff.worst],
        "unplaced": [[one.application, one.missing, one.reason] for one in plan.unplaced],
        "short": [list(pair) for pair in plan.short],
        "over": [
            [key, one.most, one.reason]
            for key, one in inputs.reviewers.items()
            if one.most is not None and one.most > options.most
        ],
        "total": plan.total,
        "floor": plan.floor,
        "bound": plan.bound,
        "weighed": weighed,
        "shared": sorted(anchors),
        "ties": [list(pair) for pair in ties],
        "islands": [len(group) for group in islands(after)],
        "conflicts": sum(1 for a, r in inputs.conflicts if a in inputs.applications and r in inputs.reviewers),
        "applications": len(inputs.applications),
        "reviewers": len(inputs.reviewers),
    }


def keep_plan(
    session: Session,
    actor: Actor,
    cohort_id: int,
    options: Options,
    inputs: str,
    content: dict[str, Any],
    now: datetime,
) -> ReadingPlan:
    """Keep a plan as it is going to be shown. ``inputs``: the digest of what it was made from."""
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    made = ReadingPlan(
        cohort_id=cohort_id,
        options=asdict(options),
        inputs=inputs,
        content=content,
        made_by_id=actor.person_id,
        made_at=now,
    )
    session.add(made)
    session.flush()
    return made


def apply_kept(
    session: Session, actor: Actor, plan: ReadingPlan, round_: ReviewRound, now: datetime, *, role: Role
) -> tuple[int, int]:
    """Apply a kept plan exactly: all of it or a refusal and nothing; returns how many were given and taken away.

    Refuses NO_CHANGE (applied already), WRONG_STATE (what it was made from has changed) and what single readings may.
    """
    plan = session.scalars(
        sa.select(ReadingPlan)
        .where(ReadingPlan.id == plan.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if plan.applied_at is not None:
        raise refuse(Code.NO_CHANGE)
    added = [tuple(pair) for pair in plan.content["added"]]
    removed = {tuple(pair) for pair in plan.content["removed"]}
    # No other plan is applied meanwhile, and nobody in this one withdraws or is found in conflict.
    session.execute(sa.select(ReviewRound.id).where(ReviewRound.id == round_.id).with_for_update(key_share=True))
    lock_applications(session, (application for application, _ in (*added, *removed)))
    if gather(session, plan.cohort_id, now).digest != plan.inputs:
        raise refuse(Code.WRONG_STATE, "Things have changed since this plan was made.")
    waiting = session.scalars(
        sa.select(ReviewAssignment)
        .where(ReviewAssignment.round_id == round_.id, ReviewAssignment.state == AssignmentState.ASSIGNED)
        .order_by(ReviewAssignment.application_id, ReviewAssignment.id)
    ).all()
    taken = [one for one in waiting if (one.application_id, one.reviewer_id) in removed]
    for one in taken:
        reassign(session, actor, one, now, role=role)
    above = {key: reason for key, most, reason in plan.content["over"] if most > cap_of(session, plan.cohort_id)}
    given = apply_plan(session, actor, round_, [pair for pair in added if pair[1] not in above], now, role=role)
    for reviewer, reason in sorted(above.items()):
        own = [pair for pair in added if pair[1] == reviewer]
        given += apply_plan(session, actor, round_, own, now, role=role, override_reason=reason)
    plan.applied_at, plan.applied_by_id = now, actor.person_id
    audit.record(
        session, actor, "reading_plan.applied", now, subject_type="reading_plan", subject_id=plan.id,
        actor_role=role.value, cohort_id=plan.cohort_id, detail={"given": given, "taken": len(taken)},
    )  # fmt: skip
    session.flush()
    return given, len(taken)
