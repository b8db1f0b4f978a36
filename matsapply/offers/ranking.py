"""A stream's order of its candidates: versions, tiers while it is open, strict once it is locked.

The highest version is in force. A version is never changed: saving makes the next one, and so does a withdrawal.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication
from matsapply.audit import actions as audit
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Stream
from matsapply.decisions.models import Decision
from matsapply.offers.models import RankingEntry, StreamRanking
from matsapply.reviews.models import ConflictOfInterest
from matsapply.rules.access import SYSTEM, Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import NEGATIVE_OUTCOMES, ConflictState, StreamApplicationState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

RANKABLE = frozenset(
    {
        StreamApplicationState.IN_REVIEW,
        StreamApplicationState.EVALUATING,
        StreamApplicationState.INTERVIEWING,
        StreamApplicationState.ASSESSED,
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """One line of a ranking. ``tier`` is shared by people held equal; None where no tiers are used."""

    stream_application_id: int
    position: int
    tier: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The version in force; ``number`` 0 where nothing has been saved yet."""

    number: int = 0
    ranking_id: int | None = None
    locked_at: datetime | None = None
    saved_at: datetime | None = None
    places: tuple[Place, ...] = field(default_factory=tuple)

    @property
    def order(self) -> list[int]:
        return [place.stream_application_id for place in self.places]

    @property
    def has_ties(self) -> bool:
        tiers = [place.tier for place in self.places if place.tier is not None]
        return len(tiers) != len(set(tiers))


def current_ranking(session: Session, stream_id: int) -> Ranking:
    """Two queries: the version in force and its places in order."""
    row = session.execute(
        sa.select(StreamRanking.id, StreamRanking.number, StreamRanking.locked_at, StreamRanking.saved_at)
        .where(StreamRanking.stream_id == stream_id)
        .order_by(StreamRanking.number.desc())
        .limit(1)
    ).first()
    if row is None:
        return Ranking()
    places = session.execute(
        sa.select(RankingEntry.stream_application_id, RankingEntry.position, RankingEntry.tier)
        .where(RankingEntry.ranking_id == row.id)
        .order_by(RankingEntry.position)
    )
    return Ranking(row.number, row.id, row.locked_at, row.saved_at, tuple(Place(*place) for place in places))


def save_ranking(
    session: Session,
    actor: Actor,
    stream_id: int,
    order: Sequence[int],
    *,
    based_on: int,
    now: datetime,
    tiers: Mapping[int, int] | None = None,
) -> Ranking:
    """Save ``order`` (keys of stream applications, best first) as the next version; the same order again changes
    nothing.

    ``based_on`` is the version the page showed. Raises ``Refused``: CLOSED (locked, or T12 reached), WRONG_STATE (a
    newer version exists, or somebody in the order cannot be ranked), CONFLICT (somebody in the order, or somebody the
    version in force holds, has a conflict of interest with the actor).
    """
    stream = _lock_stream(session, stream_id)
    present = current_ranking(session, stream_id)
    if present.locked_at is not None or gates_of(session, stream.cohort_id).passed("T12", now):
        raise refuse(Code.CLOSED)
    wanted = list(dict.fromkeys(order))
    given = dict(tiers or {})
    same_tiers = {place.stream_application_id: place.tier for place in present.places if place.tier is not None}
    if wanted == present.order and given == same_tiers:
        return present
    if based_on != present.number:
        raise refuse(Code.WRONG_STATE)
    if conflicted(session, actor, {*wanted, *present.order}):
        raise refuse(Code.CONFLICT, "Somebody else of the stream has to save this ranking.")
    if set(wanted) - set(rankable(session, stream_id)):
        raise refuse(Code.WRONG_STATE)
    places = tuple(Place(key, number, given.get(key)) for number, key in enumerate(wanted, start=1))
    _write(session, actor, stream, present, places, None, now)
    return current_ranking(session, stream_id)


def lock_version(session: Session, actor: Actor, stream_id: int, *, now: datetime, by_system: bool = False) -> Ranking:
    """Lock the version in force; from then on only a withdrawal makes a new one. Locked already: nothing happens.

    A stream lead may do so up to and at T12; the system does it at T12 for those who have not. Raises ``Refused``:
    NO_DECISION (nothing ranked), TIES, CONFLICT, CLOSED (after T12), NOT_FINISHED (a ranked person's task still runs).
    """
    stream = _lock_stream(session, stream_id)
    present = current_ranking(session, stream_id)
    if present.locked_at is not None:
        return present
    closes = gates_of(session, stream.cohort_id).at("T12")
    if not by_system and closes is not None and now > closes:
        raise refuse(Code.CLOSED)
    if not present.places:
        raise refuse(Code.NO_DECISION)
    if present.has_ties:
        raise refuse(Code.TIES)
    if conflicted(session, actor, set(present.order)):
        raise refuse(Code.CONFLICT, "Somebody else of the stream has to lock this ranking.")
    if running := _still_evaluating(session, present.order):
        raise refuse(Code.NOT_FINISHED, f"{running} in the ranking still {'has' if running == 1 else 'have'} a task.")
    places = tuple(Place(place.stream_application_id, place.position) for place in present.places)
    _write(session, actor, stream, present, places, now, now)
    return current_ranking(session, stream_id)


def close_gap(session: Session, entry: StreamApplication, now: datetime) -> None:
    """E35: whoever leaves the stream leaves its ranking; the system makes the next version and a lock stays."""
    ranked = sa.select(RankingEntry.id).join(StreamRanking, StreamRanking.id == RankingEntry.ranking_id)
    if session.scalar(ranked.where(RankingEntry.stream_application_id == entry.id).limit(1)) is None:
        return
    stream = _lock_stream(session, entry.stream_id)
    present = current_ranking(session, entry.stream_id)
    left = [place for place in present.places if place.stream_application_id != entry.id]
    if len(left) < len(present.places):
        closed = tuple(replace(place, position=number) for number, place in enumerate(left, start=1))
        _write(session, SYSTEM, stream, present, closed, present.locked_at, now)


def reopen_gap(session: Session, entry: StreamApplication, now: datetime) -> bool:
    """Whoever takes leaving back stands again right behind those who stood before them; the system makes the next
    version and a lock stays. Returns whether they stand in a locked ranking now."""
    known = session.execute(
        sa.select(StreamRanking.id, RankingEntry.position, RankingEntry.tier)
        .join(RankingEntry, RankingEntry.ranking_id == StreamRanking.id)
        .where(RankingEntry.stream_application_id == entry.id)
        .order_by(StreamRanking.number.desc())
        .limit(1)
    ).first()
    if known is None:
        return False
    stream = _lock_stream(session, entry.stream_id)
    present = current_ranking(session, entry.stream_id)
    if entry.id not in present.order:
        ahead = set(
            session.scalars(
                sa.select(RankingEntry.stream_application_id).where(
                    RankingEntry.ranking_id == known.id, RankingEntry.position < known.position
                )
            )
        )
        index = max((number for number, key in enumerate(present.order, start=1) if key in ahead), default=0)
        beside = {place.tier for place in present.places[max(index - 1, 0) : index + 1]}
        tier = known.tier if known.tier in beside else None
        places = (*present.places[:index], Place(entry.id, 0, tier), *present.places[index:])
        numbered = tuple(replace(place, position=number) for number, place in enumerate(places, start=1))
        _write(session, SYSTEM, stream, present, numbered, present.locked_at, now)
    return present.locked_at is not None


def rankable(session: Session, stream_id: int) -> list[int]:
    """The stream applications that may stand in a ranking: live, assessable and without a negative decision."""
    return list(
        session.scalars(
            sa.select(StreamApplication.id).where(
                StreamApplication.stream_id == stream_id, StreamApplication.state.in_(RANKABLE), ~refused_already()
            )
        )
    )


def refused_already() -> sa.ColumnElement[bool]:
    """SQL: a negative decision in force stands against the stream application."""
    return (
        sa.select(Decision.id)
        .where(
            Decision.stream_application_id == StreamApplication.id,
            Decision.superseded_at.is_(None),
            Decision.outcome.in_(NEGATIVE_OUTCOMES),
        )
        .exists()
    )


def conflicted(session: Session, actor: Actor, stream_application_ids: set[int]) -> bool:
    """Whether an active conflict stands between the actor and one of the people; never for the system."""
    if actor.person_id is None or not stream_application_ids:
        return False
    query = (
        sa.select(ConflictOfInterest.id)
        .join(Application, Application.id == ConflictOfInterest.application_id)
        .join(StreamApplication, StreamApplication.application_id == Application.id)
        .where(
            StreamApplication.id.in_(stream_application_ids),
            ConflictOfInterest.person_id == actor.person_id,
            ConflictOfInterest.state == ConflictState.ACTIVE,
        )
    )
    return session.scalar(query.limit(1)) is not None


def _lock_stream(session: Session, stream_id: int) -> Stream:
    return session.scalars(
        sa.select(Stream).where(Stream.id == stream_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _still_evaluating(session: Session, order: Sequence[int]) -> int:
    return (
        session.scalar(
            sa.select(sa.func.count()).where(
                StreamApplication.id.in_(order), StreamApplication.state == StreamApplicationState.EVALUATING
            )
        )
        or 0
    )


def _write(
    session: Session,
    actor: Actor,
    stream: Stream,
    present: Ranking,
    places: tuple[Place, ...],
    locked_at: datetime | None,
    now: datetime,
) -> None:
    version = StreamRanking(
        stream_id=stream.id,
        number=present.number + 1,
        actor_id=actor.person_id,
        saved_at=now,
        locked_at=locked_at,
    )
    session.add(version)
    session.flush()
    session.add_all(
        RankingEntry(
            ranking_id=version.id,
            stream_application_id=place.stream_application_id,
            position=place.position,
            tier=place.tier,
        )
        for place in places
    )
    session.flush()
    audit.record(
        session,
        actor,
        "ranking.locked" if locked_at == now else "ranking.saved",
        now,
        subject_type="stream",
        subject_id=stream.id,
        cohort_id=stream.cohort_id,
        detail={"number": version.number, "length": len(places)},
    )
