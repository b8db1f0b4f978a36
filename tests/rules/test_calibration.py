"""Calibrated scores: against the whole dense problem in exact fractions, and how they answer to changes."""

from __future__ import annotations

from fractions import Fraction
from math import fsum, isclose
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from matsapply.rules.calibration import Score, Variances, calibrate, estimate, fit

SOME = Variances(quality=1.28, severity=0.24, noise=1.27)
EXACT = 1e-9


@st.composite
def readings(draw: st.DrawFn) -> list[Score]:
    """A connected set of scores: each application but the first shares a reader with an earlier one."""
    random = Random(draw(st.integers(0, 10_000)))
    applications, readers = draw(st.integers(2, 7)), draw(st.integers(2, 5))
    pairs = {(0, reader) for reader in range(readers)}
    for application in range(1, applications):
        pairs |= {(application, reader) for reader in random.sample(range(readers), random.randint(1, min(3, readers)))}
    return [(a, r, random.randint(1, 100) / 10) for a, r in sorted(pairs)]


def dense(scores: list[Score], variances: Variances) -> tuple[dict[int, Fraction], Fraction]:
    """μ + quality of each application by V⁻¹ of all the scores at once (generalised least squares, then prediction)."""
    q, s, n = (Fraction(value) for value in (variances.quality, variances.severity, variances.noise))
    covariance = [
        [(q if a == b else 0) + (s if r == t else 0) + (n if (a, r) == (b, t) else Fraction(0)) for b, t, _ in scores]
        for a, r, _ in scores
    ]
    ones, values = [Fraction(1)] * len(scores), [Fraction(value) for _, _, value in scores]
    to_ones, to_values = solve(covariance, ones), solve(covariance, values)
    mean = sum(to_values) / sum(to_ones)
    rest = [v - mean * o for v, o in zip(to_values, to_ones, strict=True)]
    found = {a: mean + q * sum(r for r, (b, _, _) in zip(rest, scores, strict=True) if b == a) for a, _, _ in scores}
    return found, mean


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(j for j in range(i, len(rows)) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j, other in enumerate(rows):
            if j != i and other[i]:
                rows[j] = [a - other[i] * b for a, b in zip(other, rows[i], strict=True)]
    return [row[-1] for row in rows]


def points(scores: list[Score], variances: Variances) -> dict[int, float]:
    return {key: each.score for key, each in calibrate(scores, variances).scores.items()}


VARIANCES = st.builds(Variances, st.floats(0.05, 4), st.floats(0.05, 4), st.floats(0.05, 4))


@given(readings(), VARIANCES)
@settings(max_examples=60)
def test_it_is_the_dense_solution(scores: list[Score], variances: Variances) -> None:
    expected, mean = dense(scores, variances)
    found = calibrate(scores, variances)
    assert abs(found.mean - mean) < EXACT
    assert all(abs(found.scores[key].score - value) < EXACT for key, value in expected.items())


@given(readings(), VARIANCES, st.floats(-50, 50))
def test_a_constant_added_to_all_scores_shifts_every_calibrated_one_by_it(
    scores: list[Score], variances: Variances, constant: float
) -> None:
    before, after = points(scores, variances), points([(a, r, y + constant) for a, r, y in scores], variances)
    assert all(abs(after[key] - before[key] - constant) < 1e-8 for key in before)


@given(readings(), st.integers(0, 4), st.integers(-30, 30))
def test_as_severity_grows_one_readers_constant_leaves_the_differences(
    scores: list[Score], reader: int, constant: int
) -> None:
    """On a connected graph: then a constant of one reader says nothing of any application."""
    wide = Variances(1.0, 1e9, 1.0)
    before = points(scores, wide)
    after = points([(a, r, y + constant * (r == reader)) for a, r, y in scores], wide)
    shifts = [after[key] - before[key] for key in before]
    assert max(shifts) - min(shifts) < 1e-4


@given(readings(), st.floats(0.05, 4), st.floats(0.05, 4))
def test_without_severity_it_is_the_shrunken_mean(scores: list[Score], quality: float, noise: float) -> None:
    found = calibrate(scores, Variances(quality, 0.0, noise))
    assert {each.score for each in found.severity.values()} == {0.0}
    for application, each in found.scores.items():
        own = [value for key, _, value in scores if key == application]
        trust = quality / (quality + noise / len(own))
        assert isclose(each.score, found.mean + trust * (fsum(own) / len(own) - found.mean), abs_tol=1e-9)


@given(readings(), VARIANCES, st.randoms(use_true_random=False))
def test_the_order_of_the_scores_does_not_matter(scores: list[Score], variances: Variances, random: Random) -> None:
    before = points(scores, variances)
    random.shuffle(scores)
    after = points(scores, variances)
    assert all(abs(after[key] - before[key]) < EXACT for key in before)


def world(seed: int, applications: int = 400, readers: int = 20) -> tuple[dict[int, float], list[Score]]:
    random = Random(seed)
    truth = {key: 5 + random.gauss(0, SOME.quality**0.5) for key in range(applications)}
    severe = [random.gauss(0, SOME.severity**0.5) for _ in range(readers)]
    scores = [
        (key, reader, quality + severe[reader] + random.gauss(0, SOME.noise**0.5))
        for key, quality in truth.items()
        for reader in random.sample(range(readers), 3)
    ]
    return truth, scores


def test_the_variances_are_found_again() -> None:
    found = [estimate(world(seed, readers=60)[1]) for seed in range(20)]
    for name in ("quality", "severity", "noise"):
        mean = fsum(getattr(each, name) for each in found) / len(found)
        assert isclose(mean, getattr(SOME, name), rel_tol=0.15), name


def test_nineteen_of_twenty_truths_lie_within_their_margin() -> None:
    within = []
    for seed in range(6):
        truth, scores = world(seed)
        found = calibrate(scores, SOME).scores
        within += [abs(each.score - truth[key]) <= each.margin for key, each in found.items()]
    assert 0.93 <= sum(within) / len(within) <= 0.97


def test_a_severe_reader_is_found_and_forgiven() -> None:
    scores = [(a, r, 3.0 - (r == 0)) for a in range(6) for r in ((0, 1), (1, 2), (2, 0))[a % 3]]
    found = calibrate(scores, Variances(0.5, 0.5, 0.1))
    assert min(found.severity, key=lambda reader: found.severity[reader].score) == 0
    plain = {a: fsum(y for b, _, y in scores if b == a) / 2 for a in range(6)}
    assert max(plain.values()) - min(plain.values()) == 0.5
    calm = [each.score for each in found.scores.values()]
    assert max(calm) - min(calm) < 0.1


def test_before_anybody_is_read_twice_the_usual_proportions_hold() -> None:
    once = [(number, number % 3, float(1 + number % 5)) for number in range(30)]
    assert estimate(once).quality == 0, "nothing tells quality from noise"
    found = calibrate(once, fit(once))
    assert found.variances.quality / found.variances.noise == pytest.approx(1.28 / 1.27)
    best, worst = (found.scores[number] for number in (4, 0))
    assert best.score > worst.score
    assert all(each.margin > 0.5 for each in found.scores.values())
    twice = world(1)[1]
    assert fit(twice) == estimate(twice)
    assert fit([(1, 1, 3.0), (2, 1, 3.0)]) == Variances(0.0, 0.0, 0.0)


@pytest.mark.parametrize("scores", [[(1, 1, 3.0)], [(1, 1, 3.0), (2, 1, 3.0)], [(1, 1, 2.0), (1, 2, 4.0)]])
def test_few_scores_give_an_answer_and_none_gives_a_refusal(scores: list[Score]) -> None:
    found = calibrate(scores)
    assert {a for a, _, _ in scores} == set(found.scores)
    assert all(2.0 <= each.score <= 4.0 and each.margin >= 0 for each in found.scores.values())
    with pytest.raises(ValueError, match="no scores"):
        calibrate([])
