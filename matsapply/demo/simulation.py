"""A simulated central review by the real rules: who reads what, third readers, calibration, more readings at the bar.

Scores are made as the model of ``rules/calibration.py`` says; what comes out is how many of the truly best are found,
how far readers agree, and what it costs in hours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import fsum, sqrt
from random import Random
from typing import TYPE_CHECKING

from matsapply.rules.assignment import assign
from matsapply.rules.calibration import NORMAL_95, Calibration, Score, Variances, calibrate, fit
from matsapply.rules.scoring import Aggregate, aggregate, needs_third_reader
from matsapply.rules.standing import Known, bar_for, chance, in_grey, worth_of_reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MIDDLE = 3.0
# On a scale of five points, in the usual proportions.
OF_FIVE = Variances(quality=0.5, severity=0.094, noise=0.496)


@dataclass(frozen=True, slots=True)
class Setting:
    """A review to simulate: ``places`` are to be given, a third reader comes at ``third_at`` points apart (None:
    never), ``extra`` readings go where they change most, a reading takes so many ``minutes``."""

    applications: int
    reviewers: int
    readers: int
    places: int
    third_at: float | None = 2.0
    extra: int = 0
    minutes: float = 10.0
    variances: Variances = OF_FIVE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated review came to. Precision: the share of the truly best among those above the line. ``apart`` is
    the mean distance of two readings of one application; ``agree`` the share of pairs on one side of the middle."""

    readings: int
    third: int
    precision_raw: float
    precision_calibrated: float
    apart: float | None
    agree: float | None
    grey: int
    load_least: int
    load_most: int
    hours: float
    hours_most: float


def simulate(setting: Setting, seed: int) -> Outcome:
    """One review; the same seed gives the same."""
    world = _World(setting, Random(seed), seed)
    world.read(dict.fromkeys(world.truth, setting.readers))
    third = {key: 1 for key, found in world.aggregates().items() if _wants_third(found, setting)}
    world.read(third)
    if setting.extra:
        world.read(_worth_most(world.calibration(), setting))
    return world.outcome(len(third))


def repeated(setting: Setting, seed: int, times: int) -> Outcome:
    """The mean of so many reviews, each with a seed of its own."""
    found = [simulate(setting, seed + number) for number in range(times)]

    def mean(name: str) -> float:
        values = [value for each in found if (value := getattr(each, name)) is not None]
        return fsum(values) / len(values) if values else 0.0

    paired = found[0].apart is not None
    return Outcome(
        round(mean("readings")),
        round(mean("third")),
        mean("precision_raw"),
        mean("precision_calibrated"),
        mean("apart") if paired else None,
        mean("agree") if paired else None,
        round(mean("grey")),
        min(each.load_least for each in found),
        max(each.load_most for each in found),
        mean("hours"),
        mean("hours_most"),
    )


def _wants_third(found: Aggregate, setting: Setting) -> bool:
    return setting.reviewers > setting.readers and needs_third_reader(found, setting.third_at, setting.readers)


def _worth_most(found: Calibration, setting: Setting) -> dict[int, int]:
    known = {key: Known(each.score, each.margin / NORMAL_95) for key, each in found.scores.items()}
    bar = bar_for(list(known.values()), setting.places)
    another = found.variances.severity + found.variances.noise
    worth = {key: worth_of_reading(each, bar, another) for key, each in known.items()}
    best = sorted(worth, key=lambda key: (-worth[key], key))[: setting.extra]
    return dict.fromkeys(best, 1)


class _World:
    def __init__(self, setting: Setting, random: Random, seed: int) -> None:
        self.setting, self.random, self.seed = setting, random, seed
        variances = setting.variances
        self.truth = {key: random.gauss(MIDDLE, sqrt(variances.quality)) for key in range(setting.applications)}
        self.severity = {key: random.gauss(0, sqrt(variances.severity)) for key in range(setting.reviewers)}
        self.scores: list[Score] = []
        self.loads: Counter[int] = Counter()

    def read(self, wanted: Mapping[int, int]) -> None:
        """Assign so many more readings of each, by the plan's own rule, and read."""
        if not wanted:
            return
        reviewers = sorted(self.severity)
        total = sum(self.loads.values()) + sum(wanted.values())
        cap = -(-total // len(reviewers)) + 1
        plan = assign(
            sorted(wanted),
            reviewers,
            None,
            {(application, reader) for application, reader, _ in self.scores},
            dict(wanted),
            dict.fromkeys(reviewers, cap),
            self.seed,
            held=self.loads,
        )
        spread = sqrt(self.setting.variances.noise)
        for application, reader in plan.pairs:
            value = self.truth[application] + self.severity[reader] + self.random.gauss(0, spread)
            self.scores.append((application, reader, value))
            self.loads[reader] += 1

    def by_application(self) -> dict[int, list[float]]:
        found: dict[int, list[float]] = defaultdict(list)
        for application, _, value in self.scores:
            found[application].append(value)
        return found

    def aggregates(self) -> dict[int, Aggregate]:
        return {key: aggregate(values) for key, values in self.by_application().items()}

    def calibration(self) -> Calibration:
        return calibrate(self.scores, fit(self.scores))

    def outcome(self, third: int) -> Outcome:
        setting, found = self.setting, self.calibration()
        best = _best(self.truth, setting.places)
        raw = _best({key: each.mean or 0.0 for key, each in self.aggregates().items()}, setting.places)
        calibrated = _best({key: each.score for key, each in found.scores.items()}, setting.places)
        pairs = [
            (a, b) for values in self.by_application().values() for i, a in enumerate(values) for b in values[i + 1 :]
        ]
        known = [Known(each.score, each.margin / NORMAL_95) for each in found.scores.values()]
        bar = bar_for(known, setting.places)
        loads = [self.loads[key] for key in self.severity]
        hour = setting.minutes / 60
        return Outcome(
            len(self.scores),
            third,
            len(best & raw) / setting.places,
            len(best & calibrated) / setting.places,
            fsum(abs(a - b) for a, b in pairs) / len(pairs) if pairs else None,
            sum((a > MIDDLE) == (b > MIDDLE) for a, b in pairs) / len(pairs) if pairs else None,
            sum(in_grey(chance(each, bar)) for each in known),
            min(loads),
            max(loads),
            len(self.scores) * hour,
            max(loads) * hour,
        )


def _best(by: Mapping[int, float], places: int) -> set[int]:
    return set(sorted(by, key=lambda key: (-by[key], key))[:places])


# --- the picture ------------------------------------------------------------------------------------------------------

WIDE, HIGH, LEFT, BELOW, ABOVE = 640, 320, 56, 44, 56
LINES = (("calibrated", "precision_calibrated", "#4338ca"), ("raw mean", "precision_raw", "#cb7700"))


def picture(title: str, found: Iterable[tuple[int, Outcome]]) -> str:
    """An SVG of precision by readers of each application: raw and calibrated, with the hours below."""
    points = list(found)
    lowest = min(min(each.precision_raw, each.precision_calibrated) for _, each in points)
    floor = max(0.0, int(lowest * 10) / 10)
    right = WIDE - 110

    def x(place: int) -> float:
        return LEFT + 24 + place * (right - LEFT - 48) / max(1, len(points) - 1)

    def y(value: float) -> float:
        return HIGH - BELOW - (value - floor) / (1 - floor) * (HIGH - BELOW - ABOVE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{title}"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#191c2b">',
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>',
        f'<text x="{LEFT - 40}" y="24" font-size="14" font-weight="600">{title}</text>',
    ]
    for tenth in range(round(floor * 10), 11):
        value = tenth / 10
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#e2e5ee"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#525972">{value:.0%}</text>')
    for place, (readers, each) in enumerate(points):
        words = f"{readers} reader{'s' if readers > 1 else ''}"
        parts.append(f'<text x="{x(place):.1f}" y="{HIGH - 24}" text-anchor="middle">{words}</text>')
        parts.append(
            f'<text x="{x(place):.1f}" y="{HIGH - 8}" text-anchor="middle" fill="#525972">{each.hours:,.0f} h</text>'
        )
    for _, name, colour in LINES:
        line = " ".join(f"{x(place):.1f},{y(getattr(each, name)):.1f}" for place, (_, each) in enumerate(points))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for place, (_, each) in enumerate(points):
            parts.append(f'<circle cx="{x(place):.1f}" cy="{y(getattr(each, name)):.1f}" r="4" fill="{colour}"/>')
    ends = sorted(LINES, key=lambda line: y(getattr(points[-1][1], line[1])))
    last = -20.0
    for label, name, colour in ends:
        place = max(y(getattr(points[-1][1], name)), last + 16)
        last = place
        parts.append(f'<text x="{right + 4}" y="{place + 4:.1f}" fill="{colour}" font-weight="600">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])
