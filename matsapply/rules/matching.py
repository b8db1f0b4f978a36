"""Who is offered a place in which stream: applicants' orders, streams' rankings and seats brought together.

Applicant-proposing deferred acceptance: D. Gale and L. S. Shapley, "College admissions and the stability of marriage",
American Mathematical Monthly 69 (1962); for streams that share seats (a pool of mentors, a track, the cohort) the
student–project allocation of D. J. Abraham, R. W. Irving and D. F. Manlove, "Two algorithms for the student–project
allocation problem", Journal of Discrete Algorithms 5 (2007). Shared seats form nested sets; what they admit is a
matroid, so the stable result that is best for every applicant exists and the proposals find it: T. Fleiner, "A matroid
generalization of the stable matching polytope", IPCO 2001.

Streams that share seats rank different people, so their candidates need one order: how far down its own ranking a
stream has come as a share of its seats (a stream with two seats and one with ten are compared fairly), then a drawn
lot. Within a stream it is the stream's own ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from heapq import heappop, heappush, heapreplace
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOBODY = -1


@dataclass(frozen=True, slots=True)
class SharedSeats:
    """At most ``seats`` places in these streams together. Two such sets are disjoint, or one contains the other."""

    streams: frozenset[int]
    seats: int


@dataclass(frozen=True, slots=True)
class Market:
    """Everybody and everything by number, from 0.

    ``wishes[a]``: the streams of applicant a, the most wanted first. ``rankings[s]``: the applicants that stream s
    would take, the best first; whoever is not in it is never placed there. ``seats[s]``: its places. ``lots[a]``: a
    different number for each applicant; the lower one goes first where streams that share seats are equally far down.
    """

    wishes: Sequence[Sequence[int]]
    rankings: Sequence[Sequence[int]]
    seats: Sequence[int]
    shared: Sequence[SharedSeats] = ()
    lots: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Matching:
    """``stream_of[a]`` is the stream of applicant a, or None."""

    stream_of: tuple[int | None, ...]

    def placed(self) -> Iterator[tuple[int, int]]:
        """Each (applicant, stream)."""
        return ((who, stream) for who, stream in enumerate(self.stream_of) if stream is not None)


@dataclass(frozen=True, slots=True)
class BlockingPair:
    """Applicant and stream who would both rather have each other than what they have."""

    applicant: int
    stream: int


class Why(StrEnum):
    """Why somebody did not come to a stream that they wanted more than what they have."""

    NOT_RANKED = auto()
    STREAM_FULL = auto()
    SHARED_FULL = auto()
    NOT_CHOSEN = auto()  # only beside a pin: nothing stands in the way but the pin itself


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of "why": ``position`` is the applicant's in the stream's ranking, ``last`` that of the last one who has
    a place there (both from 1; None where there is none), ``shared`` the number of the full set of shared seats."""

    stream: int
    why: Why
    position: int | None = None
    last: int | None = None
    shared: int | None = None


class MarketError(ValueError):
    """The market contradicts itself; the text says where."""


def match(market: Market, pins: Mapping[int, int] | None = None) -> Matching:
    """The stable matching that is best for every applicant; ``pins[a]`` puts applicant a into that stream beforehand.

    Raises ``MarketError`` where seats, sets or pins contradict each other. The same market gives the same matching.
    """
    desk = _Desk(market, pins or {})
    positions, seats, held_by, above = desk.positions, desk.seats, desk.held, desk.above
    stream_of = desk.stream_of
    ahead = [iter(wishes) for wishes in market.wishes]
    for first in range(len(ahead)):
        if stream_of[first] != NOBODY:
            continue  # pinned
        who = first
        while who != NOBODY:
            for stream in ahead[who]:
                position = positions[stream].get(who)
                if position is None:
                    continue
                held = held_by[stream]
                if len(held) < seats[stream]:
                    heappush(held, -position)
                    stream_of[who] = stream
                    loser = desk.share(who, stream, position) if above[stream] else NOBODY
                elif held and -held[0] > position:
                    loser = market.rankings[stream][-heapreplace(held, -position)]
                    stream_of[loser] = NOBODY
                    stream_of[who] = stream
                    for number in above[stream]:
                        desk.remember(number, who, stream, position)
                else:
                    continue
                if loser != who:
                    who = loser
                    break
            else:
                who = NOBODY
    return Matching(tuple(None if stream == NOBODY else stream for stream in stream_of))


class _Desk:
    """What each stream and each set of shared seats holds while people propose.

    ``held[s]`` is a heap of minus the positions held. A proposal that was refused or pushed out never comes back, so
    the heap of a set may keep it: whoever looks at its top throws away what is no longer held.
    """

    __slots__ = ("_counts", "_lots", "_room", "_sizes", "_worst", "above", "held", "positions", "seats", "stream_of")

    def __init__(self, market: Market, pins: Mapping[int, int]) -> None:
        _check(market, pins)
        self.positions = _positions(market)
        self.above = _above(market)
        self.seats = list(market.seats)
        self.stream_of = [NOBODY] * len(market.wishes)
        self.held: list[list[int]] = [[] for _ in market.seats]
        self._room = [each.seats for each in market.shared]
        self._counts = [0] * len(market.shared)
        self._worst: list[list[tuple[float, int, int, int]]] = [[] for _ in market.shared]
        self._sizes, self._lots = _sizes(market), _lots(market)
        for who, stream in pins.items():
            self.stream_of[who] = stream
            self.seats[stream] -= 1
            for number in self.above[stream]:
                self._room[number] -= 1
            if self.seats[stream] < 0 or any(self._room[number] < 0 for number in self.above[stream]):
                raise MarketError(
                    f"more people are pinned to stream {stream} than it has seats for, with applicant {who}"
                )

    def share(self, who: int, stream: int, position: int) -> int:
        """One more came to a stream with shared seats. Who has to go: the last of the innermost set that is now too
        full, or ``NOBODY``."""
        for number in self.above[stream]:
            self.remember(number, who, stream, position)
        for number in self.above[stream]:
            self._counts[number] += 1
            if self._counts[number] > self._room[number]:
                loser, left = self._last(number)
                heappop(self.held[left])  # the last of a set is the last of its own stream
                self.stream_of[loser] = NOBODY
                for inner in self.above[left]:
                    self._counts[inner] -= 1
                    if inner == number:  # the sets around this one are as full as they were
                        return loser
        return NOBODY

    def remember(self, number: int, who: int, stream: int, position: int) -> None:
        """A set of shared seats holds one more, or holds somebody in another's place."""
        heappush(self._worst[number], (-(position + 1) / self._sizes[stream], -self._lots[who], stream, who))

    def _last(self, number: int) -> tuple[int, int]:
        heap = self._worst[number]
        while True:
            _, _, stream, who = heappop(heap)
            if self.stream_of[who] == stream:
                return who, stream


def _sizes(market: Market) -> list[int]:
    """What a position is divided by to compare streams that share seats: with the lot, it makes one order of all
    (applicant, stream), in which the lower goes first: ``((position + 1) / size, lot)``."""
    return [seats or 1 for seats in market.seats]


def _lots(market: Market) -> Sequence[int]:
    return market.lots or range(len(market.wishes))


def _positions(market: Market) -> list[dict[int, int]]:
    return [dict(zip(ranking, range(len(ranking)), strict=True)) for ranking in market.rankings]


def _above(market: Market) -> list[list[int]]:
    """For each stream the sets of shared seats it is in, the innermost first."""
    order = sorted(range(len(market.shared)), key=lambda number: len(market.shared[number].streams))
    above: list[list[int]] = [[] for _ in market.seats]
    for number in order:
        for stream in market.shared[number].streams:
            above[stream].append(number)
    return above


def _check(market: Market, pins: Mapping[int, int]) -> None:
    if len(market.rankings) != len(market.seats):
        raise MarketError(f"{len(market.rankings)} rankings, but seats for {len(market.seats)} streams")
    if min(market.seats, default=0) < 0 or any(each.seats < 0 for each in market.shared):
        raise MarketError("a number of seats is below zero")
    if market.lots and len(set(market.lots)) != len(market.wishes):
        raise MarketError("each applicant needs a lot of their own")
    for stream, ranking in enumerate(market.rankings):
        if len(set(ranking)) != len(ranking):
            raise MarketError(f"the ranking of stream {stream} names somebody twice")
    sets = [each.streams for each in market.shared]
    if any(one & other and not one <= other and not other <= one for one, other in combinations(sets, 2)):
        raise MarketError("two sets of shared seats overlap, and neither contains the other")
    for who, stream in pins.items():
        if not (0 <= who < len(market.wishes) and 0 <= stream < len(market.seats)):
            raise MarketError(f"there is no applicant {who} or no stream {stream} to pin")


# --- the certificate, and the reasons -----------------------------------------------------------------------------


class _Held:
    """What a matching gives each stream and set: how many, and who comes last."""

    def __init__(self, market: Market, matching: Matching) -> None:
        self.market = market
        self.positions = _positions(market)
        self.above = _above(market)
        self.sizes, self.lots = _sizes(market), _lots(market)
        self.last: list[tuple[int, int] | None] = [None] * len(market.seats)  # (position, applicant)
        self.counts = [0] * len(market.seats)
        self.shared_last: list[tuple[float, int]] = [(-1.0, -1)] * len(market.shared)
        self.shared_counts = [0] * len(market.shared)
        for who, stream in matching.placed():
            # Somebody pinned to a stream that does not rank them stands behind all whom it ranks.
            position = self.positions[stream].get(who, len(market.wishes) + len(market.rankings[stream]))
            self.counts[stream] += 1
            self.last[stream] = max(self.last[stream] or (-1, -1), (position, who))
            for number in self.above[stream]:
                self.shared_counts[number] += 1
                key = ((position + 1) / self.sizes[stream], self.lots[who])
                self.shared_last[number] = max(self.shared_last[number], key)

    def barrier(self, who: int, stream: int) -> Reason:
        """What keeps an applicant out of a stream they want: a full stream or set that holds only better ones."""
        position = self.positions[stream].get(who)
        if position is None:
            return Reason(stream, Why.NOT_RANKED)
        last = self.last[stream]
        shown = None if last is None else min(last[0], len(self.market.rankings[stream])) + 1
        if self.counts[stream] >= self.market.seats[stream] and (last is None or last[0] < position):
            return Reason(stream, Why.STREAM_FULL, position + 1, shown)
        shared = self.behind(who, stream, position)
        why = Why.NOT_CHOSEN if shared is None else Why.SHARED_FULL
        return Reason(stream, why, position + 1, shown, shared)

    def behind(self, who: int, stream: int, position: int) -> int | None:
        """The innermost full set of shared seats around a stream that holds only better ones."""
        for number in self.above[stream]:
            if self.shared_counts[number] >= self.market.shared[number].seats:
                share, lot = self.shared_last[number]
                own = (position + 1) / self.sizes[stream]
                if share < own or (share == own and lot < self.lots[who]):
                    return number
        return None


def blocking_pairs(market: Market, matching: Matching) -> tuple[BlockingPair, ...]:
    """The pairs that would rather have each other: none for what ``match`` gives without pins, which certifies it.

    A pair blocks when the applicant wants the stream more than what they have, the stream ranks them, and no full
    stream or full set of shared seats around it holds only better ones. With pins, these pairs are the price of the
    pins. The check shares no step with the search: it looks at the result alone.
    """
    held = _Held(market, matching)
    positions = held.positions
    # Behind which position a full stream takes nobody any more; that settles nearly every pair.
    closed = [
        len(ranking) if count < seats else last[0] if last else NOBODY
        for last, count, seats, ranking in zip(held.last, held.counts, market.seats, market.rankings, strict=True)
    ]
    found = []
    for who, wishes in enumerate(market.wishes):
        own = matching.stream_of[who]
        for stream in wishes:
            if stream == own:
                break
            position = positions[stream].get(who)
            if position is None or position > closed[stream]:
                continue
            if held.behind(who, stream, position) is None:
                found.append(BlockingPair(who, stream))
    return tuple(found)


def reasons(market: Market, matching: Matching) -> tuple[tuple[Reason, ...], ...]:
    """For each applicant, why they did not come to each stream that they wanted more than what they have."""
    held = _Held(market, matching)
    return tuple(
        tuple(held.barrier(who, stream) for stream in _wanted_more(wishes, matching.stream_of[who]))
        for who, wishes in enumerate(market.wishes)
    )


def _wanted_more(wishes: Sequence[int], own: int | None) -> Iterator[int]:
    for stream in wishes:
        if stream == own:
            return
        yield stream
