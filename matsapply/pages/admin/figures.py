"""Counts that pages show, remembered for a few seconds: they change slowly and cost a look at every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matsapply.applications import staff_list
from matsapply.pages.guard import actor
from matsapply.platform import clock
from matsapply.platform.flask_db import address, session

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from matsapply.rules.stages import ApplicationState

KEPT_FOR = 5.0  # seconds
MOST_KEPT = 500

_kept: dict[tuple[Any, ...], tuple[float, Any]] = {}


def remembered(name: str, cohort_id: int, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, made anew after a few seconds; apart for each database, cohort and reader."""
    key = (address(), name, cohort_id, actor().person_id, actor().grants)
    now = clock.monotonic()
    found = _kept.get(key)
    if found is not None and found[0] > now:
        return found[1]
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    made = make()
    _kept[key] = (now + KEPT_FOR, made)
    return made


def forget() -> None:
    """After a change made here: count again at once."""
    _kept.clear()


def counts_by_state(cohort_id: int, visible: sa.ColumnElement[bool]) -> dict[ApplicationState, int]:
    """How many applications of a cohort the reader sees in each state."""
    found: dict[ApplicationState, int] = remembered(
        "states", cohort_id, lambda: staff_list.state_counts(session(), cohort_id, visible)
    )
    return found
