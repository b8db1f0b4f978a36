"""Calibrated scores: how many of the best they find beside raw means and z-scores, and what 20,000 cost."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from math import fsum, sqrt
from random import Random
from typing import TYPE_CHECKING, Any

from matsapply.rules.calibration import USUAL as NIPS_2014, Score, calibrate

if TYPE_CHECKING:
    import argparse

APPLICATIONS, READERS, EACH, TOP = 600, 30, 3, 60
REPEATED = 40


def arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def run(_arguments: argparse.Namespace) -> dict[str, Any]:
    """Precision is the share of the truly best 60 among the 60 with the highest scores, averaged over seeds."""
    found: dict[str, list[float]] = defaultdict(list)
    for seed in range(REPEATED):
        truth, scores = simulated(Random(seed), APPLICATIONS, READERS)
        best = _top(truth)
        ways = {
            "raw": _means(scores),
            "z": _means(_standardised(scores)),
            "calibrated": {key: each.score for key, each in calibrate(scores).scores.items()},
        }
        for name, by in ways.items():
            found[name].append(len(best & _top(by)) / TOP)
    result: dict[str, Any] = {f"precision_{name}": fsum(values) / REPEATED for name, values in found.items()}
    _, many = simulated(Random(0), 20_000, 100)
    started, used = time.perf_counter(), time.process_time()
    calibrate(many)
    result["seconds_20000"] = round(time.perf_counter() - started, 3)
    result["cpu_seconds_20000"] = round(time.process_time() - used, 3)
    for name, value in result.items():
        sys.stdout.write(f"{name}: {value:.4f}\n")
    return result


def simulated(random: Random, applications: int, readers: int) -> tuple[dict[int, float], list[Score]]:
    """Each application goes to three readers, each reader gets as many as any other."""
    truth = {key: random.gauss(0, sqrt(NIPS_2014.quality)) for key in range(applications)}
    severity = [random.gauss(0, sqrt(NIPS_2014.severity)) for _ in range(readers)]
    scores = []
    for key, quality in truth.items():
        for reader in random.sample(range(readers), EACH):
            scores.append((key, reader, 5 + quality + severity[reader] + random.gauss(0, sqrt(NIPS_2014.noise))))
    return truth, scores


def _means(scores: list[Score]) -> dict[int, float]:
    values: dict[int, list[float]] = defaultdict(list)
    for key, _, value in scores:
        values[key].append(value)
    return {key: fsum(each) / len(each) for key, each in values.items()}


def _standardised(scores: list[Score]) -> list[Score]:
    """Each score as its reader's own distance from their mean, in their own standard deviations."""
    values: dict[int, list[float]] = defaultdict(list)
    for _, reader, value in scores:
        values[reader].append(value)
    means = {reader: fsum(each) / len(each) for reader, each in values.items()}
    spreads = {
        reader: sqrt(fsum((value - means[reader]) ** 2 for value in each) / len(each)) or 1.0
        for reader, each in values.items()
    }
    return [(key, reader, (value - means[reader]) / spreads[reader]) for key, reader, value in scores]


def _top(by: dict[int, float]) -> set[int]:
    return set(sorted(by, key=lambda key: (-by[key], key))[:TOP])
