"""Scores against a rubric, weights by track, and aggregates that do not depend on order (invariants 23 and 24)."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from matsapply.rules.scoring import (
    SAME,
    Aggregate,
    aggregate,
    check_scores,
    needs_third_reader,
    weighted_total,
    weights_for,
)

CRITERIA = ("research", "execution", "motive")
TOTALS = st.lists(st.floats(1, 5), min_size=1, max_size=12)
KEYS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)


@pytest.mark.parametrize("score", [1, 5, "1", "5", "05"])
def test_a_whole_number_on_the_scale_is_a_score(score: object) -> None:
    checked = check_scores({"research": score}, ["research"], 5)
    assert checked.complete
    assert checked.scores == {"research": int(str(score))}


@pytest.mark.parametrize(
    "score", [0, 6, -1, "6", "0", "1.5", 1.5, "one", "٣", "²", " 1", "0001", True, [1], "1e0", 10**40]
)
def test_anything_else_is_a_problem_that_says_what_to_do(score: object) -> None:
    checked = check_scores({"research": score}, ["research"], 5)
    assert checked.scores == {}
    assert checked.problems == {"research": "This score is not on the scale: choose 1 to 5."}


@pytest.mark.parametrize("scores", [{}, {"research": None}, {"research": ""}])
def test_a_missing_score_is_asked_for(scores: dict[str, object]) -> None:
    assert check_scores(scores, ["research"], 4).problems == {"research": "Choose a score from 1 to 4."}


def test_a_criterion_the_rubric_does_not_have_is_a_problem_too() -> None:
    checked = check_scores({"research": 3, "looks": 5}, ["research"], 5)
    assert checked.scores == {"research": 3}
    assert list(checked.problems) == ["looks"]


@given(KEYS, st.integers(1, 9), st.data())
def test_whatever_is_sent_each_criterion_is_sound_or_a_problem(
    keys: list[str], steps: int, data: st.DataObject
) -> None:
    anything = st.one_of(st.none(), st.integers(-2, 12), st.text(max_size=4), st.booleans(), st.floats())
    sent = data.draw(st.dictionaries(st.sampled_from(keys), anything))
    checked = check_scores(sent, keys, steps)
    assert set(checked.scores) | set(checked.problems) == set(keys)
    assert set(checked.scores).isdisjoint(checked.problems)
    assert all(1 <= score <= steps for score in checked.scores.values())


def test_a_track_without_weights_of_its_own_counts_all_alike() -> None:
    weights = {"empirical": {"research": 0.5, "execution": 0.3, "motive": 0.2}}
    assert weights_for(weights, "empirical", CRITERIA) == weights["empirical"]
    for track in ("theory", "", None):
        assert weights_for(weights, track, CRITERIA) == dict.fromkeys(CRITERIA, 1 / 3)
    assert weights_for({"x": {"research": 1.0}}, "x", CRITERIA) == {"research": 1.0, "execution": 0.0, "motive": 0.0}


@given(st.lists(st.integers(1, 100), min_size=1, max_size=8), st.data())
def test_a_total_lies_between_the_lowest_and_the_highest_score(parts: list[int], data: st.DataObject) -> None:
    keys = [f"c{number}" for number in range(len(parts))]
    weights = {key: part / sum(parts) for key, part in zip(keys, parts, strict=True)}
    scores = {key: data.draw(st.integers(1, 5)) for key in keys}
    total = weighted_total(scores, weights)
    assert min(scores.values()) - SAME <= total <= max(scores.values()) + SAME
    exact = sum(Fraction(weights[key]) * scores[key] for key in keys)
    assert math.isclose(total, float(exact), rel_tol=1e-15)


def test_a_total_needs_every_score_that_weighs() -> None:
    with pytest.raises(KeyError):
        weighted_total({"research": 3}, {"research": 0.5, "motive": 0.5})


def test_no_reading_has_no_mean() -> None:
    assert aggregate([]) == Aggregate(0, 0.0, None, None)


@given(TOTALS, st.randoms(use_true_random=False))
def test_invariant_23_the_order_of_readings_does_not_matter(totals: list[float], random) -> None:
    mixed = list(totals)
    random.shuffle(mixed)
    assert aggregate(mixed) == aggregate(totals) == aggregate(iter(totals))


@given(TOTALS)
def test_mean_and_spread_are_what_they_say(totals: list[float]) -> None:
    found = aggregate(totals)
    assert found.mean is not None
    assert found.count == len(totals)
    assert min(totals) - SAME <= found.mean <= max(totals) + SAME
    assert found.spread == max(totals) - min(totals)
    assert math.isclose(found.total, float(sum(map(Fraction, totals))), rel_tol=1e-15)


@given(TOTALS, st.floats(1, 5))
def test_invariant_24_taking_a_reading_out_and_back_restores_exactly(totals: list[float], one: float) -> None:
    before = aggregate([*totals, one])
    without = aggregate(totals)
    assert without.count == before.count - 1
    assert aggregate([one, *totals]) == before


@pytest.mark.parametrize(
    ("totals", "threshold", "readers", "asked"),
    [
        ([1.0, 3.0], 2, 2, True),
        ([1.0, 2.9], 2, 2, False),
        ([1.1, 3.1], 2, 2, True),  # 3.1 − 1.1 falls a hair short of 2 in floating point
        ([1.0, 5.0], None, 2, False),
        ([1.0], 2, 2, False),
        ([], 2, 2, False),
        ([1.0, 3.0, 5.0], 2, 2, False),  # the third has read: no fourth
        ([1.0, 5.0], 2, 3, False),  # the third is planned already
        ([1.0, 3.0, 5.0], 2, 3, True),
        ([4.0], 0, 1, False),
    ],
)
def test_a_third_reader_is_asked_for_when_the_planned_ones_lie_apart(
    totals: list[float], threshold: float | None, readers: int, asked: bool
) -> None:
    assert needs_third_reader(aggregate(totals), threshold, readers) is asked
