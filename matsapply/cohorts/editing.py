"""Changing a cohort in the web interface by the same rules and the same writer as a cohort file.

An edit takes the cohort as a file's value, gives back the value as it should be, and is loaded like a file: what a
file may not say, a form may not say either. Only what the edit itself breaks is held against it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.cohorts.actions import tell_of
from matsapply.cohorts.file import dump, parse
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.models import Cohort
from matsapply.cohorts.stored import dump_cohort

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.actions import Teller
    from matsapply.cohorts.file_errors import FileError
    from matsapply.cohorts.file_types import CohortFile, EvaluationEntry, RubricEntry, StreamEntry, TrackEntry
    from matsapply.cohorts.load import LoadReport
    from matsapply.rules.access import Actor


class EditRefused(Exception):
    """What the cohort may not say; each finding has the path it would have in a cohort file."""

    def __init__(self, errors: tuple[FileError, ...]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


def edit(
    session: Session,
    actor: Actor,
    key: str,
    change: Callable[[CohortFile], CohortFile],
    now: datetime,
    *,
    confirmed: bool = False,
    reason: str = "",
    tell: Teller | None = None,
) -> LoadReport:
    """Make the cohort ``key`` what ``change`` makes of it; the log says each difference.

    Raises ``EditRefused`` for what a file may not say, ``DateRefused`` and ``LoadRefused`` as a load does.
    """
    session.execute(sa.select(Cohort.id).where(Cohort.key == key).with_for_update())
    stored = dump_cohort(session, key)
    wanted = change(stored)
    if wanted == stored:
        return load_cohort(session, wanted, now, actor)
    if errors := _new_errors(stored, wanted):
        raise EditRefused(errors)
    report = load_cohort(session, wanted, now, actor, confirmed=confirmed, reason=reason, action="cohort.edit")
    tell_of(session, report.moves, now, tell)
    return report


def _new_errors(stored: CohortFile, wanted: CohortFile) -> tuple[FileError, ...]:
    """What is wrong with ``wanted`` and was not wrong before."""
    found = parse(dump(wanted)).errors
    if not found:
        return ()
    known = {(error.rule, error.message) for error in parse(dump(stored)).errors}
    return tuple(error for error in found if (error.rule, error.message) not in known)


def seen(entry: Any) -> str:
    """A mark of a value as a form shows it: another mark later means that somebody else has changed it."""
    return hashlib.sha256(repr(entry).encode()).hexdigest()[:24]


def with_stream(file: CohortFile, entry: StreamEntry) -> CohortFile:
    """The file with ``entry`` in the place of the stream of that key, or at the end."""
    return replace(file, streams=_put(file.streams, entry))


def with_evaluation(file: CohortFile, entry: EvaluationEntry) -> CohortFile:
    return replace(file, evaluations=_put(file.evaluations, entry))


def with_track(file: CohortFile, entry: TrackEntry) -> CohortFile:
    """The same for a track. A new one counts every criterion of a weighted rubric alike until somebody says more."""
    tracks = tuple(sorted(_put(file.tracks, entry), key=lambda track: track.order))
    rubrics = tuple(_weighted(rubric, entry.key) for rubric in file.rubrics)
    return replace(file, tracks=tracks, rubrics=rubrics)


def _put(entries: tuple[Any, ...], entry: Any) -> tuple[Any, ...]:
    if any(other.key == entry.key for other in entries):
        return tuple(entry if other.key == entry.key else other for other in entries)
    return (*entries, entry)


def _weighted(rubric: RubricEntry, track: str) -> RubricEntry:
    if not rubric.weights or track in dict(rubric.weights):
        return rubric
    number = len(rubric.criteria)
    share = round(1 / number, 6)
    each = [share] * (number - 1)
    weights = (*each, round(1 - sum(each), 6))
    row = (track, tuple((criterion.key, weight) for criterion, weight in zip(rubric.criteria, weights, strict=True)))
    return replace(rubric, weights=(*rubric.weights, row))
