"""The road: in which round an application ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from matsapply.rules.journey import HEARTBEAT, Round, hears_by, round_of_end
from matsapply.rules.stages import CloseReason
from matsapply.rules.visibility import Stage

START = datetime(2027, 1, 1, tzinfo=UTC)
BEGINS = {each: START + timedelta(days=10 * number) for number, each in enumerate(Round)}
# Some tasks open for everybody together with the application.
EARLY_TASKS = BEGINS | {Round.TASKS: START}


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        (CloseReason.NEVER_SUBMITTED, Round.APPLY),
        (CloseReason.NOT_ADVANCED, Round.REVIEW),
        (CloseReason.NOT_SELECTED, Round.DECISIONS),
        (CloseReason.OFFERS_DECLINED, Round.ANSWER),
        (CloseReason.RESCINDED, Round.ANSWER),
        (CloseReason.DEFERRED, Round.ANSWER),
    ],
)
def test_a_reason_that_belongs_to_a_round_ends_there_whenever_it_was_written_down(
    reason: CloseReason, ended: Round
) -> None:
    for moment in (START, START + timedelta(days=90)):
        assert round_of_end(Stage.CLOSED, reason, moment, tuple(Round), EARLY_TASKS) is ended


@pytest.mark.parametrize(
    ("stage", "ended"), [(Stage.NOT_SELECTED, Round.DECISIONS), (Stage.OFFERS_DECLINED, Round.ANSWER)]
)
def test_before_the_application_is_closed_the_released_facts_say_where(stage: Stage, ended: Round) -> None:
    assert round_of_end(stage, None, START, tuple(Round), BEGINS) is ended


def test_a_withdrawal_ends_in_the_round_of_its_moment_and_early_tasks_are_no_round_reached() -> None:
    for day, ended in ((5, Round.APPLY), (15, Round.REVIEW), (25, Round.CHOICE), (75, Round.PROGRAMME)):
        moment = START + timedelta(days=day)
        found = round_of_end(Stage.CLOSED, CloseReason.WITHDRAWN, moment, tuple(Round), BEGINS)
        assert found is ended
    early = round_of_end(Stage.CLOSED, CloseReason.WITHDRAWN, START + timedelta(days=15), tuple(Round), EARLY_TASKS)
    assert early is Round.REVIEW
    undated = BEGINS | {Round.REVIEW: None}
    assert round_of_end(Stage.WITHDRAWN, None, START + timedelta(days=25), tuple(Round), undated) is Round.CHOICE


def test_whoever_waits_hears_at_the_next_news_or_at_the_next_heartbeat() -> None:
    day = timedelta(days=1)
    review, news = Stage.UNDER_REVIEW, START + 10 * day
    assert hears_by(review, START, news, START) == news
    assert hears_by(review, START, START + 20 * day, START) == START + HEARTBEAT
    assert hears_by(review, START, None, START) == START + HEARTBEAT, "the date is to be announced"
    assert hears_by(review, news, news, START) == START + HEARTBEAT, "a date that has passed promises nothing"
    assert hears_by(review, START + 20 * day, None, START) == START + 20 * day, "it is due now"
    for stage in (Stage.DRAFT, Stage.OFFER_PENDING, Stage.PLACED, Stage.CLOSED):
        assert hears_by(stage, START, news, START) is None
