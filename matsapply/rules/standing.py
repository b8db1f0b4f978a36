"""Where calibrated scores stand to the bar: the chance of each to lie above it, and where one more reading helps most.

Each application's true score is taken as normal around its calibrated one. The bar is where as many are expected above
it as there are places. What one more reading is worth is the mean improvement of whom it lets through, in points of the
scale: the one-step look-ahead of S. S. Gupta and K. J. Miescke, "Bayesian look ahead one-stage sampling allocations for
selection of the best population", Journal of Statistical Planning and Inference 54 (1996), for a choice between above
and below.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, fsum, inf, isinf, pi, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GREY = (0.1, 0.9)  # chances between which more readings might change the outcome
CLOSE = 1e-12
MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an application: its calibrated ``score``, and the standard ``deviation`` of the true one."""

    score: float
    deviation: float


def chance(known: Known, bar: float) -> float:
    """The chance, 0 to 1, that the true score lies above ``bar`` (which may be infinite)."""
    if isinf(bar):
        return 0.0 if bar > 0 else 1.0
    if known.deviation <= 0:
        return 0.5 if known.score == bar else float(known.score > bar)
    return _above((known.score - bar) / known.deviation)


def bar_for(field: Sequence[Known], places: int) -> float:
    """The score above which ``places`` of the ``field`` are expected: infinite for no place, or for a place for all.

    With equal scores that are known exactly, it is the score at which the number above falls to ``places`` or less.
    """
    if places <= 0:
        return inf
    if places >= len(field):
        return -inf
    widest = max(each.deviation for each in field) * 10 + 1
    low, high = min(each.score for each in field) - widest, max(each.score for each in field) + widest
    for _ in range(MOST_STEPS):
        middle = (low + high) / 2
        if high - low < CLOSE:
            break
        if fsum(chance(each, middle) for each in field) > places:
            low = middle
        else:
            high = middle
    return high


def doubt(above: float) -> float:
    """How open the outcome is: 0 for a chance of 0 or 1, a half where both are as likely."""
    return min(above, 1.0 - above)


def in_grey(above: float) -> bool:
    """Whether the chance lies in the grey area, its ends included."""
    return GREY[0] <= above <= GREY[1]


def clearly_below(above: float) -> bool:
    """Whether the chance lies below the grey area: to let such an application through takes an exception."""
    return above < GREY[0]


def worth_of_reading(known: Known, bar: float, reading_variance: float) -> float:
    """The expected gain, in points, of one more reading by somebody new before choosing above or below.

    ``reading_variance`` is that of one score around the truth: severity and noise together. 0 where nothing is open.
    """
    own = known.deviation**2
    if isinf(bar) or own <= 0:
        return 0.0
    moved = own / sqrt(own + reading_variance)  # how far the calibrated score is expected to move
    distance = abs(known.score - bar)
    away = distance / moved
    return max(0.0, moved * exp(-away * away / 2) / sqrt(2 * pi) - distance * _above(-away))


def _above(z: float) -> float:
    return erfc(-z / sqrt(2)) / 2
