"""The demo's four cohorts: one file, moved in time so that each stage of the process has something to show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from matsapply.cohorts.file import parse
from matsapply.cohorts.file_types import CohortFile, Moment
from matsapply.platform.settings import ROOT
from matsapply.rules.stages import CohortState

if TYPE_CHECKING:
    from collections.abc import Iterator

COHORT_FILE = ROOT / "config" / "cohorts" / "2027-06.yaml"
START = datetime(2027, 1, 10, 12, tzinfo=UTC)
"""The demo's first instant: the general application of the newest cohort is open."""


class Stage(StrEnum):
    """Where a demo cohort stands at ``START``."""

    OPEN = "open"
    REVIEW = "review"
    STREAMS = "streams"
    OFFERS = "offers"


@dataclass(frozen=True, slots=True)
class DemoCohort:
    stage: Stage
    key: str
    label: str
    weeks_earlier: int
    share: float


COHORTS = (
    DemoCohort(Stage.OPEN, "2027-06", "June–August 2027", 0, 0.35),
    DemoCohort(Stage.REVIEW, "2027-05", "May–July 2027", 3, 0.35),
    DemoCohort(Stage.STREAMS, "2027-04", "April–June 2027", 9, 0.15),
    DemoCohort(Stage.OFFERS, "2027-03", "March–May 2027", 15, 0.15),
)


def base_file() -> CohortFile:
    parsed = parse(COHORT_FILE.read_bytes())
    if parsed.file is None:
        raise ValueError(f"{COHORT_FILE.name}: {parsed.errors[0]}")
    return parsed.file


def moved(file: CohortFile, cohort: DemoCohort) -> CohortFile:
    """The same cohort, so many weeks earlier, under its own key and label."""
    by = timedelta(weeks=cohort.weeks_earlier)
    return replace(
        file,
        cohort=replace(file.cohort, key=cohort.key, label=cohort.label, state=CohortState.PUBLISHED),
        key_dates=tuple(replace(entry, moment=_earlier(entry.moment, by)) for entry in file.key_dates),
        streams=tuple(
            replace(entry, opens_at=entry.opens_at and entry.opens_at - by, closes=_earlier(entry.closes, by))
            for entry in file.streams
        ),
        evaluations=tuple(
            replace(entry, opens_at=entry.opens_at and entry.opens_at - by, due=_earlier(entry.due, by))
            for entry in file.evaluations
        ),
    )


def files() -> Iterator[tuple[DemoCohort, CohortFile]]:
    base = base_file()
    for cohort in COHORTS:
        yield cohort, moved(base, cohort) if cohort.weeks_earlier else base


def _earlier(moment: Moment | None, by: timedelta) -> Moment | None:
    if moment is None:
        return None
    at = moment.at - by
    if "EOD AoE" in moment.rule:
        return Moment(at, f"{(at - timedelta(days=1)).date().isoformat()} EOD AoE")
    return Moment(at, f"{at:%Y-%m-%d %H:%M} UTC")
