"""Who reads what: a plan of readings that is even, free of conflicts and the same for the same seed.

The model is a flow from applications (each wants n readers) to reviewers (each takes between a least and a most). Where
affinities or present readings matter, ``fairness.solve`` finds the plan of greatest total (and, if asked, of the
highest floor under it). Where they do not, a greedy start is mended along augmenting paths, so that a reading is left
out only where no exchange could place it. Either way loads are first held to the fair share and one more, then to the
caps. A few shared applications, the anchors, tie reviewers together who would otherwise have nothing in common.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from math import fsum
from typing import TYPE_CHECKING
from zlib import crc32

from matsapply.rules.auction import BARRED
from matsapply.rules.exchange import Task
from matsapply.rules.fairness import solve

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from matsapply.rules.fairness import Exact

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """An application with fewer readers than wanted, and why."""

    application: int
    missing: int
    reason: str


@dataclass(frozen=True, slots=True)
class AssignmentPlan:
    """``pairs`` are the (application, reviewer) pairs, sorted; ``loads`` include what the reviewers had before.

    ``total`` is the affinity of all pairs, ``floor`` the least any application gets, and ``bound`` a total that no
    plan under that floor exceeds (None where no affinities were given, and so nothing was weighed). ``short`` are the
    reviewers below their least load, with what they lack.
    """

    pairs: tuple[Pair, ...]
    unplaced: tuple[Unplaced, ...]
    loads: dict[int, int]
    total: float = 0.0
    floor: float = 0.0
    bound: float | None = None
    short: tuple[Pair, ...] = ()

    @property
    def digest(self) -> str:
        """A short name of exactly this plan, to see whether a plan shown earlier still holds."""
        return f"{crc32(repr((self.pairs, self.unplaced)).encode()):08x}"


def assign(
    applications: Sequence[int],
    reviewers: Sequence[int],
    affinity: Mapping[Pair, float] | None,
    conflicts: Collection[Pair],
    n: int | Mapping[int, int],
    caps: Mapping[int, int],
    seed: int,
    *,
    least: Mapping[int, int] | None = None,
    held: Mapping[int, int] | None = None,
    current: Collection[Pair] = (),
    removal_price: float = 0.0,
    even: bool = True,
    floor: bool = False,
    exact: Exact | None = None,
) -> AssignmentPlan:
    """Give each application ``n`` readers (a number, or one for each).

    ``affinity`` prefers pairs (missing: 0); ``conflicts`` are pairs that must not be, which is also how a reader an
    application has already is kept from being given twice. ``caps`` are the most readings a reviewer may hold and
    ``least`` the fewest, with those of ``held`` (present loads) counted. Neither the order of the input nor anything
    but ``seed`` matters.

    ``current`` are readings that count among the ``n`` and may be moved, each at a ``removal_price`` (an affinity):
    with a high one as little moves as can be. ``even`` holds loads to the fair share and one more before it looks at
    affinities; without it only the caps hold. ``floor`` puts the worst-served application first; ``exact`` is a solver
    for it, without which the plan is near the best and its ``bound`` tells how near.
    """
    wanted = {a: (n if isinstance(n, int) else n.get(a, 0)) for a in sorted(set(applications))}
    people = sorted(set(reviewers))
    barred = frozenset(conflicts)
    work = _Work(people, affinity or {}, barred, dict(caps), seed, dict(held or {}), dict(least or {}))
    present = set(people)
    closed = Counter(a for a, r in barred if r in present)
    able = {a: min(number, len(people) - closed[a]) for a, number in wanted.items()}
    slots = sum(able.values())
    bound: float | None = None
    if work.reviewers and (work.affinity or current or any(work.least.values())):
        model = _Model(frozenset(current), removal_price, floor, exact)
        for limit in work.limits(slots)[1:] if even else work.limits(slots)[-1:]:
            bound = work.weigh(able, limit, model)
            if sum(map(len, work.readers.values())) == slots:
                break
        else:
            bound = None
    else:
        work.fill(able, slots)
    return work.plan(wanted, bound)


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan would do to the readings there are now. ``worst`` are the applications served least, with what they
    get, the least first."""

    added: tuple[Pair, ...]
    removed: tuple[Pair, ...]
    stayed: int
    worst: tuple[tuple[int, float], ...]


def change(
    plan: AssignmentPlan, current: Collection[Pair], affinity: Mapping[Pair, float] | None = None, most: int = 10
) -> Change:
    """Compare a plan with the present readings before anybody applies it, with the ``most`` worst served."""
    before, after = set(current), set(plan.pairs)
    served: dict[int, float] = {each.application: 0.0 for each in plan.unplaced}
    for pair in plan.pairs:
        served[pair[0]] = served.get(pair[0], 0.0) + (affinity or {}).get(pair, 0.0)
    worst = sorted(served.items(), key=lambda each: (each[1], each[0]))[:most]
    return Change(tuple(sorted(after - before)), tuple(sorted(before - after)), len(before & after), tuple(worst))


@dataclass(frozen=True, slots=True)
class _Model:
    current: frozenset[Pair]
    price: float
    floor: bool
    exact: Exact | None


@dataclass
class _Work:
    reviewers: list[int]
    affinity: Mapping[Pair, float]
    conflicts: frozenset[Pair]
    caps: dict[int, int]
    seed: int
    held: dict[int, int]
    least: dict[int, int]
    readers: dict[int, set[int]] = field(default_factory=dict)
    files: dict[int, set[int]] = field(default_factory=dict)
    # Reviewers from whom no exchange reaches free room under the present limit: none ever will (Berge).
    dead: set[int] = field(default_factory=set)
    _eligible: dict[int, list[int]] = field(default_factory=dict)

    def eligible(self, application: int) -> list[int]:
        """The reviewers who may read it, the preferred first."""
        found = self._eligible.get(application)
        if found is None:
            found = [r for r in self.reviewers if (application, r) not in self.conflicts]
            found.sort(key=lambda r: (-self.affinity.get((application, r), 0.0), self.mix(application, r)))
            self._eligible[application] = found
        return found

    def mix(self, application: int, reviewer: int) -> int:
        """A number that looks random but is the same for the same seed."""
        return crc32(f"{self.seed}:{application}:{reviewer}".encode())

    def load(self, reviewer: int) -> int:
        return self.held.get(reviewer, 0) + len(self.files.get(reviewer, ()))

    def limits(self, slots: int) -> list[int]:
        """The loads tried one after the other: the fair share, one more, and whatever the caps allow."""
        if not self.reviewers:
            return []
        share = -(-(slots + sum(self.held.get(r, 0) for r in self.reviewers)) // len(self.reviewers))
        most = max(self.caps.get(r, 0) for r in self.reviewers)
        return [min(share, most), min(share + 1, most), most]

    def fill(self, able: Mapping[int, int], number: int) -> None:
        """Place as many readings as can be, where all pairs are as good as each other."""
        order = sorted(able, key=lambda a: (len(self.eligible(a)), self.mix(a, 0)))
        # Everybody's first reader comes before anybody's second: where room is short, it is short for all alike.
        slots = [a for turn in range(max(able.values(), default=0)) for a in order if turn < able[a]]
        for limit in self.limits(number):
            self.dead.clear()
            slots = [a for a in slots if not self.place(a, limit)]
            if not slots:
                break

    def room(self, reviewer: int, limit: int) -> bool:
        return self.load(reviewer) < min(limit, self.caps.get(reviewer, 0))

    def place(self, application: int, limit: int) -> bool:
        """One more reader for ``application`` with loads up to ``limit``, by exchanges where there is no free one."""
        mine = self.readers.setdefault(application, set())
        free = [r for r in self.eligible(application) if r not in mine and self.room(r, limit)]
        if free:
            reviewer = min(free, key=lambda r: (-self.affinity.get((application, r), 0.0), self.load(r)))
            self._join(application, reviewer)
            return True
        return self._exchange(application, limit)

    def _exchange(self, application: int, limit: int) -> bool:
        """Breadth first: a full reviewer hands a file to another who may read it, and so on to one with room."""
        came: dict[int, tuple[int, int | None]] = {}  # reviewer: (application that moves to them, who gives it away)
        queue: deque[int] = deque()
        for reviewer in self.eligible(application):
            if reviewer not in self.readers[application] and reviewer not in self.dead:
                came[reviewer] = (application, None)
                queue.append(reviewer)
        while queue:
            giver = queue.popleft()
            if self.room(giver, limit):
                self._shift(giver, came)
                return True
            for moved in sorted(self.files.get(giver, ())):
                for taker in self.eligible(moved):
                    if taker not in came and taker not in self.dead and taker not in self.readers[moved]:
                        came[taker] = (moved, giver)
                        queue.append(taker)
        self.dead.update(came)
        return False

    def _shift(self, reviewer: int, came: Mapping[int, tuple[int, int | None]]) -> None:
        taker: int | None = reviewer
        while taker is not None:
            moved, giver = came[taker]
            if giver is not None:
                self.files[giver].discard(moved)
                self.readers[moved].discard(giver)
            self._join(moved, taker)
            taker = giver

    def _join(self, application: int, reviewer: int) -> None:
        self.readers.setdefault(application, set()).add(reviewer)
        self.files.setdefault(reviewer, set()).add(application)

    def weigh(self, able: Mapping[int, int], limit: int, model: _Model) -> float | None:
        """The best readings with loads up to ``limit``; returns the total no plan exceeds, where nothing present was to
        be kept."""
        rows = sorted(able, key=lambda a: self.mix(a, 0))
        columns = sorted(self.reviewers, key=lambda r: self.mix(0, r))
        values = [[self._value(a, r, model) for r in columns] for a in rows]
        # Whoever holds more than the fair share now may keep it: readings move for the caps, not for evenness.
        has = Counter(r for a, r in model.current if a in able)
        room = [
            max(0, min(max(limit, self.held.get(r, 0) + has[r]), self.caps.get(r, 0)) - self.held.get(r, 0))
            for r in columns
        ]
        least = [
            min(places, max(0, self.least.get(r, 0) - self.held.get(r, 0)))
            for r, places in zip(columns, room, strict=True)
        ]
        found = solve(Task(values, [able[a] for a in rows], room, least), floor=model.floor, exact=model.exact)
        self.readers = {a: {columns[place] for place in places} for a, places in zip(rows, found.readers, strict=True)}
        self.files = {}
        for a, readers in self.readers.items():
            for r in readers:
                self.files.setdefault(r, set()).add(a)
        return None if model.current else found.bound

    def _value(self, application: int, reviewer: int, model: _Model) -> float:
        pair = (application, reviewer)
        if pair in self.conflicts:
            return BARRED
        return self.affinity.get(pair, 0.0) + (model.price if pair in model.current else 0.0)

    def plan(self, wanted: Mapping[int, int], bound: float | None) -> AssignmentPlan:
        pairs = tuple(sorted((a, r) for a, readers in self.readers.items() for r in readers))
        unplaced = []
        for application, number in wanted.items():
            missing = number - len(self.readers.get(application, ()))
            if missing > 0:
                unplaced.append(Unplaced(application, missing, self._why(application, number)))
        served = dict.fromkeys((a for a, number in wanted.items() if number), 0.0)
        for pair in pairs:
            served[pair[0]] += self.affinity.get(pair, 0.0)
        loads = {r: self.load(r) for r in self.reviewers}
        least = min(served.values(), default=0.0)
        short = tuple((r, self.least[r] - load) for r, load in loads.items() if load < self.least.get(r, 0))
        return AssignmentPlan(pairs, tuple(unplaced), loads, fsum(served.values()), least, bound, short)

    def _why(self, application: int, number: int) -> str:
        able = len(self.eligible(application))
        if not self.reviewers:
            return "there is no reviewer"
        if able == 0:
            return "every reviewer has a conflict of interest or reads it already"
        if able < number:
            return f"only {able} of {number} wanted readers are free of a conflict and do not read it already"
        return "every reviewer who could read it holds as much as the cap allows"
