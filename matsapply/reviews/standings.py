"""Calibrated scores, kept beside the raw ones: made by a job whenever the readings they rest on have changed.

A change of an application's readings empties its calibrated scores in the same transaction (``aggregates``), so what
stands there never counts a reading that counts no more. The job finds them by that, computes (``calibrating``), and
writes scores and standings where the readings are still those it knew.
"""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application, TeamTask, TrackChoice
from matsapply.audit import actions as audit
from matsapply.cohorts.models import Track
from matsapply.reviews.calibrating import IN_RACE, CohortResult, Line, compute, stand_again
from matsapply.reviews.models import ReaderStanding, TrackStanding
from matsapply.reviews.rounds import THIRD_READER
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

AT_ONCE = 500  # lines that are written together, their applications locked
MOST_PLACES = 100_000
SAME = 1e-9


# --- what is to be done -----------------------------------------------------------------------------------------------


def stale_cohorts(session: Session) -> list[int]:
    """Cohorts in central review whose calibrated scores do not rest on the readings of now."""
    waiting = (
        sa.select(Application.cohort_id)
        .join(TrackChoice, TrackChoice.application_id == Application.id)
        .where(*IN_RACE, TrackChoice.score_mean.is_not(None), TrackChoice.calibrated.is_(None))
    )
    asked = (
        sa.select(Track.cohort_id)
        .join(TrackStanding, TrackStanding.track_id == Track.id)
        .where(TrackStanding.calibrated_at.is_(None))
    )
    # Whoever has lost all readings has no score to calibrate, but the others' have changed with it.
    kept = (
        sa.select(Track.cohort_id, sa.func.max(TrackStanding.readings).label("readings"))
        .join(TrackStanding, TrackStanding.track_id == Track.id)
        .group_by(Track.cohort_id)
        .subquery()
    )
    fewer = (
        sa.select(Application.cohort_id)
        .join(kept, kept.c.cohort_id == Application.cohort_id)
        .where(Application.cohort_id.in_(_racing()))
        .group_by(Application.cohort_id)
        .having(sa.func.sum(Application.score_count) != sa.func.max(kept.c.readings))
    )
    return sorted(session.scalars(sa.union(waiting, asked, fewer)))


def _racing() -> sa.Select[tuple[int]]:
    return sa.select(Application.cohort_id).where(Application.state == ApplicationState.SUBMITTED)


# --- writing ----------------------------------------------------------------------------------------------------------


def parts(result: CohortResult) -> Iterator[tuple[Line, ...]]:
    """The lines to write, so many applications at a time, in the order of their keys: that of every lock."""
    ordered = tuple(sorted(result.lines, key=lambda line: (line.application_id, line.choice_id)))
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]


def write_part(session: Session, lines: Sequence[Line]) -> None:
    """Write what still rests on the same readings. Applications are locked first, as by whoever changes a reading."""
    if not lines:
        return
    own = sorted({line.application_id for line in lines})
    session.execute(
        sa.select(Application.id).where(Application.id.in_(own)).order_by(Application.id).with_for_update()
    ).all()
    session.connection().execute(
        _WRITE,
        [
            {
                "choice": line.choice_id,
                "known_count": line.score_count,
                "known_sum": line.score_sum,
                "calibrated": line.calibrated,
                "calibrated_margin": line.margin,
                "chance": line.chance,
                "doubt": line.doubt,
                "reading_worth": line.worth,
            }
            for line in lines
        ],
    )


# Beside the version and the instant of change: nobody else writes these columns except to empty them under the lock.
_WRITE = (
    sa.update(TrackChoice.__table__)
    .where(
        TrackChoice.__table__.c.id == sa.bindparam("choice"),
        TrackChoice.__table__.c.score_count == sa.bindparam("known_count"),
        TrackChoice.__table__.c.score_sum == sa.bindparam("known_sum"),
    )
    .values(
        {name: sa.bindparam(name) for name in ("calibrated", "calibrated_margin", "chance", "doubt", "reading_worth")}
    )
)


def write_standings(session: Session, result: CohortResult, now: datetime) -> None:
    """Write the figures of the tracks and of the readers. Comes last: it says that the run is whole."""
    standing = _standing_rows(result.cohort_id).with_for_update().execution_options(populate_existing=True)
    rows = {row.track_id: row for row in session.scalars(standing)}
    for track in result.tracks:
        row = rows.get(track.track_id)
        if row is None:
            row = TrackStanding(track_id=track.track_id)
            session.add(row)
        elif row.places != track.places:
            row.calibrated_at = None  # they were set in the meantime: what was written may stand by the former bar
            continue
        found = track.calibration
        row.bar = None if track.bar is None or isinf(track.bar) else track.bar
        row.mean = found.mean if found else None
        row.quality_variance = found.variances.quality if found else None
        row.severity_variance = found.variances.severity if found else None
        row.noise_variance = found.variances.noise if found else None
        row.readings, row.calibrated_at = result.readings, now
    readers = {
        row.reviewer_id: row
        for row in session.scalars(sa.select(ReaderStanding).where(ReaderStanding.cohort_id == result.cohort_id))
    }
    for reader_id, row in readers.items():
        if reader_id not in result.readers:
            session.delete(row)
    for reader_id, severity in result.readers.items():
        row_of = readers.get(reader_id)
        if row_of is None:
            row_of = ReaderStanding(cohort_id=result.cohort_id, reviewer_id=reader_id)
            session.add(row_of)
        row_of.readings = result.read[reader_id]
        row_of.severity, row_of.severity_margin = severity.score, severity.margin
        row_of.apart = result.apart.get(reader_id)
    session.flush()


def _standing_rows(cohort_id: int) -> sa.Select[tuple[TrackStanding]]:
    own = sa.select(Track.id).where(Track.cohort_id == cohort_id)
    return sa.select(TrackStanding).where(TrackStanding.track_id.in_(own)).order_by(TrackStanding.track_id)


def recalibrate(session: Session, cohort_id: int, now: datetime) -> CohortResult:
    """All of it in the running transaction: for small cohorts, the demo and tests. The job commits in parts."""
    session.flush()
    result = compute(session, cohort_id)
    for lines in parts(result):
        write_part(session, lines)
    write_standings(session, result, now)
    session.expire_all()
    return result


# --- the bar ----------------------------------------------------------------------------------------------------------


def set_places(
    session: Session, actor: Actor, cohort_id: int, track_id: int, places: int | None, now: datetime
) -> None:
    """So many shall advance on the track (None: not said). Its bar and chances follow at once, from the kept scores.

    Raises ``Refused`` (NO_CHANGE), and ``ValueError`` for a number that is none of people.
    """
    if places is not None and not 0 <= places <= MOST_PLACES:
        raise ValueError(f"{places} is not from 0 to {MOST_PLACES}")
    row = session.scalars(
        sa.select(TrackStanding).where(TrackStanding.track_id == track_id).with_for_update()
    ).one_or_none()
    before = row.places if row else None
    if before == places:
        raise refuse(Code.NO_CHANGE)
    if row is None:
        row = TrackStanding(track_id=track_id)
        session.add(row)
    row.places = places
    bar, lines = stand_again(session, row)
    row.bar = None if bar is None or isinf(bar) else bar
    write_part(session, lines)
    session.flush()
    audit.record(
        session,
        actor,
        "track.places",
        now,
        subject_type="track",
        subject_id=track_id,
        cohort_id=cohort_id,
        before="" if before is None else str(before),
        after="" if places is None else str(places),
    )


def ask_readings(session: Session, actor: Actor, cohort_id: int, wanted: Mapping[int, float], now: datetime) -> int:
    """Ask for one more reading of each application of ``wanted`` (with its chance of standing above the bar); returns
    for how many it was not asked for already. Whoever is assigned next settles it, as with two who lie far apart.
    """
    asked = set(
        session.scalars(
            sa.select(TeamTask.application_id).where(
                TeamTask.application_id.in_(wanted), TeamTask.kind == THIRD_READER, TeamTask.done_at.is_(None)
            )
        )
    )
    new = [key for key in sorted(wanted) if key not in asked]
    for key in new:
        text = f"It stands close to the bar ({wanted[key]:.0%} above): one more reading is wanted."
        session.add(TeamTask(cohort_id=cohort_id, application_id=key, kind=THIRD_READER, text=text))
        audit.record(
            session, actor, "reading.asked", now, subject_type="application", subject_id=key, cohort_id=cohort_id
        )
    session.flush()
    return len(new)


# --- the check --------------------------------------------------------------------------------------------------------


def calibration_check(session: Session, cohort_id: int) -> list[str]:
    """Every kept calibrated score that differs from what the readings come to; those waiting for the job are none."""
    if cohort_id in stale_cohorts(session):
        return []
    kept = dict(
        session.execute(
            sa.select(TrackChoice.id, TrackChoice.calibrated)
            .join(Application, Application.id == TrackChoice.application_id)
            .where(Application.cohort_id == cohort_id, *IN_RACE, TrackChoice.calibrated.is_not(None))
        ).all()
    )
    made = {line.choice_id: line.calibrated for line in compute(session, cohort_id).lines}
    return [
        f"track choice {key} keeps the calibrated score {value} and its readings come to {made.get(key)}"
        for key, value in kept.items()
        if (own := made.get(key)) is None or abs(own - value) > SAME
    ]
