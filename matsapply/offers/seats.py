"""Seats: how many a stream and a cohort hold, counted in the transaction that changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.models import Cohort, Stream
from matsapply.offers.models import Offer
from matsapply.rules.stages import SEAT_HOLDING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session


def lock_streams(session: Session, stream_ids: Iterable[int]) -> dict[int, Stream]:
    """The streams, locked in the order of their keys so that two transactions cannot wait for each other."""
    streams = session.scalars(
        sa.select(Stream)
        .where(Stream.id.in_(set(stream_ids)))
        .order_by(Stream.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {stream.id: stream for stream in streams}


def recount(session: Session, streams: Iterable[Stream]) -> None:
    """Set ``seats_held`` from the offers as they stand now. The streams must be locked."""
    session.flush()
    for stream in streams:
        held = session.scalar(
            sa.select(sa.func.count()).where(Offer.stream_id == stream.id, Offer.state.in_(SEAT_HOLDING))
        )
        if stream.seats_held != held:
            stream.seats_held = held or 0


def seat_free(stream: Stream) -> bool:
    """Whether another offer fits: unset or zero seats hold none (E8)."""
    return stream.seats_max is not None and stream.seats_held < stream.seats_max


def capacity_free(session: Session, cohort_id: int, person_id: int) -> bool:
    """Whether the cohort can take this person: distinct people with a held seat stay within capacity and allowance."""
    cohort = session.scalars(sa.select(Cohort).where(Cohort.id == cohort_id).with_for_update()).one()
    holders = set(
        session.scalars(
            sa.select(Offer.person_id).where(Offer.cohort_id == cohort_id, Offer.state.in_(SEAT_HOLDING)).distinct()
        )
    )
    return len(holders | {person_id}) <= cohort.capacity + cohort.over_offer_allowance
