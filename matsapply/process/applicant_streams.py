"""What an applicant's status page says: one query for the streams, their released offers and interviews, and one for
everything of which there are a few lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Reference, StreamApplication, TrackChoice
from matsapply.applications.queries import StreamPick
from matsapply.cohorts.models import Stream, Track
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.interviews.queries import InterviewLine, in_order, line_of
from matsapply.mail.queries import Heard, heard_of
from matsapply.offers.models import Offer
from matsapply.platform.db import fetch, fixed
from matsapply.rules.stages import OfferState, ReferenceState, TrackChoiceState

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
            Offer.state.in_(fixed(RELEASED_OFFERS)),
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


@dataclass(frozen=True, slots=True)
class TrackLine:
    name: str
    rank: int
    state: TrackChoiceState


@dataclass(frozen=True, slots=True)
class RefereeLine:
    """A referee as the status page names one."""

    name: str
    state: ReferenceState


@dataclass(frozen=True, slots=True)
class ApplicantLines:
    """The tracks in the applicant's order, the referees in theirs, and what the inbox holds."""

    tracks: list[TrackLine]
    referees: list[RefereeLine]
    heard: Heard


# What was heard comes first: of a union's columns PostgreSQL settles the types from its beginning on.
_LINES: Any = sa.union_all(
    heard_of(
        sa.literal_column("'heard'", sa.String).label("what"),
        sa.cast(sa.null(), sa.String).label("name"),
        sa.cast(sa.null(), sa.String).label("state"),
        sa.literal_column("0", sa.Integer).label("key"),
    ),
    sa.select(
        sa.literal_column("'track'"),
        Track.name,
        sa.cast(TrackChoice.state, sa.String),
        TrackChoice.id,
        TrackChoice.rank,
        sa.null(),
    )
    .join(Track, Track.id == TrackChoice.track_id)
    .where(
        TrackChoice.application_id == sa.bindparam("application_id"), TrackChoice.state != TrackChoiceState.WITHDRAWN
    ),
    sa.select(
        sa.literal_column("'referee'"),
        Reference.name,
        sa.cast(Reference.state, sa.String),
        Reference.id,
        Reference.position,
        sa.null(),
    ).where(Reference.application_id == sa.bindparam("application_id"), Reference.state != ReferenceState.REPLACED),
).order_by("number", "key")


def applicant_lines(session: Session, application_id: int, person_id: int) -> ApplicantLines:
    """One query. The tracks' states only move at a release, so they are released facts."""
    lines = ApplicantLines([], [], Heard(0, None))
    heard = lines.heard
    for what, name, state, _, number, at in fetch(session, _LINES, application_id=application_id, person_id=person_id):
        if what == "track":
            lines.tracks.append(TrackLine(name, number, TrackChoiceState(state)))
        elif what == "referee":
            lines.referees.append(RefereeLine(name, ReferenceState(state)))
        else:
            heard = Heard(number, at)
    return replace(lines, heard=heard)
