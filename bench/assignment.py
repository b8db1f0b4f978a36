"""Who reads what: 5,000 applications × 3 readers × 100 reviewers, and how near the best plan it comes."""

from __future__ import annotations

import sys
import time
from math import fsum
from random import Random
from typing import TYPE_CHECKING, Any

from matsapply.platform.solver import exact_solver
from matsapply.rules.auction import BARRED, served_by
from matsapply.rules.exchange import Task
from matsapply.rules.fairness import solve

if TYPE_CHECKING:
    import argparse

APPLICATIONS, READERS, REVIEWERS, LOAD = 5_000, 3, 100, 155
CONFLICTS = 0.05
TOPICS = 8


def arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def run(_arguments: argparse.Namespace) -> dict[str, Any]:
    """The plan of greatest total, with the optional solver at hand and without it.

    Without a floor the problem is a flow, which our own exchanges solve to the end: the solver has nothing left to do
    and is handed over for the sake of the measure. The shares are of a bound no plan exceeds: they never flatter.
    """
    found: dict[str, Any] = {}
    exact = exact_solver()
    for name, values in (("uniform", _uniform(Random(1))), ("topics", _topics(Random(1)))):
        task = Task(values, [READERS] * APPLICATIONS, [LOAD] * REVIEWERS, [0] * REVIEWERS)
        for which, solver in (("", exact), ("_without_solver", None)):
            if not which and solver is None:
                sys.stdout.write("the optional solver is not installed\n")
            started, used = time.perf_counter(), time.process_time()
            sale = solve(task, exact=solver)
            seconds, processor = time.perf_counter() - started, time.process_time() - used
            placed = sum(map(len, sale.readers))
            if placed != READERS * APPLICATIONS:
                raise AssertionError(f"only {placed} readings were placed")
            total = fsum(served_by(values, sale))
            share = min(1.0, total / sale.bound)
            sys.stdout.write(f"{name:8}{which:16} {seconds:.2f} s ({processor:.2f} s of processor time), ")
            sys.stdout.write(f"sum {total:.6f}, at least {share:.10%} of the optimum\n")
            prefix = "" if name == "uniform" else f"{name}_"
            found[f"{prefix}seconds{which}"] = round(seconds, 3)
            found[f"{prefix}cpu_seconds{which}"] = round(processor, 3)
            found[f"{prefix}share{which or '_of_optimum'}"] = share
    return found


def _uniform(random: Random) -> list[list[float]]:
    """Affinities that have nothing to do with each other."""
    return [
        [BARRED if random.random() < CONFLICTS else random.random() for _ in range(REVIEWERS)]
        for _ in range(APPLICATIONS)
    ]


def _topics(random: Random) -> list[list[float]]:
    """Affinities by shared topics: some reviewers suit most applications, so that many want the same few."""
    reviewers = [[random.random() ** 2 for _ in range(TOPICS)] for _ in range(REVIEWERS)]
    rows = []
    for _ in range(APPLICATIONS):
        own = [random.random() ** 3 for _ in range(TOPICS)]
        rows.append(
            [
                BARRED
                if random.random() < CONFLICTS
                else fsum(a * b for a, b in zip(own, other, strict=True)) / TOPICS + 0.05 * random.random()
                for other in reviewers
            ]
        )
    return rows
