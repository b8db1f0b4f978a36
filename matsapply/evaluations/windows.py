"""When a task may be begun and until when it may be handed in: the due instant, an extension, the personal clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.models import Evaluation
from matsapply.evaluations.models import EvaluationInvite, TaskExtension

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.orm import Session

_extended_until = (
    sa.select(sa.func.max(TaskExtension.until))
    .where(TaskExtension.invite_id == EvaluationInvite.id)
    .correlate(EvaluationInvite)
    .scalar_subquery()
)
DUE: sa.ColumnElement[datetime | None] = sa.case(
    (_extended_until > Evaluation.due_at, _extended_until), else_=Evaluation.due_at
)
"""SQL: the later of the task's due instant and the person's extension; for queries that join invite and evaluation."""

END: sa.ColumnElement[datetime | None] = sa.func.coalesce(EvaluationInvite.ends_at, DUE)
"""SQL: the first instant at which nothing is taken any more: the end of a running personal clock, else ``DUE``."""


@dataclass(frozen=True, slots=True)
class Window:
    """One person's times for one task. ``ends_at`` is exclusive; None means that no end has been set."""

    opens_at: datetime | None
    due_at: datetime | None
    ends_at: datetime | None

    def open(self, now: datetime) -> bool:
        return (self.opens_at is None or now >= self.opens_at) and not self.over(now)

    def over(self, now: datetime) -> bool:
        return self.ends_at is not None and now >= self.ends_at


def window_of(session: Session, invite: EvaluationInvite) -> Window:
    """One query: the person's times as they stand now."""
    opens_at, due_at, ends_at = session.execute(
        sa.select(Evaluation.opens_at, DUE, END)
        .select_from(EvaluationInvite)
        .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
        .where(EvaluationInvite.id == invite.id)
    ).one()
    return Window(opens_at, due_at, ends_at)


def clock_end(now: datetime, clock: timedelta | None, due_at: datetime | None) -> datetime | None:
    """The end of a personal clock begun now: never past the due instant. None where the task has no such clock."""
    if clock is None:
        return None
    return now + clock if due_at is None else min(now + clock, due_at)
