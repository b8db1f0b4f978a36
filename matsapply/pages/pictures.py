"""The geometry of the small pictures: where a bar stands, where an axis has its marks. Templates draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LEAST_VISIBLE = 1.0  # a bar of a value above nothing is never thinner than this, in the picture's units


class Bar(NamedTuple):
    """A rectangle in the picture's own units; y grows downwards, as in SVG."""

    x: float
    y: float
    width: float
    height: float


def bar_shapes(values: Sequence[float], width: float, height: float, top: float | None = None) -> list[Bar]:
    """One bar a value, side by side over the whole width, standing on the ground; ``top`` is what fills the height."""
    if not values:
        return []
    highest = top or max(values)
    room = width / len(values)
    gap = min(room * 0.25, 12.0)
    bars = []
    for index, value in enumerate(values):
        tall = max(value / highest * height, LEAST_VISIBLE) if highest > 0 and value > 0 else 0.6
        bars.append(Bar(index * room + gap / 2, height - tall, room - gap, tall))
    return [Bar(*(round(part, 2) for part in bar)) for bar in bars]


def axis_ticks(values: Sequence[float]) -> list[int]:
    """Round marks from zero to just above the highest value, five at most; whole numbers, because they count things."""
    highest = max(values, default=0)
    step = 1
    for factor in _factors():
        step = factor
        if step * 4 >= highest:
            break
    count = max(1, -(-int(highest) // step))
    return [step * index for index in range(count + 1)]


def _factors() -> list[int]:
    return [lead * 10**power for power in range(9) for lead in (1, 2, 5)]
