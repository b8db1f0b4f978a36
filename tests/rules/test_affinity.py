"""Who suits what, which applications are shared, and what ties reviewers together."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from matsapply.rules.affinity import LOT, Reads, Wants, affinity, by_lot, hours_apart
from matsapply.rules.anchors import bridges, islands, shared
from matsapply.rules.assignment import assign, change

KEYS = st.sampled_from(["a", "b", "c"])
WANTS = st.builds(Wants, st.lists(KEYS, unique=True).map(tuple), st.sampled_from(["", "en", "de"]), st.floats(-12, 14))
READS = st.builds(
    Reads, st.frozensets(KEYS), st.frozensets(st.sampled_from(["en", "de"])), st.none() | st.floats(-12, 14)
)


@given(WANTS, READS)
def test_an_affinity_lies_between_0_and_1_and_a_named_first_track_is_never_worse(wants: Wants, reads: Reads) -> None:
    assert 0.0 <= affinity(wants, reads) <= 1.0 + 1e-12
    if wants.tracks:
        named = Reads(reads.tracks | {wants.tracks[0]}, reads.languages, reads.offset)
        assert affinity(wants, named) >= affinity(wants, reads)


def test_tracks_come_before_wishes_and_wishes_before_the_lot() -> None:
    wants = Wants(("a", "b"), "de", 1.0)
    first, second, other = (affinity(wants, Reads(frozenset(key))) for key in "abc")
    assert first > affinity(wants, Reads()) > second > other
    # All wishes against one still do not outweigh the track.
    assert affinity(wants, Reads(frozenset("a"), frozenset({"en"}), -11.0)) > other
    assert (
        affinity(wants, Reads(frozenset("a"), frozenset({"de"}), 2.0))
        - affinity(wants, Reads(frozenset("a"), frozenset({"de"}), 3.0))
        > LOT
    )
    assert hours_apart(12.0, -11.0) == 1.0
    assert by_lot(1, 2, 3) == by_lot(1, 2, 3) != by_lot(2, 2, 3)


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_bridges_leave_one_group_where_there_is_room(groups: int, each: int, seed: int) -> None:
    """Groups of two reviewers, each with applications of its own."""
    pairs = {(100 * g + a, 10 * g + r) for g in range(groups) for a in range(each) for r in (1, 2)}
    people = sorted({r for _, r in pairs})
    assert len(islands(pairs)) == groups
    loads = dict.fromkeys(people, each)
    anchors = shared(sorted({a for a, _ in pairs}), people, (), 2, seed)
    made = bridges(pairs, anchors, pairs, dict.fromkeys(people, each + 1), loads)
    assert len(made) == groups - 1, "as few as can be"
    assert len(islands(pairs | set(made))) == 1
    assert pairs.isdisjoint(made)
    assert not bridges(pairs, anchors, pairs, loads, loads), "no room, no bridge"


def test_shared_applications_are_those_most_people_may_read_by_the_seeds_lot() -> None:
    barred = {(1, 1), (2, 1), (2, 2)}
    assert shared([1, 2, 3, 4], [1, 2, 3], barred, 2, 7) == (3, 4)
    assert shared([1, 2, 3, 4], [1, 2, 3], barred, 3, 7) == (1, 3, 4)
    lots = {shared(range(20), [1], (), 1, seed) for seed in range(20)}
    assert len(lots) > 5


def test_a_full_reviewer_keeps_what_they_hold_though_others_hold_less() -> None:
    current = {(a, 1) for a in range(100, 106)}
    plan = assign(range(100, 108), [1, 2], None, (), 1, {1: 9, 2: 9}, 0, current=current, removal_price=2.0)
    assert change(plan, current).removed == ()
    assert plan.loads == {1: 6, 2: 2}
