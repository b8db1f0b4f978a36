"""A cohort's key dates as the rules want them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.models import Cohort, KeyDate, Stream
from matsapply.rules.stages import CohortState, StreamChoiceMoment, StreamState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

PUBLIC_STATES = frozenset({CohortState.PUBLISHED, CohortState.RUNNING, CohortState.FINISHED})
TAKES_APPLICATIONS = frozenset({CohortState.PUBLISHED, CohortState.RUNNING})


@dataclass(frozen=True, slots=True)
class Gates:
    """The instants of a cohort by code, and the two settings that go with them."""

    cohort_id: int
    published: bool
    dates: Mapping[str, datetime | None]
    grace: timedelta

    def at(self, code: str) -> datetime | None:
        return self.dates.get(code)

    def passed(self, code: str, now: datetime) -> bool:
        """Whether the instant is set and reached."""
        at = self.at(code)
        return at is not None and now >= at


def gates_of(session: Session, cohort_id: int) -> Gates:
    """One query: the cohort's dates, whether it takes applications, and its silent grace."""
    rows = session.execute(
        sa.select(KeyDate.code, KeyDate.at, Cohort.state, Cohort.silent_grace_minutes)
        .select_from(Cohort)
        .outerjoin(KeyDate, KeyDate.cohort_id == Cohort.id)
        .where(Cohort.id == cohort_id)
    ).all()
    state, minutes = rows[0][2], rows[0][3]
    return Gates(
        cohort_id=cohort_id,
        published=state in TAKES_APPLICATIONS,
        dates={row[0]: row[1] for row in rows if row[0] is not None},
        grace=timedelta(minutes=minutes),
    )


def stream_window(stream: Stream, gates: Gates, *, after_advance: bool) -> tuple[datetime | None, datetime | None]:
    """The instants [opens, closes) in which ``stream`` may be chosen: its own where set, else the cohort's.

    ``after_advance``: the applicant chooses after the first result (T6 to T7) rather than with the application.
    """
    opens, closes = ("T6", "T7") if after_advance else ("T1", "T2")
    return stream.opens_at or gates.at(opens), stream.closes_at or gates.at(closes)


def choice_over(moment: StreamChoiceMoment, stream: Stream, gates: Gates, now: datetime) -> bool:
    """Whether an advanced applicant's choice of ``stream`` stands: made with the application, or its window is over."""
    if moment is StreamChoiceMoment.AT_GENERAL:
        return True
    closes = stream_window(stream, gates, after_advance=True)[1]
    return closes is not None and now >= closes


def takes_applications(stream: Stream) -> bool:
    return stream.state in {StreamState.LISTED, StreamState.OPEN}
