"""What waits for somebody of the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application, TeamTask
from matsapply.platform.db import fetch

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class TaskRow:
    public_id: str
    kind: str
    text: str
    due_at: datetime | None
    application: str | None


def open_tasks(session: Session, cohort_id: int, limit: int = 20) -> list[TaskRow]:
    """What a coordinator has to see to, the most pressing first."""
    return [TaskRow(*row) for row in fetch(session, _OPEN_TASKS, cohort_id=cohort_id, most=limit)]


_OPEN_TASKS = (
    sa.select(TeamTask.public_id, TeamTask.kind, TeamTask.text, TeamTask.due_at, Application.public_id)
    .outerjoin(Application, Application.id == TeamTask.application_id)
    .where(TeamTask.cohort_id == sa.bindparam("cohort_id"), TeamTask.done_at.is_(None))
    .order_by(TeamTask.due_at.is_(None), TeamTask.due_at, TeamTask.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
