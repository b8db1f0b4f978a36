"""The auction against every possible set of readings, its bound, the floor, and plans that move little."""

from __future__ import annotations

from itertools import combinations, product
from math import fsum

from hypothesis import assume, given, settings, strategies as st

from matsapply.rules.assignment import assign, change
from matsapply.rules.auction import BARRED, Sale, auction

Instance = tuple[list[list[float]], list[int], list[int]]
STEP = 1e-6


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    value = st.one_of(st.just(BARRED), st.integers(0, 8).map(lambda number: number / 8))
    values = [[draw(value) for _ in range(columns)] for _ in range(rows)]
    return values, [draw(st.integers(0, 2)) for _ in range(rows)], [draw(st.integers(0, 3)) for _ in range(columns)]


def total(values: list[list[float]], readers: tuple[tuple[int, ...], ...]) -> float:
    return fsum(row[column] for row, columns in zip(values, readers, strict=True) for column in columns)


def every(instance: Instance) -> list[tuple[tuple[int, ...], ...]]:
    """Every way to give each row as many columns as it wants within the room there is."""
    values, wanted, room = instance
    choices = [
        list(combinations([column for column, value in enumerate(row) if value > BARRED], number))
        for row, number in zip(values, wanted, strict=True)
    ]
    return [
        picked
        for picked in product(*choices)
        if all(sum(column in columns for columns in picked) <= most for column, most in enumerate(room))
    ]


def sound(instance: Instance, sale: Sale) -> None:
    values, wanted, room = instance
    for row, number, columns in zip(values, wanted, sale.readers, strict=True):
        assert len(set(columns)) == len(columns) <= number
        assert all(row[column] > BARRED for column in columns)
    for column, most in enumerate(room):
        assert sum(column in columns for columns in sale.readers) <= most


@given(instances())
@settings(max_examples=200)
def test_no_set_of_readings_is_better_than_the_bound_and_a_full_sale_is_the_best(instance: Instance) -> None:
    values, wanted, _ = instance
    sale = auction(*instance, STEP)
    sound(instance, sale)
    possible = every(instance)
    assume(possible)
    best = max(total(values, picked) for picked in possible)
    assert best <= sale.bound + 1e-9
    if [len(columns) for columns in sale.readers] == wanted:
        # Values are eighths: a plan within a sixteenth of the best one is the best one.
        got = total(values, sale.readers)
        assert got <= best + 1e-9
        assert sale.bound - got > 1 / 16 or got >= best - 1e-9


@given(instances())
@settings(max_examples=100)
def test_with_room_enough_everybody_gets_what_they_like_best(instance: Instance) -> None:
    values, wanted, _ = instance
    room = [len(values)] * len(values[0])
    sale = auction(values, wanted, room, STEP)
    for row, number, columns in zip(values, wanted, sale.readers, strict=True):
        liked = sorted((value for value in row if value > BARRED), reverse=True)[:number]
        assert sorted((row[column] for column in columns), reverse=True) == liked
    assert abs(sale.bound - total(values, sale.readers)) < 1e-4


def test_what_two_like_best_goes_where_it_is_worth_most() -> None:
    sale = auction([[0.9, 0.8], [0.9, 0.1]], [1, 1], [1, 1], STEP)
    assert sale.readers == ((1,), (0,))
    assert abs(sale.bound - 1.7) < 1e-4


# --- moving as little as possible -------------------------------------------------------------------------------------

PEOPLE = [1, 2, 3, 4, 5]
FILES = list(range(100, 112))


def first_plan(seed: int = 3) -> set[tuple[int, int]]:
    return set(assign(FILES, PEOPLE, None, (), 2, dict.fromkeys(PEOPLE, 8), seed).pairs)


def test_nothing_new_moves_nothing() -> None:
    before = first_plan()
    after = assign(FILES, PEOPLE, None, (), 2, dict.fromkeys(PEOPLE, 8), 3, current=before, removal_price=1.0)
    assert set(after.pairs) == before
    found = change(after, before)
    assert (found.added, found.removed, found.stayed) == ((), (), len(before))


def test_new_applications_leave_the_others_where_they_are() -> None:
    before = first_plan()
    more = [*FILES, 200, 201, 202]
    after = assign(more, PEOPLE, None, (), 2, dict.fromkeys(PEOPLE, 8), 3, current=before, removal_price=1.0)
    found = change(after, before)
    assert found.removed == ()
    assert {application for application, _ in found.added} == {200, 201, 202}
    assert not after.unplaced


def test_a_reviewer_who_leaves_takes_only_their_own_readings_along() -> None:
    before = first_plan()
    caps = dict.fromkeys(PEOPLE, 9)
    after = assign(FILES, PEOPLE[1:], None, (), 2, caps, 3, current=before, removal_price=1.0)
    found = change(after, before)
    assert set(found.removed) == {pair for pair in before if pair[1] == 1}
    assert len(found.added) == len(found.removed)
    assert not after.unplaced


def test_a_low_price_gives_way_to_affinity_and_a_high_one_does_not() -> None:
    affinity = {(100, 1): 0.2, (100, 2): 0.9}
    caps = {1: 5, 2: 5}
    low = assign([100], [1, 2], affinity, (), 1, caps, 0, current={(100, 1)}, removal_price=0.1)
    high = assign([100], [1, 2], affinity, (), 1, caps, 0, current={(100, 1)}, removal_price=1.0)
    assert (low.pairs, high.pairs) == (((100, 2),), ((100, 1),))


def test_a_plan_says_whom_it_serves_least_and_how_good_it_could_be() -> None:
    affinity = {(100, 1): 0.9, (101, 1): 0.8, (101, 2): 0.3, (102, 2): 0.6}
    plan = assign([100, 101, 102], [1, 2], affinity, (), 1, {1: 2, 2: 2}, 0, even=False)
    assert abs(plan.total - 2.3) < 1e-9
    assert plan.bound is not None
    assert plan.total <= plan.bound + 1e-9
    assert abs(plan.bound - plan.total) < 1e-3
    assert plan.floor == 0.6
    assert change(plan, (), affinity, most=2).worst == ((102, 0.6), (101, 0.8))
