"""Plans of readings against every plan there is: the greatest total, least loads, the floor, the optional solver."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from matsapply.platform import solver
from matsapply.platform.solver import exact_solver
from matsapply.rules.exchange import Task
from matsapply.rules.fairness import solve
from tests.rules.instances import Readers, every, idle, lacking, loads, served, sound, tasks, total

EXACT = exact_solver()  # the tests' requirements hold its package


def sharing(task: Task, readers: Readers) -> int:
    """Lower, the more evenly rows lack what they lack."""
    return sum((number - len(columns)) ** 2 for number, columns in zip(task.wanted, readers, strict=True))


@given(tasks(least=True))
@settings(max_examples=200, deadline=None)
def test_as_many_readings_as_can_be_shared_out_then_the_least_loads_then_the_greatest_total(task: Task) -> None:
    sale = solve(task)
    sound(task, sale)

    def rank(readers: Readers) -> tuple[int, int, int, float]:
        return lacking(task, readers), sharing(task, readers), idle(task, readers), -total(task, readers)

    best, got = min(map(rank, every(task))), rank(sale.readers)
    assert got[:3] == best[:3]
    assert abs(got[3] - best[3]) < 1e-9
    if not got[0] and not got[2]:
        assert abs(sale.bound + got[3]) < 1e-6, "the prices prove that it is the best"


@given(tasks(least=True, roomy=True))
@settings(max_examples=60, deadline=None)
def test_with_the_solver_the_highest_floor_and_the_greatest_total_under_it(task: Task) -> None:
    full = [each for each in every(task) if not lacking(task, each) and not idle(task, each)]
    assume(full and any(task.wanted))
    assert EXACT is not None
    rows = [row for row, number in enumerate(task.wanted) if number]
    best = max((min(served(task, each)[row] for row in rows), total(task, each)) for each in full)
    sale = solve(task, floor=True, exact=EXACT)
    sound(task, sale)
    assert (lacking(task, sale.readers), idle(task, sale.readers)) == (0, 0)
    got = min(served(task, sale.readers)[row] for row in rows)
    assert abs(got - best[0]) < 1e-6
    assert abs(total(task, sale.readers) - best[1]) < 1e-6


@given(tasks(least=True, roomy=True))
@settings(max_examples=60, deadline=None)
def test_without_the_solver_a_floor_never_lowers_the_least_and_the_bounds_hold(task: Task) -> None:
    plain, floored = solve(task), solve(task, floor=True)
    sound(task, floored)
    assert lacking(task, floored.readers) == lacking(task, plain.readers)
    assert idle(task, floored.readers) == idle(task, plain.readers)
    assume(not lacking(task, plain.readers) and any(task.wanted))
    rows = [row for row, number in enumerate(task.wanted) if number]

    def least(readers: Readers) -> float:
        return min(served(task, readers)[row] for row in rows)

    assert least(floored.readers) >= least(plain.readers) - 1e-9
    assert floored.aim is not None
    full = [each for each in every(task) if not lacking(task, each) and not idle(task, each)]
    assert all(least(each) <= floored.aim + 1e-9 for each in full)
    high = [total(task, each) for each in full if least(each) >= floored.aim - 1e-9]
    assert all(value <= floored.bound + 1e-6 for value in high)


def test_the_floor_comes_before_the_total() -> None:
    """The plain best is 1.0 + 0.1; giving way costs 0.1 of the total and lifts the worst from 0.1 to 0.5."""
    task = Task([[1.0, 0.5], [0.5, 0.1]], [1, 1], [1, 1], [0, 0])
    assert solve(task).readers == ((0,), (1,))
    assert solve(task, floor=True).readers == ((1,), (0,))


def test_a_least_load_is_kept_though_it_costs_affinity() -> None:
    task = Task([[0.9, 0.1], [0.8, 0.2], [0.9, 0.3]], [1, 1, 1], [3, 3], [0, 2])
    sale = solve(task)
    assert loads(task, sale.readers) == [1, 2]
    assert sale.readers[0] == (0,)
    assert sale.prices[1] < 0


def test_without_its_package_there_is_no_solver_and_a_plan_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver.util, "find_spec", lambda name: None)
    assert solver.exact_solver() is None
    task = Task([[1.0, 0.5], [0.5, 0.1]], [1, 1], [1, 1], [0, 0])
    assert solve(task, floor=True, exact=solver.exact_solver()).readers == ((1,), (0,))
