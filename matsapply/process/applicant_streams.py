"""What an applicant's status page says of streams: one query for the choices, their released offers and interviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import StreamApplication
from matsapply.applications.queries import StreamPick
from matsapply.cohorts.models import Stream
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.interviews.queries import InterviewLine, in_order, line_of
from matsapply.offers.models import Offer
from matsapply.platform.db import fetch
from matsapply.rules.stages import OfferState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RELEASED_OFFERS = (
    OfferState.PENDING,
    OfferState.ACCEPTED,
    OfferState.CONFIRMED,
    OfferState.DECLINED,
    OfferState.LAPSED,
    OfferState.SUPERSEDED,
    OfferState.RESCINDED,
    OfferState.VACATED,
    OfferState.DEFERRED,
)


@dataclass(frozen=True, slots=True)
class OfferLine:
    """A released offer as a line of a page."""

    public_id: str
    stream: str
    state: OfferState
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApplicantStreams:
    picks: list[StreamPick]
    offers: list[OfferLine]
    interviews: list[InterviewLine]


_STREAMS = (
    sa.select(
        StreamApplication.public_id,
        Stream.key,
        Stream.name,
        StreamApplication.rank,
        StreamApplication.state,
        StreamApplication.exited_at,
        Offer.id.label("offer"),
        Offer.public_id.label("offer_ref"),
        Offer.state.label("offer_state"),
        Offer.expires_at,
        Interview.id.label("interview"),
        Interview.public_id.label("interview_ref"),
        Interview.state.label("interview_state"),
        Interview.round_number,
        InterviewSlot.starts_at,
        InterviewSlot.ends_at,
        InterviewSlot.video_link,
        Interview.rebookings,
    )
    .join(Stream, Stream.id == StreamApplication.stream_id)
    .outerjoin(
        Offer,
        sa.and_(
            Offer.stream_application_id == StreamApplication.id,
            Offer.released_at.is_not(None),
            Offer.state.in_(RELEASED_OFFERS),
        ),
    )
    .outerjoin(Interview, Interview.stream_application_id == StreamApplication.id)
    .outerjoin(InterviewSlot, InterviewSlot.id == Interview.slot_id)
    .where(StreamApplication.application_id == sa.bindparam("application_id"))
    .order_by(StreamApplication.rank.is_(None), StreamApplication.rank, StreamApplication.id)
)


def applicant_streams(session: Session, application_id: int, now: datetime) -> ApplicantStreams:
    """Every stream the applicant ever chose, the live ones first; offers that were released, the oldest first; the
    interviews, those that need the applicant first. Unreleased offers are never selected."""
    picks: dict[str, StreamPick] = {}
    offers: dict[int, OfferLine] = {}
    interviews: dict[int, InterviewLine] = {}
    for row in fetch(session, _STREAMS, application_id=application_id):
        picks[row.public_id] = StreamPick(*row[:6])
        if row.offer is not None:
            offers[row.offer] = OfferLine(row.offer_ref, row.name, row.offer_state, row.expires_at)
        if row.interview is not None:
            interviews[row.interview] = line_of(row.interview_ref, row.name, *row[12:])
    return ApplicantStreams(
        list(picks.values()),
        [line for _, line in sorted(offers.items())],
        in_order([line for _, line in sorted(interviews.items())], now),
    )
