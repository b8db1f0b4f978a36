"""Who is served worst comes first: of the highest floor, the plan of greatest total.

A row's readers count together for its floor, which makes the problem hard (it is no flow any more). So it is relaxed:
rows below the floor count more (Lagrange multipliers; after A. M. Geoffrion, "Lagrangean relaxation for integer
programming", Mathematical Programming Study 2, 1974), each weighted plan is exact, and its prices bound what any plan
under the floor could come to. An exact solver, where there is one, closes what is left between the two.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import nlargest
from math import fsum, sqrt
from typing import TYPE_CHECKING, Protocol

from matsapply.rules.auction import FINE, Sale, auction, served_by, spread_of
from matsapply.rules.exchange import improve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matsapply.rules.exchange import Task

RAISE = 1.15
MOST_RAISES = 60
HALVINGS = 8
# The steps of auctions that exchanges finish: of a plain plan, and of the many of a search for a floor where there are
# more pairs than this. Fine steps are slow where many applications like the same reviewers equally well.
START, ROUGH, FINE_PAIRS = 3e-4, 3e-2, 30_000
# So many raises without a higher floor: the aim is out of reach.
MOST_IN_VAIN = 12


class Exact(Protocol):
    """A solver that finds, from a good sale under a floor, the best one; None where it cannot (in its time)."""

    def __call__(self, task: Task, near: Sale) -> Sale | None: ...


def solve(task: Task, *, floor: bool = False, exact: Exact | None = None) -> Sale:
    """The readings of greatest total: the best there are, and ``bound`` says so.

    With ``floor`` the worst-served row comes first. Without an ``exact`` solver the result is then only near the best;
    ``bound`` tells how near the total, and ``aim`` how high a floor could be at all.
    """
    if not floor:
        return improve(task, auction(task.values, task.wanted, task.room, START * spread_of(task.values)).readers)
    start = auction(task.values, task.wanted, task.room, _step(task))
    plain = improve(task, start.readers) if any(task.least) else start
    rows = [row for row, number in enumerate(task.wanted) if number and len(plain.readers[row]) == number]
    if not rows:
        return improve(task, plain.readers)
    near = _Raising(task, rows).sale(plain)
    served = served_by(task.values, near)
    near = replace(near, readers=improve(task, near.readers, floor=min(served[row] for row in rows)).readers)
    return (exact(task, near) if exact else None) or near


def best(task: Task, near: Sale) -> Sale:
    """The sale of greatest total; from ``near`` on where least loads count, which an auction knows nothing of."""
    if any(task.least):
        return improve(task, near.readers)
    return auction(task.values, task.wanted, task.room, _step(task))


def _step(task: Task) -> float:
    few = len(task.values) * len(task.room) <= FINE_PAIRS
    return (FINE if few else ROUGH) * spread_of(task.values)


class _Raising:
    """The search for the weights under which the worst-served of ``rows`` reaches the aim."""

    def __init__(self, task: Task, rows: Sequence[int]) -> None:
        self.task, self.values, self.rows = task, task.values, rows
        self.step = FINE * spread_of(task.values)
        self.aim = min(fsum(nlargest(task.wanted[row], task.values[row])) for row in rows)

    def sale(self, plain: Sale) -> Sale:
        """From the plain sale to the one that gives the worst-served most, and of those to one of great total."""
        sale, served = plain, served_by(self.values, plain)
        best, reached = replace(plain, weights=(1.0,) * len(self.values), aim=self.aim), self._least(served)
        before = after = [1.0] * len(self.values)
        vain = raises = 0
        while reached < self.aim - self.step and vain < MOST_IN_VAIN and raises < MOST_RAISES:
            low = {row for row in self.rows if served[row] < self.aim - self.step}
            before, after = after, [weight * RAISE if row in low else weight for row, weight in enumerate(after)]
            sale, served = self._weighted(after, sale)
            vain = 0 if self._least(served) > reached + self.step else vain + 1
            best, reached = self._better(best, reached, sale, self._least(served))
            raises += 1
        if not raises or reached < self.aim - self.step:
            return best
        for _ in range(HALVINGS):
            between = [sqrt(a * b) for a, b in zip(before, after, strict=True)]
            sale, served = self._weighted(between, sale)
            least = self._least(served)
            best, reached = self._better(best, reached, sale, least)
            before, after = (before, between) if least >= self.aim - self.step else (between, after)
        return best

    def _least(self, served: Sequence[float]) -> float:
        return min(served[row] for row in self.rows)

    def _weighted(self, weights: Sequence[float], before: Sale) -> tuple[Sale, list[float]]:
        """The sale where each row counts by its weight (its multiplier and one), and what each row then gets."""
        heavy = [[value * weight for value in row] for row, weight in zip(self.values, weights, strict=True)]
        heavier = replace(self.task, values=heavy)
        sale = best(heavier, before)
        # Σ served ≤ Σ served + Σ multiplier · (served − aim), and the weighted sum has a bound too.
        bound = sale.bound - fsum((weight - 1.0) * self.aim for weight in weights)
        sale = replace(sale, bound=bound, weights=tuple(weights), aim=self.aim)
        return sale, served_by(self.values, sale)

    def _better(self, best: Sale, reached: float, sale: Sale, least: float) -> tuple[Sale, float]:
        """The higher floor; of equal floors the greater total. A sale that leaves more rows short is never better."""
        if sum(map(len, sale.readers)) < sum(map(len, best.readers)) or least < reached:
            return best, reached
        if least == reached and fsum(served_by(self.values, sale)) <= fsum(served_by(self.values, best)):
            return best, reached
        return sale, least
