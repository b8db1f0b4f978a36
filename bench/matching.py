"""The offer plan: deferred acceptance with its certificate, for a large cohort and for a national admission."""

from __future__ import annotations

import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

from matsapply.rules.matching import Market, SharedSeats, blocking_pairs, match, reasons

if TYPE_CHECKING:
    import argparse

LIST = 12
SIZES = ((2_000, 80), (47_208, 6_626))
TRACKS = 5


def arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def run(_arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds from the market to the matching with its certificate; everybody's reasons are timed beside it. The small
    market also has shared seats (five tracks, and the cohort); the large one has none, as its streams would be
    programmes of their own."""
    found: dict[str, Any] = {"blocking_pairs": 0}
    for applicants, streams in SIZES:
        market = _market(Random(1), applicants, streams, shared=streams < 1_000)
        started, used = time.perf_counter(), time.process_time()
        matching = match(market)
        matched = time.perf_counter() - started
        blocking = blocking_pairs(market, matching)
        seconds, processor = time.perf_counter() - started, time.process_time() - used
        why = reasons(market, matching)
        explained = time.process_time() - used - processor
        placed = sum(1 for _ in matching.placed())
        sys.stdout.write(
            f"{applicants:,} × {streams:,}: {placed:,} placed, {len(blocking)} blocking pairs, "
            f"{matched:.3f} s to match, {seconds:.3f} s with certificate ({processor:.3f} s of processor time); "
            f"{sum(map(len, why)):,} reasons in {explained:.3f} s of processor time\n"
        )
        found["blocking_pairs"] += len(blocking)
        found[f"seconds_{applicants}x{streams}"] = round(seconds, 4)
        found[f"cpu_seconds_{applicants}x{streams}"] = round(processor, 4)
    return found


def _market(random: Random, applicants: int, streams: int, *, shared: bool) -> Market:
    """Popular streams are on more lists; rankings agree in part, as those of readers of the same papers do."""
    popular = [random.random() ** 2 for _ in range(streams)]
    order = sorted(range(streams), key=popular.__getitem__, reverse=True)
    wishes = []
    for _ in range(applicants):
        chosen: dict[int, None] = {}
        while len(chosen) < LIST:
            chosen[order[min(int(random.random() ** 1.5 * streams), streams - 1)]] = None
        wishes.append(list(chosen))
    quality = [random.gauss(0, 1) for _ in range(applicants)]
    candidates: list[list[int]] = [[] for _ in range(streams)]
    for who, list_ in enumerate(wishes):
        for stream in list_:
            candidates[stream].append(who)
    rankings = [sorted(each, key=lambda who: quality[who] + random.gauss(0, 1), reverse=True) for each in candidates]
    seats = [random.randint(1, max(2, applicants // streams)) for _ in range(streams)]
    sets: tuple[SharedSeats, ...] = ()
    if shared:
        size = streams // TRACKS
        sets = tuple(
            SharedSeats(frozenset(range(track * size, (track + 1) * size)), sum(seats) // TRACKS * 3 // 4)
            for track in range(TRACKS)
        )
        sets = (*sets, SharedSeats(frozenset(range(streams)), sum(seats) // 2))
    return Market(wishes, rankings, seats, sets, random.sample(range(applicants), applicants))
