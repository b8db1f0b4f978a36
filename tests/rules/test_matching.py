"""The offer plan's matching against every matching there is, on markets small enough to list them all."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from matsapply.rules.matching import (
    Market,
    MarketError,
    Matching,
    SharedSeats,
    Why,
    blocking_pairs,
    match,
    reasons,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NESTED = (  # ways in which four streams may share seats
    (),
    (frozenset({0, 1}),),
    (frozenset({0, 1}), frozenset({0, 1, 2, 3})),
    (frozenset({0, 1}), frozenset({2, 3}), frozenset({0, 1, 2, 3})),
    (frozenset({0}), frozenset({0, 1, 2}), frozenset({0, 1, 2})),
)


@st.composite
def markets(draw: st.DrawFn, applicants: int = 4, streams: int = 4) -> Market:
    people, places = range(applicants), range(streams)
    sets = draw(st.sampled_from(NESTED))
    return Market(
        wishes=[draw(st.permutations(places))[: draw(st.integers(0, streams))] for _ in people],
        rankings=[draw(st.permutations(people))[: draw(st.integers(1, applicants))] for _ in places],
        seats=[draw(st.integers(0, 3)) for _ in places],
        shared=tuple(SharedSeats(each, draw(st.integers(0, 4))) for each in sets),
        lots=draw(st.permutations(people)),
    )


def admitted(market: Market, pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """What the streams together choose of these pairs: the best first, as long as every stream and set has room."""

    def order(pair: tuple[int, int]) -> tuple[float, int]:
        who, stream = pair
        return (market.rankings[stream].index(who) + 1) / max(market.seats[stream], 1), market.lots[who]

    rooms = [(frozenset({stream}), seats) for stream, seats in enumerate(market.seats)]
    rooms += [(each.streams, each.seats) for each in market.shared]
    chosen: set[tuple[int, int]] = set()
    for pair in sorted(pairs, key=order):
        if all(sum(stream in streams for _, stream in {*chosen, pair}) <= seats for streams, seats in rooms):
            chosen.add(pair)
    return chosen


def stable(market: Market, of: tuple[int | None, ...]) -> bool:
    """By the definition: the streams keep all they have, and would take nobody who would rather come."""
    held = {(who, stream) for who, stream in enumerate(of) if stream is not None}
    if admitted(market, held) != held:
        return False
    return not any(
        who in market.rankings[stream] and (who, stream) in admitted(market, held | {(who, stream)})
        for who, wishes in enumerate(market.wishes)
        for stream in wishes[: wishes.index(of[who]) if of[who] is not None else None]
    )


def all_matchings(market: Market) -> Iterator[tuple[int | None, ...]]:
    options = [
        [None, *(stream for stream in wishes if who in market.rankings[stream])]
        for who, wishes in enumerate(market.wishes)
    ]
    return product(*options)


def liking(wishes: list[int], stream: int | None) -> int:
    return len(wishes) if stream is None else wishes.index(stream)


@given(markets())
@settings(max_examples=150)
def test_of_all_stable_matchings_everybody_gets_the_best(market: Market) -> None:
    found = match(market).stream_of
    every = [of for of in all_matchings(market) if stable(market, of)]
    assert found in every
    for other in every:
        for who, wishes in enumerate(market.wishes):
            assert liking(wishes, found[who]) <= liking(wishes, other[who])
    assert blocking_pairs(market, Matching(found)) == ()


@given(markets(applicants=3, streams=4), st.data())
@settings(max_examples=60)
def test_the_certificate_finds_what_is_not_stable(market: Market, data: st.DataObject) -> None:
    """Of matchings that overfill nothing, exactly those without a blocking pair are stable."""
    of = data.draw(st.sampled_from([*all_matchings(market)]))
    held = {(who, stream) for who, stream in enumerate(of) if stream is not None}
    if admitted(market, held) == held:
        assert (blocking_pairs(market, Matching(of)) == ()) == stable(market, of)


@given(markets())
@settings(max_examples=60)
def test_every_wish_above_the_own_place_has_a_reason(market: Market) -> None:
    found = match(market)
    for who, steps in enumerate(reasons(market, found)):
        own = found.stream_of[who]
        assert [step.stream for step in steps] == market.wishes[who][: liking(market.wishes[who], own)]
        for step in steps:
            if step.why is Why.NOT_RANKED:
                assert who not in market.rankings[step.stream]
            else:
                assert step.position == market.rankings[step.stream].index(who) + 1
                assert step.why in (Why.STREAM_FULL, Why.SHARED_FULL)
            if step.why is Why.STREAM_FULL and step.last is not None:
                assert step.last < step.position


@given(markets(), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=60)
def test_a_pin_holds_and_its_price_is_told(market: Market, who: int, stream: int) -> None:
    rooms = [market.seats[stream], *(each.seats for each in market.shared if stream in each.streams)]
    if min(rooms) == 0:
        with pytest.raises(MarketError, match="pinned"):
            match(market, {who: stream})
        return
    found = match(market, {who: stream})
    assert found.stream_of[who] == stream
    for other in range(4):
        assert sum(of == other for of in found.stream_of) <= market.seats[other]
    for each in market.shared:
        assert sum(of in each.streams for of in found.stream_of) <= each.seats
    # Whoever blocks would rather have the pinned seat, or is the pinned person.
    for pair in blocking_pairs(market, found):
        near = [each.streams for each in market.shared if stream in each.streams]
        assert pair.applicant == who or pair.stream == stream or any(pair.stream in each for each in near)


def test_the_price_of_a_pin_is_the_one_it_passes_over() -> None:
    market = Market(wishes=[[0], [0]], rankings=[[0, 1]], seats=[1])
    found = match(market, {1: 0})
    assert found.stream_of == (None, 0)
    assert [(pair.applicant, pair.stream) for pair in blocking_pairs(market, found)] == [(0, 0)]
    assert [step.why for step in reasons(market, found)[0]] == [Why.NOT_CHOSEN]


def test_shared_seats_go_to_whom_the_streams_want_most_for_their_size() -> None:
    """Three places in the track: the stream with four seats comes down as far, for its size, as the one with two."""
    track = SharedSeats(frozenset({0, 1}), 3)
    market = Market(
        wishes=[[0], [0], [0], [0], [1], [1]],
        rankings=[[0, 1, 2, 3], [4, 5]],
        seats=[4, 2],
        shared=(track,),
        lots=range(6),
    )
    assert match(market).stream_of == (0, 0, None, None, 1, None)
    assert reasons(market, match(market))[5][0].why is Why.SHARED_FULL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seats": [1, -1]}, "below zero"),
        ({"seats": [1]}, "2 rankings, but seats for 1"),
        ({"rankings": [[0, 0], []]}, "names somebody twice"),
        ({"lots": [1, 1]}, "lot of their own"),
        (
            {"shared": (SharedSeats(frozenset({0, 1}), 1), SharedSeats(frozenset({1, 2}), 1)), "seats": [1, 1, 1],
             "rankings": [[], [], []]},
            "overlap",
        ),
    ],
)  # fmt: skip
def test_a_market_that_contradicts_itself_is_refused(change: dict[str, object], message: str) -> None:
    values: dict[str, object] = {"wishes": [[0], [1]], "rankings": [[0, 1], [1]], "seats": [1, 1], **change}
    with pytest.raises(MarketError, match=message):
        match(Market(**values))  # type: ignore[arg-type]


def test_a_large_market_is_stable_under_a_check_of_its_own() -> None:
    random = Random(7)
    wishes = [random.sample(range(60), random.randint(1, 12)) for _ in range(1_500)]
    rankings: list[list[int]] = [[] for _ in range(60)]
    for who, streams in enumerate(wishes):
        for stream in streams:
            rankings[stream].append(who)
    for ranking in rankings:
        random.shuffle(ranking)
    tracks = tuple(SharedSeats(frozenset(range(first, first + 12)), 20) for first in range(0, 60, 12))
    everybody = SharedSeats(frozenset(range(60)), 90)
    lots = random.sample(range(1_500), 1_500)
    market = Market(wishes, rankings, [random.randint(0, 4) for _ in range(60)], (*tracks, everybody), lots)
    found = match(market)
    assert blocking_pairs(market, found) == ()
    assert 80 <= sum(1 for _ in found.placed()) <= 90
    assert found == match(market)
