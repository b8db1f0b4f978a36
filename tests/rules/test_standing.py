"""Chances, the bar and the worth of one more reading: against what must hold, and against simulation."""

from __future__ import annotations

from math import fsum, inf, isclose, sqrt
from random import Random

import pytest
from hypothesis import given, strategies as st

from matsapply.rules.standing import Known, bar_for, chance, clearly_below, doubt, in_grey, worth_of_reading

KNOWN = st.builds(Known, st.floats(1, 5), st.floats(0.05, 1.5))
FIELD = st.lists(KNOWN, min_size=2, max_size=30)


@given(FIELD, st.data())
def test_as_many_are_expected_above_the_bar_as_there_are_places(field: list[Known], data: st.DataObject) -> None:
    places = data.draw(st.integers(1, len(field) - 1))
    bar = bar_for(field, places)
    assert isclose(fsum(chance(each, bar) for each in field), places, abs_tol=1e-6)


@given(FIELD)
def test_more_places_lower_the_bar(field: list[Known]) -> None:
    bars = [bar_for(field, places) for places in range(len(field) + 1)]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] == inf
    assert bars[-1] == -inf
    assert {chance(each, inf) for each in field} == {0.0}
    assert {chance(each, -inf) for each in field} == {1.0}


@given(FIELD, st.floats(-20, 20))
def test_a_constant_moves_the_bar_and_no_chance(field: list[Known], constant: float) -> None:
    bar = bar_for(field, 1)
    moved = [Known(each.score + constant, each.deviation) for each in field]
    for before, after in zip(field, moved, strict=True):
        assert isclose(chance(before, bar), chance(after, bar_for(moved, 1)), abs_tol=1e-6)


@given(KNOWN, KNOWN, st.floats(1, 5))
def test_the_better_known_score_is_the_surer(one: Known, other: Known, bar: float) -> None:
    same = Known(one.score, other.deviation)
    surer, looser = sorted([one, same], key=lambda each: each.deviation)
    assert doubt(chance(surer, bar)) <= doubt(chance(looser, bar)) + 1e-12


@given(KNOWN, st.floats(1, 5), st.floats(0.1, 3))
def test_a_reading_is_worth_most_at_the_bar_and_the_less_the_noisier(known: Known, bar: float, noise: float) -> None:
    here = worth_of_reading(known, bar, noise)
    assert 0 <= here <= worth_of_reading(Known(bar, known.deviation), bar, noise) + 1e-12
    assert worth_of_reading(known, bar, noise * 2) <= here + 1e-12


def test_the_worth_is_what_a_simulation_finds() -> None:
    random, bar, noise = Random(1), 3.0, 0.8
    for known in (Known(3.0, 0.6), Known(3.4, 0.6), Known(2.2, 0.9)):
        gained = 0.0
        for _ in range(40_000):
            truth = random.gauss(known.score, known.deviation)
            seen = truth + random.gauss(0, sqrt(noise))
            share = known.deviation**2 / (known.deviation**2 + noise)
            after = known.score + share * (seen - known.score)
            gained += (truth - bar) * ((after > bar) - (known.score > bar))
        assert isclose(gained / 40_000, worth_of_reading(known, bar, noise), abs_tol=0.006)


def test_what_is_known_exactly_is_above_at_or_below() -> None:
    exact = [Known(score, 0.0) for score in (5.0, 4.0, 4.0, 1.0)]
    assert [chance(each, 4.0) for each in exact] == [1.0, 0.5, 0.5, 0.0]
    assert 1.0 < bar_for(exact, 3) <= 4.0
    assert worth_of_reading(exact[0], 4.0, 1.0) == 0.0


@pytest.mark.parametrize(("above", "grey", "below"), [(0.05, False, True), (0.1, True, False), (0.95, False, False)])
def test_the_grey_area(above: float, *, grey: bool, below: bool) -> None:
    assert (in_grey(above), clearly_below(above)) == (grey, below)
