"""What the showcase costs: the list with few and with many papers, a search, a paper's page; and an import of many.

Each request has an address of its own, so that no page that was kept for a moment is measured; numbers over all papers
are kept for half a minute, as in real use. The floor is a fixed page of bare Flask, asked in turns on the same machine.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import count, cycle
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench import site_data
from bench.databases import KINDS, database, settle
from bench.servers import BenchmarkFailed, Browser, serving
from matsapply.cohorts.load import load_cohort
from matsapply.demo import cohort_files
from matsapply.demo.load import PAPERS
from matsapply.platform import clock, migrate, settings as settings_module
from matsapply.platform.db import configure_engine
from matsapply.rules.showcase import LinkConfidence
from matsapply.showcase.file import FellowLink, PaperEntry
from matsapply.showcase.importing import import_papers
from matsapply.showcase.models import Paper
from matsapply.showcase.reading import Reading
from matsapply.showcase.sources import read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

TURNS = 5
REQUESTS = 20  # a turn
WORDS = "lamp boat clock bridge parrot bench sieve map room hall wind plan crew letter river stone glass paper".split()
TOPICS = ("interpretability", "evaluations", "governance", "theory", "security", "control")
STREAMS = ("evals", "mech-interp", "feature-learning", "robustness")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--papers", type=int, default=10_000, help="papers of the long list")
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=KINDS)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """``{"showcase": {database: {action: {"cpu_ms", "floor_cpu_ms", "ratio", "queries"}, "import": …}}}``."""
    return {"showcase": {kind: _measured(kind, asked.papers) for kind in asked.databases}}


def _measured(kind: str, papers: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matsapply-bench-")))
        place = stack.enter_context(database(kind, folder))
        environment = site_data.environment(folder, place.url)
        slugs = _fill(environment, read(PAPERS.read_bytes()))
        few = len(slugs)
        for number in (few, papers):
            if number > few:
                began = time.perf_counter()
                slugs = _fill(environment, Reading("json", made_up(papers - few), read=papers - few))
                found["import"] = {"papers": papers - few, "seconds": round(time.perf_counter() - began, 1)}
            settle(place.url)
            actions = _actions(slugs, number)
            queries = _counted(environment, actions)
            with (
                serving("wsgi:app", environment, "/healthz", place.process) as site,
                serving("bench.floor:create_app()", {"BENCH_DATABASE": place.url}, "/fixed", place.process) as bare,
            ):
                for name, addresses in actions.items():
                    ours: list[float] = []
                    floor: list[float] = []
                    for turn in range(TURNS + 1):  # the first one warms up
                        floor.append(_turn(bare, cycle(["/fixed"])))
                        ours.append(_turn(site, addresses()))
                        if not turn:
                            ours.clear()
                            floor.clear()
                    found[name] = {
                        "cpu_ms": round(median(ours), 3),
                        "floor_cpu_ms": round(median(floor), 3),
                        "ratio": round(median(ours) / median(floor), 2),
                        "queries": queries[name],
                    }
                    _say(f"{kind:<12}{name:<28}{found[name]}")
    return found


def _actions(slugs: list[str], number: int) -> dict[str, Callable[[], Iterator[str]]]:
    fresh = count()

    def each(*addresses: str) -> Callable[[], Iterator[str]]:
        def one_by_one() -> Iterator[str]:
            for address in cycle(addresses):
                yield f"{address}{'&' if '?' in address else '?'}n={next(fresh)}"

        return one_by_one

    return {
        f"list_{number}": each("/showcase"),
        f"filtered_{number}": each("/showcase?topic=interpretability", "/showcase?topic=theory&year=2024"),
        f"search_{number}": each("/showcase?q=lamp+bridge", "/showcase?q=nanda"),
        f"misspelt_{number}": each("/showcase?q=autoencodre", "/showcase?q=interpretabilty"),
        f"paper_{number}": each(*(f"/showcase/{slug}" for slug in slugs[:200])),
        f"map_{number}": each("/showcase/map"),
    }


def _counted(environment: dict[str, str], actions: dict[str, Callable[[], Iterator[str]]]) -> dict[str, int]:
    with serving("bench.counted:app", environment, "/healthz") as server:
        visitor = Browser(server.port)
        found = {}
        for name, addresses in actions.items():
            answers = [visitor.request("GET", address) for address, _ in zip(addresses(), range(2), strict=False)]
            if any(answer.status != 200 for answer in answers):
                raise BenchmarkFailed(f"{name} answers {[answer.status for answer in answers]}")
            found[name] = int(answers[-1].headers["X-Queries"])
        visitor.close()
        return found


def _turn(server: Any, addresses: Iterator[str]) -> float:
    visitor = Browser(server.port)
    began = server.cpu()
    for address, _ in zip(addresses, range(REQUESTS), strict=False):
        answer = visitor.request("GET", address)
        if answer.status != 200:
            raise BenchmarkFailed(f"{address} answers {answer.status}")
    used: float = server.cpu() - began
    visitor.close()
    return 1000 * used / REQUESTS


def _fill(environment: dict[str, str], reading: Reading) -> list[str]:
    """Import the papers (and, the first time, the demo's cohorts); the addresses of all papers there are."""
    settings = settings_module.load(environment)
    migrate.upgrade(settings.database)
    clock.DemoClock(settings.data / "demo-clock").move_to(cohort_files.START)
    engine = sa.create_engine(settings.database)
    configure_engine(engine)
    with Session(engine) as session, session.begin():
        if not session.scalar(sa.select(sa.func.count()).select_from(Paper)):
            for _, file in cohort_files.files():
                load_cohort(session, file, cohort_files.START)
        import_papers(session, reading, False, cohort_files.START, confirmed=True)
        slugs = list(session.scalars(sa.select(Paper.slug).order_by(Paper.id)))
    engine.dispose()
    return slugs


def made_up(number: int) -> tuple[PaperEntry, ...]:
    """Papers of invented people on invented things, the same each time."""
    draw = random.Random(5)
    found = []
    for place in range(number):
        authors = tuple(dict.fromkeys(f"Author {draw.randrange(number // 4 + 10)}" for _ in range(draw.randint(2, 9))))
        title = f"{' '.join(draw.sample(WORDS, 5)).capitalize()}, part {place}"
        found.append(
            PaperEntry(
                title=title,
                summary=f"{' '.join(draw.choices(WORDS, k=14)).capitalize()}.",
                authors=authors,
                fellows=(FellowLink(authors[0], authors[0], "exact", LinkConfidence.CERTAIN),),
                published=date(2020, 1, 1) + timedelta(days=draw.randrange(2000)),
                arxiv_id=None,
                url=f"https://example.org/{place}",
                topic=draw.choice(TOPICS),
                track="empirical",
                streams=tuple(draw.sample(STREAMS, 2)),
                seed_no=1000 + place,
                abstract=" ".join(draw.choices(WORDS, k=120)),
                given=frozenset(PaperEntry.__dataclass_fields__),
            )
        )
    return tuple(found)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
