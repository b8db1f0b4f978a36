"""The road of a cohort as stages with their dates, for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matsapply.platform.languages import lazy_gettext as _l

if TYPE_CHECKING:
    from datetime import datetime

    from matsapply.cohorts.views import KeyDateView


@dataclass(frozen=True, slots=True)
class RoadStage:
    """One stage: when it begins (None: to be announced) and whether ``now`` lies before, in or after it."""

    label: str
    at: datetime | None
    state: str
    estimate: bool
    note: str


STAGES = (
    (_l("Applications open"), "T1", _l("One general application, with your tracks and streams.")),
    (_l("Applications close"), "T2", _l("You can change everything until then.")),
    (_l("First results"), "T5", _l("Two people read each application, without names.")),
    (_l("Stream choice"), "T6", _l("Choose and order the streams you want to work in.")),
    (_l("Tasks and interviews"), "T10", _l("Each stream shows its tasks and hours beforehand.")),
    (_l("Decisions"), "T13", _l("All of them at one instant.")),
    (_l("Programme begins"), "T17", _l("Twelve weeks of research.")),
)


def road_of(dates: list[KeyDateView], now: datetime) -> list[RoadStage]:
    """The stages in order; the last one whose instant has come is the present one."""
    by_code = {date.code: date for date in dates}
    rows = [(label, by_code.get(code), note) for label, code, note in STAGES]
    passed = [number for number, (_, date, _) in enumerate(rows) if date and date.at is not None and date.at <= now]
    present = passed[-1] if passed else -1
    return [
        RoadStage(
            label,
            date.at if date else None,
            "current" if number == present else "done" if number < present else "todo",
            bool(date and date.estimate),
            note,
        )
        for number, (label, date, note) in enumerate(rows)
    ]
