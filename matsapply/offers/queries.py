"""Reads about rankings, offers, seats and waitlists for the team."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Stream
from matsapply.decisions.actions import DECIDABLE
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.offers.models import Offer, StreamRanking, WaitlistEntry
from matsapply.offers.ranking import current_ranking
from matsapply.offers.waitlist import PLACE
from matsapply.people.models import Person
from matsapply.rules.stages import (
    BatchState,
    OfferState,
    Outcome,
    StreamApplicationState,
    StreamState,
    WaitlistState,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CURRENT = Decision.superseded_at.is_(None)


@dataclass(frozen=True, slots=True)
class StreamLine:
    """A stream with its seats, what is decided in it and its offers by state."""

    id: int
    key: str
    name: str
    state: StreamState
    seats_min: int | None
    seats_target: int | None
    seats_max: int | None
    seats_held: int
    locked: bool
    candidates: int
    decided: int
    assessed: int
    offers: dict[OfferState, int]
    waiting: int

    @property
    def free(self) -> int:
        """Seats an offer could still take; none where the number is unset or zero."""
        return max(0, (self.seats_max or 0) - self.seats_held)


def stream_lines(session: Session, cohort_id: int) -> list[StreamLine]:
    """Every stream of a cohort that was ever listed: four queries."""
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    undecided = sa.and_(Decision.stream_application_id == StreamApplication.id, CURRENT)
    for stream_id, state, decided, number in session.execute(
        sa.select(StreamApplication.stream_id, StreamApplication.state, Decision.id.is_not(None), sa.func.count())
        .join(Stream, Stream.id == StreamApplication.stream_id)
        .outerjoin(Decision, undecided)
        .where(Stream.cohort_id == cohort_id, StreamApplication.state.in_(DECIDABLE))
        .group_by(StreamApplication.stream_id, StreamApplication.state, Decision.id.is_not(None))
    ):
        if state is StreamApplicationState.WAITLISTED:
            continue
        counts[stream_id]["candidates"] += number
        counts[stream_id]["decided"] += number if decided else 0
        counts[stream_id]["assessed"] += number if state is StreamApplicationState.ASSESSED else 0
    offers: dict[int, dict[OfferState, int]] = defaultdict(dict)
    for stream_id, offer_state, number in session.execute(
        sa.select(Offer.stream_id, Offer.state, sa.func.count())
        .where(Offer.cohort_id == cohort_id)
        .group_by(Offer.stream_id, Offer.state)
    ):
        offers[stream_id][offer_state] = number
    waiting_rows = session.execute(
        sa.select(WaitlistEntry.stream_id, sa.func.count())
        .join(Stream, Stream.id == WaitlistEntry.stream_id)
        .where(Stream.cohort_id == cohort_id, WaitlistEntry.state == WaitlistState.ACTIVE)
        .group_by(WaitlistEntry.stream_id)
    )
    waiting = {row[0]: row[1] for row in waiting_rows}
    locked = sa.exists().where(StreamRanking.stream_id == Stream.id, StreamRanking.locked_at.is_not(None))
    rows = session.execute(
        sa.select(
            Stream.id,
            Stream.key,
            Stream.name,
            Stream.state,
            Stream.seats_min,
            Stream.seats_target,
            Stream.seats_max,
            Stream.seats_held,
            locked,
        )
        .where(Stream.cohort_id == cohort_id)
        .order_by(Stream.position, Stream.id)
    )
    return [
        StreamLine(
            *row,
            counts[row.id]["candidates"],
            counts[row.id]["decided"],
            counts[row.id]["assessed"],
            offers[row.id],
            waiting.get(row.id, 0),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who waits for a stream's decision. ``position`` None: not in the ranking."""

    id: int
    application_id: int
    public_id: str
    application: str
    name: str
    state: StreamApplicationState
    position: int | None
    review_mean: float | None
    marks_mean: float | None
    interview_mean: float | None
    outcome: Outcome | None
    batch_state: BatchState | None
    proposed: Outcome = Outcome.NOT_SELECT

    @property
    def settled(self) -> bool:
        return self.batch_state in {BatchState.SEALED, BatchState.RELEASED}

    @property
    def assessed(self) -> bool:
        return self.state is StreamApplicationState.ASSESSED


def candidates(
    session: Session, stream_id: int, visible: sa.ColumnElement[bool], *, offers: int, waitlist: int
) -> list[Candidate]:
    """Everybody undecided or decided but unreleased, best first, with what the ranking proposes: the first ``offers``
    get one, the next ``waitlist`` wait, the rest are not selected. Whoever is not assessed can only be not selected.
    """
    places = {place.stream_application_id: place.position for place in current_ranking(session, stream_id).places}
    rows = session.execute(
        sa.select(
            StreamApplication.id,
            Application.id.label("application_id"),
            StreamApplication.public_id,
            Application.public_id.label("application"),
            Person.display_name,
            StreamApplication.state,
            StreamApplication.review_mean,
            StreamApplication.marks_mean,
            StreamApplication.interview_mean,
            Decision.outcome,
            ReleaseBatch.state.label("batch_state"),
        )
        .join(Application, Application.id == StreamApplication.application_id)
        .join(Person, Person.id == Application.person_id)
        .outerjoin(Decision, sa.and_(Decision.stream_application_id == StreamApplication.id, CURRENT))
        .outerjoin(ReleaseBatch, ReleaseBatch.id == Decision.batch_id)
        .where(
            StreamApplication.stream_id == stream_id,
            StreamApplication.state.in_(DECIDABLE),
            visible,
        )
    ).all()
    ordered = sorted(rows, key=lambda row: (places.get(row.id) is None, places.get(row.id) or 0, row.display_name))
    found, given, waiting = [], 0, 0
    for row in ordered:
        proposed = Outcome.NOT_SELECT
        if row.state is StreamApplicationState.ASSESSED and row.id in places:
            if given < offers:
                proposed, given = Outcome.OFFER, given + 1
            elif waiting < waitlist:
                proposed, waiting = Outcome.WAITLIST, waiting + 1
        found.append(Candidate(*[*row[:6], places.get(row.id), *row[6:], proposed]))
    return found


@dataclass(frozen=True, slots=True)
class OfferRow:
    id: int
    public_id: str
    stream_id: int
    stream: str
    stream_key: str
    application: str
    name: str
    state: OfferState
    approved_by_id: int | None
    second_approver_id: int | None
    released_at: datetime | None
    expires_at: datetime | None
    responded_at: datetime | None
    decline_reason: str


def offers(
    session: Session, cohort_id: int, visible: sa.ColumnElement[bool], *, stream_id: int | None = None
) -> list[OfferRow]:
    """A cohort's offers by stream, those that need somebody first."""
    statement = _offers().where(Offer.cohort_id == cohort_id, visible)
    if stream_id is not None:
        statement = statement.where(Offer.stream_id == stream_id)
    pressing = sa.case((Offer.state.in_([OfferState.DRAFT, OfferState.APPROVED]), 0), else_=1)
    rows = session.execute(statement.order_by(Stream.position, Stream.id, pressing, Offer.id).limit(1000))
    return [OfferRow(*row) for row in rows]


def offer_by_public_id(
    session: Session, cohort_id: int, visible: sa.ColumnElement[bool], public_id: str
) -> OfferRow | None:
    row: Any = session.execute(
        _offers().where(Offer.cohort_id == cohort_id, Offer.public_id == public_id, visible)
    ).first()
    return OfferRow(*row) if row else None


def _offers() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Offer.id,
            Offer.public_id,
            Offer.stream_id,
            Stream.name,
            Stream.key,
            Application.public_id,
            Person.display_name,
            Offer.state,
            Offer.approved_by_id,
            Offer.second_approver_id,
            Offer.released_at,
            Offer.expires_at,
            Offer.responded_at,
            Offer.decline_reason,
        )
        .join(Stream, Stream.id == Offer.stream_id)
        .join(Application, Application.id == Offer.application_id)
        .join(Person, Person.id == Offer.person_id)
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    id: int
    public_id: str
    application: str
    name: str
    position: int
    state: WaitlistState
    skip_reason: str


def waitlist(session: Session, stream_id: int, visible: sa.ColumnElement[bool]) -> list[Waiting]:
    """A stream's waitlist in its order, with those who were promoted, passed over or left."""
    rows = session.execute(
        sa.select(
            WaitlistEntry.id,
            WaitlistEntry.public_id,
            Application.public_id,
            Person.display_name,
            PLACE,
            WaitlistEntry.state,
            WaitlistEntry.skip_reason,
        )
        .join(StreamApplication, StreamApplication.id == WaitlistEntry.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .join(Person, Person.id == Application.person_id)
        .where(WaitlistEntry.stream_id == stream_id, visible)
        .order_by(PLACE, WaitlistEntry.id)
    )
    return [Waiting(*row) for row in rows]
