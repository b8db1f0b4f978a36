"""What waits for somebody of the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

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


def open_tasks(session: Session, cohort_id: int, visible: sa.ColumnElement[bool], limit: int = 20) -> list[TaskRow]:
    """What a coordinator has to see to, the most pressing first; nothing about applications they may not see."""
    return [TaskRow(*row) for row in fetch(session, _open_tasks(visible), cohort_id=cohort_id, most=limit)]


@lru_cache(maxsize=200)
def _open_tasks(visible: sa.ColumnElement[bool]) -> Any:
    return (
        sa.select(TeamTask.public_id, TeamTask.kind, TeamTask.text, TeamTask.due_at, Application.public_id)
        .outerjoin(Application, Application.id == TeamTask.application_id)
        .where(
            TeamTask.cohort_id == sa.bindparam("cohort_id"),
            TeamTask.done_at.is_(None),
            sa.or_(TeamTask.application_id.is_(None), visible),
        )
        .order_by(TeamTask.due_at.is_(None), TeamTask.due_at, TeamTask.id)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
