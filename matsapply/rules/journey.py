"""The rounds of the road, the present place on it, and when news is due: from released facts and dates alone."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from matsapply.rules.stages import CloseReason, StreamChoiceMoment
from matsapply.rules.visibility import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


class Round(StrEnum):
    """What an applicant goes through, in this order."""

    APPLY = "apply"
    REVIEW = "review"
    CHOICE = "choice"
    TASKS = "tasks"
    INTERVIEWS = "interviews"
    DECISIONS = "decisions"
    ANSWER = "answer"
    PROGRAMME = "programme"


_OF_STREAMS = (Round.CHOICE, Round.TASKS, Round.INTERVIEWS, Round.DECISIONS)
_ENDED = frozenset({Stage.CLOSED, Stage.NOT_SELECTED, Stage.OFFERS_DECLINED, Stage.WITHDRAWN})


def rounds_of(choice: StreamChoiceMoment) -> tuple[Round, ...]:
    """The rounds of a cohort: streams have a round of their own only where they are chosen after the first result."""
    if choice is StreamChoiceMoment.AT_GENERAL:
        return tuple(each for each in Round if each is not Round.CHOICE)
    return tuple(Round)


def present_round(
    stage: Stage, now: datetime, rounds: Sequence[Round], begins: Mapping[Round, datetime | None]
) -> Round | None:
    """Where the application stands; None where it has ended.

    A date that has passed moves nobody on by itself: a late result leaves the application under review.
    """
    match stage:
        case Stage.DRAFT | Stage.SUBMITTED:
            return Round.APPLY
        case Stage.UNDER_REVIEW:
            return Round.REVIEW
        case Stage.OFFER_PENDING | Stage.WAITLISTED:
            return Round.ANSWER
        case Stage.PLACED:
            return Round.PROGRAMME
        case Stage.IN_STREAMS:
            here = [each for each in rounds if each in _OF_STREAMS]
            begun = [each for each in here if (at := begins.get(each)) is not None and at <= now]
            return begun[-1] if begun else here[0]
        case _:
            return None


# Where an end belongs to one round, it is that one, whenever it was written down.
_ROUND_OF_REASON = {
    CloseReason.NEVER_SUBMITTED: Round.APPLY,
    CloseReason.NOT_ADVANCED: Round.REVIEW,
    CloseReason.NOT_SELECTED: Round.DECISIONS,
    CloseReason.OFFERS_DECLINED: Round.ANSWER,
    CloseReason.RESCINDED: Round.ANSWER,
    CloseReason.DEFERRED: Round.ANSWER,
}
_ROUND_OF_STAGE = {Stage.NOT_SELECTED: Round.DECISIONS, Stage.OFFERS_DECLINED: Round.ANSWER}


def round_of_end(
    stage: Stage,
    reason: CloseReason | None,
    moment: datetime,
    rounds: Sequence[Round],
    begins: Mapping[Round, datetime | None],
) -> Round:
    """Where an application that has ended stood: by its reason, else in the last round reached at that moment.

    Rounds are reached one after the other: tasks that open early take nobody past the review.
    """
    known = _ROUND_OF_STAGE.get(stage) if reason is None else _ROUND_OF_REASON.get(reason)
    if known is not None:
        return known
    dated = [(each, at) for each in rounds if (at := begins.get(each)) is not None]
    begun = [each for each, at in takewhile(lambda one: one[1] <= moment, dated)]
    return begun[-1] if begun else rounds[0]


# The key date of the next news in each stage that waits for one; in the others the applicant acts, or all is said.
NEWS = {Stage.SUBMITTED: "T5", Stage.UNDER_REVIEW: "T5", Stage.IN_STREAMS: "T13", Stage.WAITLISTED: "T15"}
# Whoever waits hears from the team at least this often, even if there is no news.
HEARTBEAT = timedelta(days=14)


def hears_by(stage: Stage, now: datetime, news_at: datetime | None, heard_at: datetime) -> datetime | None:
    """The instant by which the applicant hears from the team, news or not; None in a stage that waits for nothing.

    ``news_at`` is the key date of the next news, ``heard_at`` when they heard last. A date that has passed promises
    nothing: then the next heartbeat is the next thing to come.
    """
    if stage not in NEWS:
        return None
    beat = max(heard_at + HEARTBEAT, now)
    return news_at if news_at is not None and now < news_at < beat else beat


def has_ended(stage: Stage) -> bool:
    return stage in _ENDED
