"""The readings of greatest total affinity, by an auction: applications bid for reviewers, whose prices rise.

After D. P. Bertsekas, "The auction algorithm: a distributed relaxation method for the assignment problem", Annals of
Operations Research 14 (1988), for several like places at each reviewer and several readers for each application. Every
reading lies within ``step`` of what its application would choose at the final prices, so the total is within ``step``
times the number of readings of the best one. The prices also bound the best total from above, which tells how good the
result is without knowing the best.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappush, heapreplace, nlargest
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BARRED = float("-inf")
# An application stops bidding when even its best reviewer has become this many times dearer than affinities differ:
# then so many want so few that only exchanges can tell who goes without.
PATIENCE = 4.0
# Where several want too few alike places, they would outbid each other by the least step for ever: a row's own step
# doubles with each so many bids. What that costs in exactness shows in the bound.
CALM = 32
FINE = 1e-6  # of what affinities differ by: the step of an auction whose result is meant to be the best


@dataclass(frozen=True, slots=True)
class Sale:
    """``readers[i]`` are the places of the reviewers that row i won; ``prices`` by reviewer; ``bound``: no set of
    readings has a greater total, where every row got as many as it wanted.

    Under a floor, ``aim`` is a floor that none exceeds, and ``weights`` by row are what its values counted for."""

    readers: tuple[tuple[int, ...], ...]
    prices: tuple[float, ...]
    bound: float
    weights: tuple[float, ...] = ()
    aim: float | None = None


def auction(values: Sequence[Sequence[float]], wanted: Sequence[int], room: Sequence[int], step: float) -> Sale:
    """Give row i ``wanted[i]`` different columns, column j to at most ``room[j]`` rows, for the greatest total.

    ``values[i][j]`` is the affinity, ``BARRED`` where the pair must not be. ``step`` (above 0) is the least rise of a
    price. A row may end with fewer than wanted where there is not enough room; nothing is random.
    """
    prices = [0.0 if places else float("inf") for places in room]
    holders: list[list[tuple[float, int]]] = [[] for _ in room]  # heaps of (price paid, row)
    held: list[set[int]] = [set() for _ in values]
    bids = [0] * len(values)
    spread = spread_of(values)
    waiting = deque(row for row, number in enumerate(wanted) if number)
    while waiting:
        row = waiting.popleft()
        missing = wanted[row] - len(held[row])
        if missing <= 0:
            continue
        bids[row] += 1
        rise = step * 2.0 ** (bids[row] // CALM)
        net = [value - price for value, price in zip(values[row], prices, strict=True)]
        for column in held[row]:
            net[column] = BARRED
        best = nlargest(missing + 1, range(len(net)), key=net.__getitem__)
        best = [column for column in best if net[column] > BARRED]
        # What the next best would have been worth; with no other, everything is worth paying.
        other = net[best[missing]] if len(best) > missing else net[best[-1]] - spread if best else 0.0
        for column in best[:missing]:
            if prices[column] > PATIENCE * spread + step:
                continue
            bid = (prices[column] + net[column] - other + rise, row)
            heap = holders[column]
            held[row].add(column)
            if len(heap) < room[column]:
                heappush(heap, bid)
            else:
                _, loser = heapreplace(heap, bid)
                held[loser].discard(column)
                waiting.append(loser)
            if len(heap) == room[column]:
                prices[column] = heap[0][0]
    return Sale(
        tuple(tuple(sorted(columns)) for columns in held), tuple(prices), bound_at(values, wanted, room, prices)
    )


def spread_of(values: Sequence[Sequence[float]]) -> float:
    """By how much affinities differ; 1 where they do not."""
    finite = [value for row in values for value in row if value > BARRED]
    return (max(finite) - min(finite) if finite else 0.0) or 1.0


def bound_at(
    values: Sequence[Sequence[float]],
    wanted: Sequence[int],
    room: Sequence[int],
    prices: Sequence[float],
    least: Sequence[int] = (),
) -> float:
    """A total that no full set of readings exceeds: what everybody would have at these prices if nobody stood in
    anybody's way, and what all places cost. A price below 0 is paid for the ``least`` that a column has to take."""
    total = fsum(places * price for places, price in zip(room, prices, strict=True) if places and price > 0)
    total += fsum(places * price for places, price in zip(least, prices, strict=False) if price < 0)
    nets = []
    for row, number in zip(values, wanted, strict=True):
        net = (value - price for value, price in zip(row, prices, strict=True) if value > BARRED)
        nets.extend(nlargest(number, net))
    return total + fsum(nets)


def served_by(values: Sequence[Sequence[float]], sale: Sale) -> list[float]:
    """What each row gets."""
    return [fsum(row[column] for column in columns) for row, columns in zip(values, sale.readers, strict=True)]
