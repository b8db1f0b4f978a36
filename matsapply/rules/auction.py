"""The readings of greatest total affinity, by an auction: applications bid for reviewers, whose prices rise.

After D. P. Bertsekas, "The auction algorithm: a distributed relaxation method for the assignment problem", Annals of
Operations Research 14 (1988), for several like places at each reviewer and several readers for each application. Every
reading lies within ``step`` of what its application would choose at the final prices, so the total is within ``step``
times the number of readings of the best one. The prices also bound the best total from above, which tells how good the
result is without knowing the best.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from heapq import heappush, heapreplace, nlargest
from math import fsum, sqrt
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


@dataclass(frozen=True, slots=True)
class Sale:
    """``readers[i]`` are the places of the reviewers that row i won; ``prices`` by reviewer; ``bound``: no set of
    readings has a greater total, where every row got as many as it wanted."""

    readers: tuple[tuple[int, ...], ...]
    prices: tuple[float, ...]
    bound: float


def auction(values: Sequence[Sequence[float]], wanted: Sequence[int], room: Sequence[int], step: float) -> Sale:
    """Give row i ``wanted[i]`` different columns, column j to at most ``room[j]`` rows, for the greatest total.

    ``values[i][j]`` is the affinity, ``BARRED`` where the pair must not be. ``step`` (above 0) is the least rise of a
    price. A row may end with fewer than wanted where there is not enough room; nothing is random.
    """
    prices = [0.0 if places else float("inf") for places in room]
    holders: list[list[tuple[float, int]]] = [[] for _ in room]  # heaps of (price paid, row)
    held: list[set[int]] = [set() for _ in values]
    bids = [0] * len(values)
    spread = _spread(values)
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
    return Sale(tuple(tuple(sorted(columns)) for columns in held), tuple(prices), _bound(values, wanted, room, prices))


def _spread(values: Sequence[Sequence[float]]) -> float:
    """By how much affinities differ; 1 where they do not."""
    finite = [value for row in values for value in row if value > BARRED]
    return (max(finite) - min(finite) if finite else 0.0) or 1.0


def _bound(
    values: Sequence[Sequence[float]], wanted: Sequence[int], room: Sequence[int], prices: Sequence[float]
) -> float:
    """What everybody would have at these prices if nobody stood in anybody's way, and what all places cost."""
    total = sum(places * price for places, price in zip(room, prices, strict=True) if places)
    for row, number in zip(values, wanted, strict=True):
        net = (value - price for value, price in zip(row, prices, strict=True) if value > BARRED)
        total += sum(nlargest(number, net))
    return total


# --- the worst served first ------------------------------------------------------------------------------------------

FINE = 1e-6  # of what affinities differ by: the step of an auction whose result is meant to be the best
RAISE = 1.15
MOST_RAISES = 60
HALVINGS = 8


def fair(values: Sequence[Sequence[float]], wanted: Sequence[int], room: Sequence[int], *, floor: bool = False) -> Sale:
    """The sale of greatest total; with ``floor``, the greatest total under the highest floor that was reached.

    The floor aimed at is what the worst-served row would have if it chose first: none can be higher. Rows below it
    count more and more until they reach it (Lagrange multipliers), then as little more as keeps them there. ``bound``
    is what no sale under that floor exceeds. Should the aim be out of reach, the best floor met on the way stands.
    """
    step = FINE * _spread(values)
    plain = auction(values, wanted, room, step)
    served = _served(values, plain)
    rows = [row for row, number in enumerate(wanted) if number and len(plain.readers[row]) == number]
    if not floor or not rows:
        return plain
    aim = min(fsum(nlargest(wanted[row], values[row])) for row in rows)
    weights, before = [1.0] * len(values), [1.0] * len(values)
    best, reached = plain, min(served[row] for row in rows)

    def weighted() -> tuple[Sale, list[float]]:
        """The sale where each row counts by its weight (its multiplier and one), and what each row then gets."""
        heavy = [[value * weight for value in row] for row, weight in zip(values, weights, strict=True)]
        sale = auction(heavy, wanted, room, step)
        # Σ served ≤ Σ served + Σ multiplier · (served − aim), and the auction bounds the weighted sum.
        sale = replace(sale, bound=sale.bound - fsum((weight - 1.0) * aim for weight in weights))
        return sale, _served(values, sale)

    for _ in range(MOST_RAISES):
        low = [row for row in rows if served[row] < aim - step]
        if not low:
            break
        before = list(weights)
        for row in low:
            weights[row] *= RAISE
        sale, served = weighted()
        best, reached = _better(best, reached, sale, min(served[row] for row in rows), values)
    else:
        return best
    after = weights
    for _ in range(HALVINGS):
        weights = [sqrt(a * b) for a, b in zip(before, after, strict=True)]
        sale, served = weighted()
        least = min(served[row] for row in rows)
        best, reached = _better(best, reached, sale, least, values)
        before, after = (before, weights) if least >= aim - step else (weights, after)
    return best


def _served(values: Sequence[Sequence[float]], sale: Sale) -> list[float]:
    return [fsum(row[column] for column in columns) for row, columns in zip(values, sale.readers, strict=True)]


def _better(
    best: Sale, reached: float, sale: Sale, least: float, values: Sequence[Sequence[float]]
) -> tuple[Sale, float]:
    """The higher floor; of equal floors the greater total. A sale that leaves more rows short is never better."""
    if sum(map(len, sale.readers)) < sum(map(len, best.readers)) or least < reached:
        return best, reached
    if least == reached and fsum(_served(values, sale)) <= fsum(_served(values, best)):
        return best, reached
    return sale, least
