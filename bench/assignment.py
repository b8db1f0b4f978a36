"""Who reads what: 5,000 applications × 3 readers × 100 reviewers, and how near the best plan it comes."""

from __future__ import annotations

import sys
import time
from math import fsum
from random import Random
from typing import TYPE_CHECKING, Any

from matsapply.rules.auction import BARRED, FINE, auction

if TYPE_CHECKING:
    import argparse

APPLICATIONS, READERS, REVIEWERS, LOAD = 5_000, 3, 100, 155
CONFLICTS = 0.05
TOPICS = 8
COARSE = 1e-3


def arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def run(_arguments: argparse.Namespace) -> dict[str, Any]:
    """Both are our own auction in pure Python: with steps so fine that the result is the best one, and coarser. The
    shares are of a bound that no plan exceeds, so they never flatter."""
    found: dict[str, Any] = {}
    for name, values in (("uniform", _uniform(Random(1))), ("topics", _topics(Random(1)))):
        for which, step in (("", FINE), ("_without_solver", COARSE)):
            started, used = time.perf_counter(), time.process_time()
            sale = auction(values, [READERS] * APPLICATIONS, [LOAD] * REVIEWERS, step)
            seconds, processor = time.perf_counter() - started, time.process_time() - used
            placed = sum(map(len, sale.readers))
            if placed != READERS * APPLICATIONS:
                raise AssertionError(f"only {placed} readings were placed")
            total = fsum(row[column] for row, columns in zip(values, sale.readers, strict=True) for column in columns)
            share = min(1.0, total / sale.bound)
            sys.stdout.write(f"{name:8} step {step:g}: {seconds:.2f} s ({processor:.2f} s of processor time), ")
            sys.stdout.write(f"at least {share:.7%} of the optimum\n")
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
