"""The public MIDL instance: the greatest total affinity under the highest floor. Needs ``--data``, its folder."""

from __future__ import annotations

import csv
import sys
import time
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.servers import BenchmarkFailed
from matsapply.rules.auction import fair

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
    started = time.perf_counter()
    sale = fair(values, readers, loads, floor=True)
    seconds = time.perf_counter() - started
    served = [fsum(row[column] for column in columns) for row, columns in zip(values, sale.readers, strict=True)]
    sys.stdout.write(
        f"sum {fsum(served):.4f} (none above {sale.bound:.4f}), floor {min(served):.4f}, {seconds:.2f} s\n"
    )
    return {"sum": fsum(served), "floor": min(served), "seconds": round(seconds, 3), "bound": sale.bound}


def _numbers(path: Path) -> list[list[float]]:
    with path.open(newline="") as lines:
        return [[float(cell) for cell in row] for row in csv.reader(lines) if row]
