"""The optional solver (``pip install matsapply[solver]``): HiGHS makes a plan under a floor exact.

The model and its proof are ours (``rules.fairness``); what is handed over is what they leave open. Pairs that no better
plan can hold or lack are settled by their reduced cost beforehand (the bound of the Lagrangian relaxation, less what
the pair loses against it, is below what is already reached), which takes nearly all of them away.
Without the package every plan is made all the same, and tells how near to the best it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import nlargest
from importlib import import_module, util
from math import fsum, inf
from typing import TYPE_CHECKING, Any

from matsapply.rules.auction import BARRED, served_by, spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matsapply.rules.auction import Sale
    from matsapply.rules.exchange import Task
    from matsapply.rules.fairness import Exact

PACKAGE = "highspy"
SECONDS = 10.0  # for one run of the solver; then the plan that is near the best stands
MOST_PAIRS = 25_000  # open pairs beyond which a run would not end in time
SLACK = 1e-9  # of what affinities differ by: floors are compared with it


def exact_solver() -> Exact | None:
    """The solver where its package is installed. It is loaded only when it is used."""
    return solve_under_floor if util.find_spec(PACKAGE) else None


def solve_under_floor(task: Task, near: Sale) -> Sale | None:
    """The highest floor, and under it the greatest total; None where no such proof was found in time.

    ``near`` is a plan under the floor reached so far, with the prices and weights that bound it.
    """
    rows = [row for row, columns in enumerate(near.readers) if columns and len(columns) == task.wanted[row]]
    if near.aim is None or not rows:
        return None
    slack = SLACK * spread_of(task.values)
    served = served_by(task.values, near)
    if min(served[row] for row in rows) >= near.aim - slack:
        choice = _settle(task, near, fsum(served))
        found = _run(task, choice, dict.fromkeys(rows, near.aim - slack))
    else:
        choice = _all_open(task, near)
        highest = _highest(task, choice, rows)
        found = None if highest is None else _run(task, choice, dict.fromkeys(rows, highest - slack))
    if found is None:
        return None
    sale = replace(near, readers=found)
    return replace(sale, bound=fsum(served_by(task.values, sale)))


@dataclass
class _Choice:
    """What is settled (the columns each row has for certain) and what is open, as (row, column) pairs."""

    settled: list[set[int]]
    open: list[tuple[int, int]] = field(default_factory=list)


def _settle(task: Task, near: Sale, total: float) -> _Choice:
    """Settle every pair whose opposite would bring the bound below what is reached already."""
    gap = near.bound - total + SLACK * spread_of(task.values)
    choice = _Choice([set() for _ in task.values])
    for row, (values, number) in enumerate(zip(task.values, task.wanted, strict=True)):
        if not number:
            continue
        weight = near.weights[row]
        net = [value * weight - price for value, price in zip(values, near.prices, strict=True)]
        best = nlargest(number + 1, net)
        last, following = (best[number - 1], best[number]) if len(best) > number else (best[-1], BARRED)
        for column, worth in enumerate(net):
            if worth == BARRED:
                continue
            if worth >= last and worth - following > gap:
                choice.settled[row].add(column)
            elif last - worth <= gap:
                choice.open.append((row, column))
    return choice


def _all_open(task: Task, near: Sale) -> _Choice:
    """Every pair is open, of the rows that have readers; the others keep what they have."""
    choice = _Choice([set(columns) for columns in near.readers])
    for row, columns in enumerate(near.readers):
        if columns and len(columns) == task.wanted[row]:
            choice.settled[row] = set()
            choice.open.extend((row, column) for column, value in enumerate(task.values[row]) if value > BARRED)
    return choice


def _run(task: Task, choice: _Choice, floors: dict[int, float]) -> tuple[tuple[int, ...], ...] | None:
    """The greatest total over the open pairs, each row of ``floors`` at its floor."""
    if not choice.open:
        return tuple(tuple(sorted(columns)) for columns in choice.settled)
    costs = [task.values[row][column] for row, column in choice.open]
    found = _solve(task, choice, costs, floors, None)
    return None if found is None else _readers(choice, found[1])


def _highest(task: Task, choice: _Choice, rows: Sequence[int]) -> float | None:
    """The highest floor that all of ``rows`` can have together."""
    found = _solve(task, choice, [0.0] * len(choice.open), {}, rows)
    if found is None:
        return None
    served = [
        fsum(task.values[row][column] for column in columns) for row, columns in enumerate(_readers(choice, found[1]))
    ]
    return min(served[row] for row in rows)


def _readers(choice: _Choice, picked: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    readers = [set(columns) for columns in choice.settled]
    for (row, column), value in zip(choice.open, picked, strict=False):
        if value > 0.5:
            readers[row].add(column)
    return tuple(tuple(sorted(columns)) for columns in readers)


def _solve(
    task: Task, choice: _Choice, costs: Sequence[float], floors: dict[int, float], raised: Sequence[int] | None
) -> tuple[float, Sequence[float]] | None:
    """One run of HiGHS; ``raised``: rows whose least is what is to be greatest, by one variable more."""
    if len(choice.open) > MOST_PAIRS:
        return None
    highspy: Any = import_module(PACKAGE)
    model = highspy.Highs()
    model.silent()
    for option, value in (
        ("threads", 1), ("random_seed", 0), ("time_limit", SECONDS),
        ("mip_rel_gap", 0.0), ("mip_abs_gap", 1e-9), ("mip_feasibility_tolerance", 1e-9),
        ("primal_feasibility_tolerance", 1e-9),
    ):  # fmt: skip
        model.setOptionValue(option, value)
    model.changeObjectiveSense(highspy.ObjSense.kMaximize)
    for cost in costs:
        model.addVar(0.0, 1.0)
        model.changeColCost(model.getNumCol() - 1, cost)
        model.changeColIntegrality(model.getNumCol() - 1, highspy.HighsVarType.kInteger)
    for low, high, where, factors in _constraints(task, choice, floors):
        model.addRow(low, high, len(where), where, factors)
    if raised is not None:
        spread = spread_of(task.values) * max(task.wanted)
        model.addVar(-spread, spread)
        floor = model.getNumCol() - 1
        model.changeColCost(floor, 1.0)
        for row in raised:
            own = [place for place, (other, _) in enumerate(choice.open) if other == row]
            values = [task.values[row][choice.open[place][1]] for place in own]
            settled = fsum(task.values[row][column] for column in choice.settled[row])
            model.addRow(-settled, inf, len(own) + 1, [*own, floor], [*values, -1.0])
    model.run()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return model.getInfo().objective_function_value, list(model.getSolution().col_value)


def _constraints(
    task: Task, choice: _Choice, floors: dict[int, float]
) -> list[tuple[float, float, list[int], list[float]]]:
    """As many readers as each row wants, as many rows as each column takes, and the floors of rows that are open."""
    by_row: dict[int, list[int]] = {}
    by_column: dict[int, list[int]] = {}
    for place, (row, column) in enumerate(choice.open):
        by_row.setdefault(row, []).append(place)
        by_column.setdefault(column, []).append(place)
    taken = [0] * len(task.room)
    for columns in choice.settled:
        for column in columns:
            taken[column] += 1
    made = []
    for row, places in by_row.items():
        missing = float(task.wanted[row] - len(choice.settled[row]))
        made.append((missing, missing, places, [1.0] * len(places)))
        if row in floors:
            settled = fsum(task.values[row][column] for column in choice.settled[row])
            values = [task.values[row][choice.open[place][1]] for place in places]
            made.append((floors[row] - settled, inf, places, values))
    for column, places in by_column.items():
        least, most = task.least[column] - taken[column], task.room[column] - taken[column]
        made.append((float(max(0, least)), float(most), places, [1.0] * len(places)))
    return made
