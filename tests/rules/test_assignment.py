"""Plans of readings: complete where they can be, even, free of conflicts, the same for the same seed (invariant 28)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings, strategies as st

from matsapply.rules.assignment import AssignmentPlan, assign


@dataclass(frozen=True)
class Case:
    applications: list[int]
    reviewers: list[int]
    affinity: dict[tuple[int, int], float]
    conflicts: frozenset[tuple[int, int]]
    n: int
    caps: dict[int, int]
    held: dict[int, int]
    seed: int

    def plan(self, **more: object) -> AssignmentPlan:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__} | more
        held = values.pop("held")
        return assign(**values, held=held)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    applications = list(range(100, 100 + draw(st.integers(0, 9))))
    reviewers = list(range(1, 1 + draw(st.integers(0, 6))))
    pairs = [(a, r) for a in applications for r in reviewers]
    chosen = st.sets(st.sampled_from(pairs)) if pairs else st.just(set())
    return Case(
        applications=applications,
        reviewers=reviewers,
        affinity={pair: draw(st.floats(0, 1)) for pair in draw(chosen)},
        conflicts=frozenset(draw(chosen)),
        n=draw(st.integers(0, 4)),
        caps={r: draw(st.integers(0, 12)) for r in reviewers},
        held={r: draw(st.integers(0, 3)) for r in reviewers},
        seed=draw(st.integers(0, 99)),
    )


def most_possible(case: Case) -> int:
    """The number of readings any plan could place: a flow, by augmenting paths, written without regard to speed."""
    room = {r: max(0, case.caps[r] - case.held[r]) for r in case.reviewers}
    given: set[tuple[int, int]] = set()

    def place(application: int, seen: set[int]) -> bool:
        for reviewer in case.reviewers:
            pair = (application, reviewer)
            if pair in case.conflicts or pair in given or reviewer in seen:
                continue
            seen.add(reviewer)
            if sum(r == reviewer for _, r in given) < room[reviewer]:
                given.add(pair)
                return True
            for moved in [a for a, r in given if r == reviewer]:
                given.discard((moved, reviewer))
                if place(moved, seen):
                    given.add(pair)
                    return True
                given.add((moved, reviewer))
        return False

    return sum(place(application, set()) for application in case.applications for _ in range(case.n))


@given(cases())
@settings(max_examples=300)
def test_a_plan_keeps_every_rule_and_leaves_out_no_reading_that_could_be_placed(case: Case) -> None:
    plan = case.plan()
    assert len(set(plan.pairs)) == len(plan.pairs), "nobody reads the same thing twice (invariant 21)"
    assert case.conflicts.isdisjoint(plan.pairs)
    given = Counter(r for _, r in plan.pairs)
    assert plan.loads == {r: case.held[r] + given[r] for r in case.reviewers}
    assert all(case.held[r] + given[r] <= max(case.caps[r], case.held[r]) for r in case.reviewers), "invariant 25"
    readers = Counter(a for a, _ in plan.pairs)
    missing = {each.application: each.missing for each in plan.unplaced}
    assert all(readers[a] + missing.get(a, 0) == case.n for a in case.applications)
    assert all(each.missing > 0 and each.reason for each in plan.unplaced)
    assert len(plan.pairs) == most_possible(case)


@given(cases(), st.randoms(use_true_random=False))
def test_invariant_28_the_same_seed_gives_the_same_plan_in_whatever_order_it_is_asked(case: Case, random) -> None:
    plan = case.plan()
    applications, reviewers = list(case.applications), list(case.reviewers)
    random.shuffle(applications)
    random.shuffle(reviewers)
    again = case.plan(applications=applications, reviewers=reviewers)
    assert again == plan
    assert again.digest == plan.digest


@given(st.integers(1, 40), st.integers(3, 8), st.integers(1, 3), st.integers(0, 9))
def test_without_conflicts_the_loads_differ_by_one_at_most(
    applications: int, reviewers: int, n: int, seed: int
) -> None:
    people = range(reviewers)
    plan = assign(range(100, 100 + applications), people, None, (), n, dict.fromkeys(people, 999), seed)
    assert not plan.unplaced
    assert max(plan.loads.values()) - min(plan.loads.values()) <= 1


@given(st.integers(1, 30), st.integers(3, 6), st.integers(0, 9))
def test_invariant_28_one_reviewer_more_loads_nobody_beyond_the_fair_share(number: int, people: int, seed: int) -> None:
    caps = dict.fromkeys(range(people + 1), 999)
    plan = assign(range(100, 100 + number), range(people + 1), None, (), 2, caps, seed)
    assert max(plan.loads.values()) <= -(-2 * number // (people + 1)) + 1


def test_what_is_preferred_is_given_where_it_costs_nobody() -> None:
    affinity = {(100, 2): 0.9, (101, 1): 0.8, (102, 3): 0.7}
    plan = assign([100, 101, 102], [1, 2, 3], affinity, (), 1, {1: 5, 2: 5, 3: 5}, 0)
    assert set(plan.pairs) == set(affinity)


def test_why_an_application_lacks_a_reader_is_told() -> None:
    alone = assign([100], [], None, (), 1, {}, 0)
    barred = assign([100], [1], None, {(100, 1)}, 1, {1: 5}, 0)
    short = assign([100], [1], None, (), 2, {1: 5}, 0)
    full = assign([100], [1], None, (), 1, {1: 2}, 0, held={1: 2})
    reasons = [plan.unplaced[0].reason for plan in (alone, barred, short, full)]
    assert len(set(reasons)) == 4
    assert "no reviewer" in reasons[0]
    assert "conflict" in reasons[1]
    assert "1 of 2" in reasons[2]
    assert "cap" in reasons[3]


def test_each_application_may_want_another_number() -> None:
    plan = assign([100, 101, 102], [1, 2, 3], None, (), {100: 3, 101: 1}, dict.fromkeys((1, 2, 3), 9), 4)
    assert Counter(a for a, _ in plan.pairs) == {100: 3, 101: 1}
    assert not plan.unplaced
