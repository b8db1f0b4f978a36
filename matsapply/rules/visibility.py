"""What an applicant may know: a pure function of released facts.

Nothing that is recorded but not released is an argument here, so equal released facts give equal words. Invitations to
tasks and interviews are no decisions and are told at once (S5, S7); between them and the release all internal steps
read the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    CloseReason,
    OfferState,
    StreamApplicationState,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

S = StreamApplicationState


class StreamLine(StrEnum):
    """What an applicant reads beside a stream."""

    CHOSEN = "chosen"
    APPLIED = "applied"
    UNDER_REVIEW = "under_review"
    TASK = "task"
    INTERVIEW = "interview"
    OFFER = "offer"
    ACCEPTED = "accepted"
    WAITLISTED = "waitlisted"
    NOT_SELECTED = "not_selected"
    DECLINED = "declined"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled_by_stream"
    RELEASED = "released_by_placement"
    RESCINDED = "rescinded"


_LINES = {
    S.CHOSEN: StreamLine.CHOSEN,
    S.APPLIED: StreamLine.APPLIED,
    S.IN_REVIEW: StreamLine.UNDER_REVIEW,
    S.EVALUATING: StreamLine.TASK,
    S.INTERVIEWING: StreamLine.INTERVIEW,
    # Assessed is internal: a locked ranking must not show.
    S.ASSESSED: StreamLine.UNDER_REVIEW,
    S.OFFERED: StreamLine.OFFER,
    S.ACCEPTED: StreamLine.ACCEPTED,
    S.WAITLISTED: StreamLine.WAITLISTED,
    S.NOT_SELECTED: StreamLine.NOT_SELECTED,
    S.DECLINED: StreamLine.DECLINED,
    S.LAPSED: StreamLine.LAPSED,
    S.WITHDRAWN: StreamLine.WITHDRAWN,
    S.CANCELLED_BY_STREAM: StreamLine.CANCELLED,
    S.RELEASED_BY_PLACEMENT: StreamLine.RELEASED,
    S.RESCINDED: StreamLine.RESCINDED,
}


def stream_line(state: StreamApplicationState, *, open_task: bool = False, open_interview: bool = False) -> StreamLine:
    """The line of one stream application.

    What the applicant can act on is told by the invitation itself, never by the internal state alone: a stream that
    moves a file on from "interviewing" to "assessed" must look the same, so both read as under review once the
    interview is over.
    """
    if state in {S.EVALUATING, S.INTERVIEWING, S.IN_REVIEW, S.ASSESSED}:
        if open_interview:
            return StreamLine.INTERVIEW
        return StreamLine.TASK if open_task else StreamLine.UNDER_REVIEW
    return _LINES[state]


class Stage(StrEnum):
    """The place of an application on its road."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    UNDER_REVIEW = "under_review"
    IN_STREAMS = "in_streams"
    OFFER_PENDING = "offer_pending"
    WAITLISTED = "waitlisted"
    PLACED = "placed"
    WITHDRAWN = "withdrawn"
    NOT_SELECTED = "not_selected"
    OFFERS_DECLINED = "offers_declined"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Released:
    """Released facts of one application. ``offers`` are the states of released offers only."""

    state: ApplicationState
    close_reason: CloseReason | None = None
    streams: Collection[StreamApplicationState] = ()
    offers: Collection[OfferState] = ()


def application_stage(facts: Released, now: datetime, dates: dict[str, datetime | None]) -> Stage:
    """The stage by section 3.3 of the process: the first line that holds."""
    if facts.state is ApplicationState.CLOSED:
        return Stage.PLACED if facts.close_reason is CloseReason.PLACED else Stage.CLOSED
    if facts.state is ApplicationState.DRAFT:
        return Stage.DRAFT
    if facts.state is ApplicationState.SUBMITTED:
        closes = dates.get("T2")
        return Stage.UNDER_REVIEW if closes is not None and now >= closes else Stage.SUBMITTED
    return _in_streams(facts, now, dates)


def _in_streams(facts: Released, now: datetime, dates: dict[str, datetime | None]) -> Stage:
    if OfferState.ACCEPTED in facts.offers or OfferState.CONFIRMED in facts.offers:
        return Stage.PLACED
    if OfferState.PENDING in facts.offers:
        return Stage.OFFER_PENDING
    waiting = S.WAITLISTED in facts.streams
    live = [state for state in facts.streams if state in LIVE_STREAM_APPLICATION and state is not S.WAITLISTED]
    if live:
        return Stage.IN_STREAMS
    closes = dates.get("T15")
    if waiting and (closes is None or now < closes):
        return Stage.WAITLISTED
    decided = dates.get("T13")
    if decided is None or now < decided:
        return Stage.IN_STREAMS
    if facts.streams and all(state is S.WITHDRAWN for state in facts.streams):
        return Stage.WITHDRAWN
    return Stage.OFFERS_DECLINED if facts.offers else Stage.NOT_SELECTED
