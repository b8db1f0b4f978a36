"""Calibrating a cohort by the readings of now: computed here, kept by ``standings``.

Every central reading of the cohort is weighed as each track weighs: a reader's severity shows in all of their readings,
whatever their applicants chose.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import Rubric, Track
from matsapply.reviews.aggregates import counts
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound, TrackStanding
from matsapply.rules.calibration import NORMAL_95, Calibrated, Calibration, Score, Variances, calibrate, fit
from matsapply.rules.scoring import weighted_total, weights_for
from matsapply.rules.stages import ApplicationState, RoundKind, TrackChoiceState
from matsapply.rules.standing import Known, bar_for, chance, doubt, worth_of_reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session


AT_ONCE = 500  # lines that are written together, their applications locked
MOST_PLACES = 100_000
SAME = 1e-9
IN_RACE = (TrackChoice.state == TrackChoiceState.CHOSEN, Application.state == ApplicationState.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be written to one track choice, if its readings still have this count and sum."""

    choice_id: int
    application_id: int
    score_count: int
    score_sum: float
    calibrated: float | None = None
    margin: float | None = None
    chance: float | None = None
    doubt: float | None = None
    worth: float | None = None


@dataclass(frozen=True, slots=True)
class TrackResult:
    """One track's calibration (None without any reading), with the bar that follows from its places."""

    track_id: int
    places: int | None
    bar: float | None
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class CohortResult:
    """Everything one run of the job has found out. ``apart`` is each reader's mean distance from fellow readers."""

    cohort_id: int
    readings: int
    tracks: tuple[TrackResult, ...]
    lines: tuple[Line, ...]
    readers: dict[int, Calibrated] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    apart: dict[int, float] = field(default_factory=dict)


_READINGS = (
    sa.select(
        Review.application_id, ReviewAssignment.reviewer_id, Review.scores, Review.total, Review.rubric_id, Review.id
    )
    .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
    .join(ReviewRound, ReviewRound.id == Review.round_id)
    .where(ReviewRound.kind == RoundKind.CENTRAL_SCORE, counts())
    .order_by(Review.id)
)


def compute(session: Session, cohort_id: int) -> CohortResult:
    """Calibrate a cohort by the readings of now; writes nothing. Seconds for 20,000 applications."""
    readings = session.execute(_READINGS.where(ReviewRound.cohort_id == cohort_id)).all()
    weights: dict[int, Any] = dict(
        session.execute(sa.select(Rubric.id, Rubric.weights).where(Rubric.cohort_id == cohort_id)).all()
    )
    places = dict(
        session.execute(
            sa.select(TrackStanding.track_id, TrackStanding.places)
            .join(Track, Track.id == TrackStanding.track_id)
            .where(Track.cohort_id == cohort_id)
        ).all()
    )
    choices: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(_CHOICES.where(Application.cohort_id == cohort_id)):
        choices[row.track_id].append(row)
    advanced = _advanced(session)
    tracks: list[TrackResult] = []
    lines: list[Line] = []
    known: dict[str, Calibration | None] = {}
    for track_id, key in session.execute(
        sa.select(Track.id, Track.key).where(Track.cohort_id == cohort_id).order_by(Track.position)
    ):
        name = repr([(rubric, own.get(key)) for rubric, own in sorted(weights.items())])
        if name not in known:
            known[name] = _calibrated(_weighed(readings, weights, key))
        wanted, found = places.get(track_id), known[name]
        left = None if wanted is None else max(0, wanted - advanced.get(track_id, 0))
        own, field_ = choices[track_id], None
        if found is not None:
            field_ = _Field({row.id: found.scores.get(row.application_id) for row in own}, found.mean, found.variances)
        bar, own_lines = _standings(own, field_, left)
        tracks.append(TrackResult(track_id, wanted, bar, known[name]))
        lines += own_lines
    overall = _calibrated([(row.application_id, row.reviewer_id, row.total) for row in _once(readings)])
    read: dict[int, int] = defaultdict(int)
    for row in readings:
        read[row.reviewer_id] += 1
    severity = overall.severity if overall else {}
    return CohortResult(cohort_id, len(readings), tuple(tracks), tuple(lines), severity, dict(read), _apart(readings))


_CHOICES = (
    sa.select(
        TrackChoice.track_id,
        TrackChoice.id,
        TrackChoice.application_id,
        TrackChoice.score_count,
        TrackChoice.score_sum,
        TrackChoice.calibrated,
        TrackChoice.calibrated_margin,
    )
    .join(Application, Application.id == TrackChoice.application_id)
    .where(*IN_RACE)
    .order_by(TrackChoice.id)
)


def _advanced(session: Session) -> dict[int, int]:
    """How many have advanced on each track already, by an earlier release: they take places."""
    rows = session.execute(
        sa.select(TrackChoice.track_id, sa.func.count())
        .where(TrackChoice.state == TrackChoiceState.ADVANCED)
        .group_by(TrackChoice.track_id)
    )
    return dict(rows.all())


def _once(readings: Iterable[Any]) -> Iterable[Any]:
    """Of two readings of one application by one reader, in two rounds, the later one."""
    return {(row.application_id, row.reviewer_id): row for row in readings}.values()


def _weighed(readings: Iterable[Any], weights: Mapping[int, Any], track_key: str) -> list[Score]:
    found = []
    own: dict[tuple[int, tuple[str, ...]], dict[str, float]] = {}
    for row in _once(readings):
        which = row.rubric_id, tuple(row.scores)
        if which not in own:
            own[which] = weights_for(weights[row.rubric_id], track_key, which[1])
        found.append((row.application_id, row.reviewer_id, weighted_total(row.scores, own[which])))
    return found


def _calibrated(scores: Sequence[Score]) -> Calibration | None:
    return calibrate(scores, fit(scores)) if scores else None


@dataclass(frozen=True, slots=True)
class _Field:
    """The calibrated scores of a track's choices (None for the unread), and what is known of those without one."""

    scores: Mapping[int, Calibrated | None]
    mean: float
    variances: Variances


def _standings(choices: Sequence[Any], found: _Field | None, places: int | None) -> tuple[float | None, list[Line]]:
    """The bar of one track, and what to write to each of its choices."""
    if found is None:
        return None, [Line(row.id, row.application_id, row.score_count, row.score_sum) for row in choices]
    unread = Known(found.mean, sqrt(found.variances.quality))
    another = found.variances.severity + found.variances.noise
    stand = [Known(one.score, one.margin / NORMAL_95) if (one := found.scores[row.id]) else unread for row in choices]
    bar = None if places is None else bar_for(stand, places)
    lines = []
    for row, known in zip(choices, stand, strict=True):
        one = found.scores[row.id]
        line = Line(row.id, row.application_id, row.score_count, row.score_sum)
        if one is not None:
            line = replace(line, calibrated=one.score, margin=one.margin)
        if one is not None and bar is not None:
            above = chance(known, bar)
            worth = worth_of_reading(known, bar, another)
            line = replace(line, chance=above, doubt=doubt(above), worth=worth)
        lines.append(line)
    return bar, lines


def _apart(readings: Sequence[Any]) -> dict[int, float]:
    """Each reader's mean distance, in points, from every other reader of the same applications."""
    together: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for row in _once(readings):
        together[row.application_id].append((row.reviewer_id, row.total))
    distances: dict[int, list[float]] = defaultdict(list)
    for rows in together.values():
        for reader, own in rows:
            distances[reader] += [abs(own - value) for other, value in rows if other != reader]
    return {reader: fsum(found) / len(found) for reader, found in distances.items() if found}


def stand_again(session: Session, row: TrackStanding) -> tuple[float | None, list[Line]]:
    """The bar and the lines of one track by its kept scores and the places of now: no reading is looked at."""
    if row.mean is None or row.quality_variance is None:
        return None, []
    variances = Variances(row.quality_variance, row.severity_variance or 0.0, row.noise_variance or 0.0)
    choices = session.execute(_CHOICES.where(TrackChoice.track_id == row.track_id)).all()
    scores = {
        each.id: None if each.calibrated is None else Calibrated(each.calibrated, each.calibrated_margin)
        for each in choices
    }
    left = None if row.places is None else max(0, row.places - _advanced(session).get(row.track_id, 0))
    bar, lines = _standings(choices, _Field(scores, row.mean, variances), left)
    lines.sort(key=lambda line: (line.application_id, line.choice_id))
    return bar, [line for line in lines if line.calibrated is not None]
