"""The public MIDL instance: the greatest total affinity under the highest floor. Needs ``--data``, its folder."""

from __future__ import annotations

import csv
import sys
import time
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.servers import BenchmarkFailed
from matsapply.platform.solver import exact_solver
from matsapply.rules.auction import served_by
from matsapply.rules.exchange import Task
from matsapply.rules.fairness import solve

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="the folder with scores.csv, readers_per_paper.csv and max_load.csv")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rows of the file are reviewers; a paper's score is the sum over its readers."""
    folder = arguments.data
    if folder is None:
        sys.stdout.write("midl: skipped, no --data given\n")
        return {}
    try:
        by_reviewer = _numbers(folder / "scores.csv")
        readers = [int(row[0]) for row in _numbers(folder / "readers_per_paper.csv")]
        loads = [int(row[0]) for row in _numbers(folder / "max_load.csv")]
    except (OSError, ValueError) as error:
        raise BenchmarkFailed(f"the data cannot be read: {error}") from error
    values = [list(paper) for paper in zip(*by_reviewer, strict=True)]
    task = Task(values, readers, loads, [0] * len(loads))
    exact = exact_solver()
    found: dict[str, Any] = {}
    for which, solver in (("_without_solver", None), ("", exact)):
        if not which and solver is None:
            sys.stdout.write("the optional solver is not installed: the plan is the one without it\n")
        started, used = time.perf_counter(), time.process_time()
        sale = solve(task, floor=True, exact=solver)
        seconds, processor = time.perf_counter() - started, time.process_time() - used
        served = served_by(values, sale)
        sys.stdout.write(f"sum {fsum(served):.6f} (none above {sale.bound:.6f}), floor {min(served):.6f} ")
        sys.stdout.write(f"(none above {sale.aim:.6f}), {seconds:.2f} s ({processor:.2f} s of processor time)\n")
        found |= {
            f"sum{which}": fsum(served),
            f"floor{which}": min(served),
            f"seconds{which}": round(seconds, 3),
            f"cpu_seconds{which}": round(processor, 3),
            f"bound{which}": sale.bound,
        }
    return found


def _numbers(path: Path) -> list[list[float]]:
    with path.open(newline="") as lines:
        return [[float(cell) for cell in row] for row in csv.reader(lines) if row]
