"""What a request costs: CPU of the web server and the database, and queries, for each action of the real roles.

The real site and a bare Flask application run side by side on the same data, each behind gunicorn with one worker. They
are asked in turns, and the middle of the turns counts, so that a busy moment of the machine falls on both.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import site_data
from bench.databases import KINDS, database, settle
from bench.servers import BenchmarkFailed, serving
from bench.visits import Visit, floors, visits

if TYPE_CHECKING:
    import argparse

    from bench.databases import Place
    from bench.servers import Server

HEAVY_REQUESTS = 2  # a turn
ONLY_IN_THE_TABLE = frozenset({"public_home_304"})


@dataclass(slots=True)
class Line:
    """One action: CPU milliseconds a request, ours and the floor's, by turns."""

    visit: Visit
    queries: int
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, float | int]:
        ours, floor = median(self.ours), median(self.floor)
        return {
            "cpu_ms": round(ours, 3),
            "floor_cpu_ms": round(floor, 3),
            "ratio": round(ours / floor, 2),
            "queries": self.queries,
        }


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--applications", type=int, default=5000, help="submitted ones; each has three reviews")
    parser.add_argument("--reviewers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="turns of the site and of the floor")
    parser.add_argument("--requests", type=int, default=20, help="requests a turn")
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=KINDS)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """``{"actions": {database: {action: {"cpu_ms", "floor_cpu_ms", "ratio", "queries"}}}}``."""
    found = {kind: _measured(kind, asked) for kind in asked.databases}
    return {
        "actions": {
            kind: {line.visit.name: line.numbers for line in lines if line.visit.name not in ONLY_IN_THE_TABLE}
            for kind, lines in found.items()
        }
    }


def _measured(kind: str, asked: argparse.Namespace) -> list[Line]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matsapply-bench-")))
        place = stack.enter_context(database(kind, folder))
        environment = site_data.environment(folder, place.url)
        data = site_data.fill(environment, asked.applications, asked.reviewers)
        settle(place.url)
        say(f"\n{kind}: {data.applications:,} applications, {data.reviews:,} reviews, {data.queue} rows in the queue")
        lines = _counted(environment, data)
        memory = _timed(place, environment, data, lines, asked)
    _print(lines)
    say(f"the site's largest process grew to {memory / 2**20:.0f} MB")
    return lines


def _counted(environment: dict[str, str], data: site_data.Filled) -> list[Line]:
    """A first pass over every action, on the same site with a counter of statements in it."""
    lines = []
    with serving("bench.counted:app", environment, "/healthz") as server:
        for visit in visits(server.port, data):
            for _ in range(2):  # the first one may fill a cache
                if visit.before is not None:
                    visit.before()
                answer = visit.request()
            lines.append(Line(visit, int(answer.headers["X-Queries"])))
    return lines


def _timed(
    place: Place, environment: dict[str, str], data: site_data.Filled, lines: list[Line], asked: argparse.Namespace
) -> int:
    bare_environment = {"BENCH_DATABASE": place.url}
    with (
        serving("wsgi:app", environment, "/healthz", place.process) as site,
        serving("bench.floor:create_app()", bare_environment, "/fixed", place.process) as bare,
    ):
        bare_pages = floors(bare.port)
        for line, visit in zip(lines, visits(site.port, data), strict=True):
            floor = bare_pages[visit.floor]
            requests = HEAVY_REQUESTS if visit.heavy else asked.requests
            for each in (visit, floor):  # warm: code, templates, connections
                _turn(site if each is visit else bare, each, 1 if visit.heavy else 3)
            for _ in range(asked.rounds):
                line.floor.append(_turn(bare, floor, requests))
                line.ours.append(_turn(site, visit, requests))
        return site.peak_memory()


def _turn(server: Server, visit: Visit, requests: int) -> float:
    """CPU milliseconds a request, over so many requests."""
    workers = server.workers()
    used = 0.0
    if visit.before is None:
        began = server.cpu()
        for _ in range(requests):
            visit.request()
        used = server.cpu() - began
    else:
        for _ in range(requests):
            visit.before()
            began = server.cpu()
            visit.request()
            used += server.cpu() - began
    if server.workers() != workers:
        raise BenchmarkFailed(f"{visit.name}: a process of the server was replaced while it was measured")
    return 1000 * used / requests


def _print(lines: list[Line]) -> None:
    say(f"{'action':<22}{'CPU ms':>9}{'floor':>9}{'ratio':>8}{'goal':>7}{'queries':>9}  floor page")
    for line in lines:
        numbers, goal = line.numbers, line.visit.goal
        missed = "" if numbers["ratio"] <= goal else "  over the goal"
        say(
            f"{line.visit.name:<22}{numbers['cpu_ms']:>9.2f}{numbers['floor_cpu_ms']:>9.2f}{numbers['ratio']:>8.2f}"
            f"{goal:>7.1f}{line.queries:>9}  {line.visit.floor}{missed}"
        )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
