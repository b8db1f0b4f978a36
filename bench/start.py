"""How long a process takes from its start to its first answer, beside one of Flask and SQLAlchemy alone."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import site_data
from bench.servers import serving
from matsapply.platform import migrate, settings as settings_module

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """``{"seconds", "cpu_seconds", "floor_seconds", "floor_cpu_seconds", "ratio"}``; the ratio is that of the CPU."""
    with tempfile.TemporaryDirectory(prefix="matsapply-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        environment = site_data.environment(Path(folder), url)
        migrate.upgrade(settings_module.load(environment).database)
        ours, bare = [], []
        for number in range(asked.rounds + 1):
            pair = _start("wsgi:app", environment, "/"), _start("bench.bare:app", {}, "/")
            if number:  # the first one writes the compiled modules
                ours.append(pair[0])
                bare.append(pair[1])
    found = {
        "seconds": round(median(each[0] for each in ours), 3),
        "cpu_seconds": round(median(each[1] for each in ours), 3),
        "floor_seconds": round(median(each[0] for each in bare), 3),
        "floor_cpu_seconds": round(median(each[1] for each in bare), 3),
    }
    found["ratio"] = round(found["cpu_seconds"] / found["floor_cpu_seconds"], 2)
    sys.stdout.write(
        f"first answer after {found['seconds']:.2f} s ({found['cpu_seconds']:.2f} s of CPU); Flask and SQLAlchemy alone"
        f" {found['floor_seconds']:.2f} s ({found['floor_cpu_seconds']:.2f} s): {found['ratio']:.2f} times, goal 1.5\n"
    )
    return found


def _start(target: str, environment: dict[str, str], page: str) -> tuple[float, float]:
    """Seconds and CPU seconds from starting the server to its first answer."""
    began = time.perf_counter()
    with serving(target, environment, page) as server:
        seconds = time.perf_counter() - began
        return seconds, server.cpu()
