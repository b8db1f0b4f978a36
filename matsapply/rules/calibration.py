"""Scores freed of the severity of those who gave them: best linear unbiased predictions, with their intervals.

A score is y = μ + quality + severity + noise, with the application's quality, the reader's severity and the noise
independent and of variances that are estimated. What is predicted is μ + quality. After C. R. Henderson, "Best linear
unbiased estimation and prediction under a selection model", Biometrics 31 (1975); used for reviews by C. Cortes and
N. D. Lawrence, "Inconsistency in conference peer review" (arXiv 2109.09774). The qualities are eliminated first, each
from its own few scores, so that what is solved is as large as the number of readers, not of applications.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import fsum, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Score = tuple[int, int, float]  # application, reader, score
Matrix = list[list[float]]
NORMAL_95 = 1.959964  # so many standard deviations to either side hold 95 of 100 cases


@dataclass(frozen=True, slots=True)
class Variances:
    """Of quality, of readers' severity and of the noise, in squared points of the scale."""

    quality: float
    severity: float
    noise: float


# The variances that the programme chairs fitted for NIPS 2014 (N. D. Lawrence, "Reviewer calibration for NIPS",
# inverseprobability.com, 2014): where nothing can be estimated yet, their proportions are the best guess there is.
USUAL = Variances(quality=1.28, severity=0.24, noise=1.27)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """``score`` is comparable with a raw mean; it lies within ``margin`` of the truth in 95 of 100 cases."""

    score: float
    margin: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """``scores`` by application; ``severity`` by reader: positive for one who gives more than others, known as well as
    its margin says."""

    scores: dict[int, Calibrated]
    severity: dict[int, Calibrated]
    mean: float
    variances: Variances


def estimate(scores: Sequence[Score]) -> Variances:
    """Unbiased estimates from pairs of scores, cut at 0.

    Two scores of one application differ by severity and noise, two of one reader by quality and noise, two of neither
    by all three.
    """
    values = [value for _, _, value in scores]
    by_application, by_reader = _groups(scores, 0), _groups(scores, 1)
    all_pairs, all_squares = _pairs(values)
    same_application = _added(by_application)
    same_reader = _added(by_reader)
    others = all_pairs - same_application[0] - same_reader[0]
    whole = (all_squares - same_application[1] - same_reader[1]) / others if others else 0.0
    severity_and_noise = same_application[1] / same_application[0] if same_application[0] else whole
    quality_and_noise = same_reader[1] / same_reader[0] if same_reader[0] else whole
    return Variances(
        quality=max(0.0, whole - severity_and_noise),
        severity=max(0.0, whole - quality_and_noise),
        noise=max(0.0, severity_and_noise + quality_and_noise - whole),
    )


def fit(scores: Sequence[Score]) -> Variances:
    """What ``estimate`` finds, or the usual proportions of the whole variance where it finds no quality to tell apart:
    before any application has two readings, and by chance in small cohorts.
    """
    found = estimate(scores)
    if found.quality > 0:
        return found
    pairs, squares = _pairs([value for _, _, value in scores])
    share = squares / pairs / (USUAL.quality + USUAL.severity + USUAL.noise) if pairs else 0.0
    return Variances(USUAL.quality * share, USUAL.severity * share, USUAL.noise * share)


def _groups(scores: Sequence[Score], by: int) -> list[list[float]]:
    found: dict[float, list[float]] = defaultdict(list)
    for each in scores:
        found[each[by]].append(each[2])
    return list(found.values())


def _pairs(values: Sequence[float]) -> tuple[int, float]:
    """The number of pairs, and the sum of half their squared differences."""
    number = len(values)
    if not number:
        return 0, 0.0
    mean = fsum(values) / number
    return number * (number - 1) // 2, number * fsum((value - mean) ** 2 for value in values) / 2


def _added(groups: Sequence[Sequence[float]]) -> tuple[int, float]:
    found = [_pairs(group) for group in groups]
    return sum(number for number, _ in found), fsum(squares for _, squares in found)


def calibrate(scores: Sequence[Score], variances: Variances | None = None) -> Calibration:
    """Calibrate the scores; each pair of application and reader stands at most once. ``variances`` are estimated where
    none are given. Without any variance of quality everybody is predicted alike. Raises ``ValueError`` without scores.
    """
    if not scores:
        raise ValueError("there are no scores")
    found = variances or estimate(scores)
    noise = max(found.noise, 1e-9 * (found.quality + found.severity) or 1.0)
    given: dict[int, list[tuple[int, float]]] = defaultdict(list)
    readers = sorted({reader for _, reader, _ in scores})
    place = {reader: number for number, reader in enumerate(readers, start=1)}
    for application, reader, value in scores:
        given[application].append((place[reader], value))
    shrink = {a: found.quality / (len(rows) * found.quality + noise) for a, rows in given.items()}
    size = len(readers) + 1 if found.severity > 0 else 1
    left, right = _equations(given, shrink, noise, size)
    for number in range(1, size):
        left[number][number] += 1.0 / found.severity
    inverse = _inverse(left)
    solved = [fsum(a * b for a, b in zip(row, right, strict=True)) for row in inverse] + [0.0] * (len(place) + 1 - size)
    calibrated = {
        application: _predicted(rows, shrink[application], noise, solved, inverse)
        for application, rows in given.items()
    }
    severity = {
        reader: Calibrated(
            solved[place[reader]],
            NORMAL_95 * sqrt(max(0.0, inverse[place[reader]][place[reader]])) if size > 1 else 0.0,
        )
        for reader in readers
    }
    return Calibration(calibrated, severity, solved[0], found)


def _equations(
    given: dict[int, list[tuple[int, float]]], shrink: dict[int, float], noise: float, size: int
) -> tuple[Matrix, list[float]]:
    """The equations for μ (place 0) and the readers' severities, the qualities eliminated."""
    left: Matrix = [[0.0] * size for _ in range(size)]
    right = [0.0] * size
    for application, rows in given.items():
        k, number = shrink[application], len(rows)
        total = fsum(value for _, value in rows)
        rest = 1.0 - k * number
        left[0][0] += number * rest / noise
        right[0] += total * rest / noise
        if size == 1:
            continue
        for reader, value in rows:
            left[0][reader] += rest / noise
            left[reader][0] += rest / noise
            right[reader] += (value - k * total) / noise
            left[reader][reader] += 1.0 / noise
            for other, _ in rows:
                left[reader][other] -= k / noise
    return left, right


def _predicted(
    rows: list[tuple[int, float]], k: float, noise: float, solved: list[float], inverse: Matrix
) -> Calibrated:
    score = solved[0] + k * fsum(value - solved[0] - solved[reader] for reader, value in rows)
    weights = [(0, 1.0 - k * len(rows))]
    if len(inverse) > 1:
        weights += [(reader, -k) for reader, _ in rows]
    error = fsum(a * b * inverse[i][j] for i, a in weights for j, b in weights)
    return Calibrated(score, NORMAL_95 * sqrt(max(0.0, k * noise + error)))


def _inverse(matrix: Matrix) -> Matrix:
    """Of a symmetric positive definite matrix, by elimination with the whole rows at once."""
    size = len(matrix)
    work = [row + [float(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for i, row in enumerate(work):
        pivot = row[i]
        row = work[i] = [value / pivot for value in row]
        for j, other in enumerate(work):
            if j != i and (factor := other[i]):
                work[j] = [a - factor * b for a, b in zip(other, row, strict=True)]
    return [row[size:] for row in work]
