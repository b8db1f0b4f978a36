"""Readings made better by exchanges, until none is left: then the plan is the best there is, and the prices prove it.

A plan of readings is a flow of greatest value. It is optimal exactly when no round of exchanges gains anything (the
negative cycle theorem; R. K. Ahuja, T. L. Magnanti, J. B. Orlin, "Network Flows", 1993, theorem 9.1). Only reviewers
are nodes here: an exchange in which some application gives up reviewer j and takes k is an arc from j to k, of all
such the one that gains most, so the graph stays small however many applications there are. Two more nodes stand for
"nobody", whom a reading left out has, and for the loads: an arc through it lets one reviewer read one less and another
one more. The longest distances in the final graph are prices, and with them no plan's total exceeds ``bound``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, inf
from typing import TYPE_CHECKING

from matsapply.rules.auction import Sale, bound_at, spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of what affinities differ by: smaller gains are taken for rounding.
LEAST_GAIN = 1e-9
# A reading left out costs more than any round of exchanges could gain, and a row's second one half as much more, so
# that a lack is shared out; a column short of its least costs less than either and still more than any gain.
ONE_MORE = 0.5
MOST_ROUNDS = 100_000

Best = tuple[float, int]  # the gain of an arc and the row that makes the exchange
NO_ARC: Best = (-inf, -1)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be given: row i wants ``wanted[i]`` different columns, column j takes between ``least[j]`` and
    ``room[j]`` rows; ``values[i][j]`` is the affinity, ``BARRED`` where the pair must not be."""

    values: Sequence[Sequence[float]]
    wanted: Sequence[int]
    room: Sequence[int]
    least: Sequence[int]


def improve(task: Task, start: Sequence[Sequence[int]], *, floor: float | None = None) -> Sale:
    """The best readings that exchanges lead to from ``start``, which must keep to ``task``'s room.

    As many readings as possible are placed, then as few columns as possible stay below their least, then the total is
    the greatest there is. With a ``floor``, no exchange takes a row below it: the total is then no more than better.
    """
    work = _Exchanges(task, start, floor)
    for _ in range(MOST_ROUNDS):
        cycle = work.round()
        if not cycle or not work.apply(cycle):
            break
    bound = bound_at(task.values, task.wanted, task.room, work.prices, task.least)
    return Sale(tuple(tuple(sorted(columns)) for columns in work.held), work.prices, bound)


class _Exchanges:
    def __init__(self, task: Task, start: Sequence[Sequence[int]], floor: float | None) -> None:
        self.task = task
        self.columns = len(task.room)
        self.nobody, self.loads = self.columns, self.columns + 1
        self.spread = spread_of(task.values)
        self.short = 2.0 * (self.columns + 3) * self.spread
        self.missed = 8.0 * self.short
        self.floor = floor
        self.held = [set(columns) for columns in start]
        self.by: list[set[int]] = [set() for _ in range(self.columns + 1)]
        for row, columns in enumerate(self.held):
            for column in columns:
                self.by[column].add(row)
            if len(columns) < task.wanted[row]:
                self.by[self.nobody].add(row)
        self.served = [
            fsum(values[column] for column in columns) for values, columns in zip(task.values, self.held, strict=True)
        ]
        self.arcs = [self._arcs(column) for column in range(self.columns + 1)]
        self.distance = [0.0] * (self.columns + 2)

    @property
    def prices(self) -> tuple[float, ...]:
        """What a place at each column is worth at the end: below 0 where a least load forces somebody to take it."""
        base = self.distance[self.loads]
        return tuple(
            distance - base if places else inf for distance, places in zip(self.distance, self.task.room, strict=False)
        )

    def _lack(self, row: int, more: int) -> float:
        """What it costs a row to lack ``more`` readers than it does now, the last one of them."""
        missing = self.task.wanted[row] - len(self.held[row]) + more
        return self.missed * (1.0 + ONE_MORE * missing)

    def _arcs(self, giver: int) -> list[Best]:
        """The exchange that gains most from ``giver`` to each column, and to nobody."""
        gains, rows = [-inf] * (self.columns + 1), [-1] * (self.columns + 1)
        for row in self.by[giver]:
            values = self.task.values[row]
            lost = -self._lack(row, 0) if giver == self.nobody else values[giver]
            floor = self._held_to(row)
            held = self.held[row]
            for taker, value in enumerate(values):
                gain = value - lost
                if gain > gains[taker] and taker not in held and (floor is None or gain >= floor):
                    gains[taker], rows[taker] = gain, row
            if giver != self.nobody and floor is None:
                gain = -self._lack(row, 1) - lost
                if gain > gains[self.nobody]:
                    gains[self.nobody], rows[self.nobody] = gain, row
        return list(zip(gains, rows, strict=True))

    def _held_to(self, row: int) -> float | None:
        """The least gain that keeps a row at the floor; one below it must not fall further."""
        if self.floor is None or len(self.held[row]) < self.task.wanted[row]:
            return None
        return min(0.0, self.floor - self.served[row])

    def _less(self, column: int) -> float:
        """What it gains that a column reads one less; -inf where it has nothing."""
        if column == self.nobody:
            return 0.0
        load = len(self.by[column])
        return -inf if load == 0 else 0.0 if load > self.task.least[column] else -self.short

    def _more(self, column: int) -> float:
        if column == self.nobody:
            return 0.0
        load = len(self.by[column])
        if load >= self.task.room[column]:
            return -inf
        return 0.0 if load >= self.task.least[column] else self.short

    def round(self) -> list[tuple[int, int, int]]:
        """A round of exchanges that gains, as (row, given up, taken) each; empty where there is none."""
        gains = [[gain for gain, _ in arcs] + [self._more(column)] for column, arcs in enumerate(self.arcs)]
        gains.append([self._less(column) for column in range(self.columns + 1)] + [-inf])
        nodes = range(self.columns + 2)
        tolerance = LEAST_GAIN * self.spread / (self.columns + 2)
        distance, before = [0.0] * len(nodes), [-1] * len(nodes)
        changed = set(nodes)
        while changed:
            reached = set()
            for node in sorted(changed):
                base = distance[node]
                for to, gain in enumerate(gains[node]):
                    if base + gain > distance[to] + tolerance and to != node:
                        distance[to], before[to] = base + gain, node
                        reached.add(to)
            if reached and (cycle := _circle(before)):
                return [(self.arcs[a][b][1], a, b) for a, b in cycle if self.loads not in {a, b}]
            changed = reached
        self.distance = distance
        return []

    def apply(self, cycle: Sequence[tuple[int, int, int]]) -> bool:
        """Make the exchanges; False (and nothing made) where a row in it twice could miss the floor."""
        if self.floor is not None and len({row for row, _, _ in cycle}) < len(cycle):
            return False
        touched: set[int] = set()
        for row, giver, taker in cycle:
            values = self.task.values[row]
            if giver != self.nobody:
                self.held[row].discard(giver)
                self.by[giver].discard(row)
            if taker != self.nobody:
                self.held[row].add(taker)
                self.by[taker].add(row)
            self.served[row] = fsum(values[column] for column in self.held[row])
            if len(self.held[row]) < self.task.wanted[row]:
                self.by[self.nobody].add(row)
            else:
                self.by[self.nobody].discard(row)
            touched |= {giver, taker, self.nobody, *self.held[row]}
        for column in touched:
            self.arcs[column] = self._arcs(column)
        return True


def _circle(before: Sequence[int]) -> list[tuple[int, int]]:
    """The arcs of a circle among the predecessors, where there is one."""
    seen = [0] * len(before)
    for start in range(len(before)):
        node = start
        while node != -1 and not seen[node]:
            seen[node] = start + 1
            node = before[node]
        if node != -1 and seen[node] == start + 1:
            arcs, here = [], node
            while True:
                arcs.append((before[here], here))
                here = before[here]
                if here == node:
                    return arcs
    return []
