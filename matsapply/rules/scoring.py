"""Scores: checked against a rubric, weighed by track, and put together over the readings that count.

Sums are exactly rounded (``math.fsum``), so an aggregate does not depend on the order of the readings: kept and
recomputed values can be compared for equality.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Totals are sums of products of decimal weights: two that differ by less than this are the same on paper.
SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Checked:
    """Scores that were looked at: what is sound, and what is wrong, by criterion."""

    scores: dict[str, int]
    problems: dict[str, str]

    @property
    def complete(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What several readings come to. ``mean`` and ``spread`` (largest minus smallest total) are None without any."""

    count: int
    total: float
    mean: float | None
    spread: float | None


def check_scores(scores: Mapping[str, object], criteria: Sequence[str], steps: int) -> Checked:
    """Compare ``scores`` with a rubric of ``criteria`` and a scale of ``steps``; a score is a whole number from 1."""
    sound: dict[str, int] = {}
    problems: dict[str, str] = {}
    for key in criteria:
        if key not in scores or scores[key] in (None, ""):
            problems[key] = f"Choose a score from 1 to {steps}."
        elif (score := _whole(scores[key])) is None or not 1 <= score <= steps:
            problems[key] = f"This score is not on the scale: choose 1 to {steps}."
        else:
            sound[key] = score
    for key in scores:
        if key not in criteria:
            problems[key] = "The rubric has no such criterion."
    return Checked(sound, problems)


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= 3 and value.isascii() and value.isdigit():
        return int(value)
    return None


def weights_for(
    weights: Mapping[str, Mapping[str, float]], track: str | None, criteria: Sequence[str]
) -> dict[str, float]:
    """The weight of each criterion for ``track``; equal ones where the rubric has none for it. They sum to 1."""
    own = weights.get(track or "")
    if not own:
        return {key: 1 / len(criteria) for key in criteria}
    return {key: float(own.get(key, 0.0)) for key in criteria}


def weighted_total(scores: Mapping[str, int], weights: Mapping[str, float]) -> float:
    """Σ weight · score over the criteria that have a weight. Raises ``KeyError`` for one without a score."""
    return fsum(weight * scores[key] for key, weight in weights.items())


def aggregate(totals: Iterable[float]) -> Aggregate:
    """Count, sum, mean and spread of the totals of the readings that count, whatever their order."""
    values = list(totals)
    if not values:
        return Aggregate(0, 0.0, None, None)
    total = fsum(values)
    return Aggregate(len(values), total, total / len(values), max(values) - min(values))


def criterion_means(readings: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """The mean of each criterion that all the readings score; None without any. Weighed, they give the mean total."""
    if not readings:
        return None
    shared = [key for key in readings[0] if all(key in scores for scores in readings)]
    return {key: fsum(scores[key] for scores in readings) / len(readings) for key in shared}


def needs_third_reader(found: Aggregate, threshold: float | None, readers: int) -> bool:
    """Whether the planned readers are done and lie at least ``threshold`` apart; asked once, not for a fourth."""
    if threshold is None or found.spread is None:
        return False
    return readers >= 2 and found.count == readers and found.spread >= threshold - SAME
