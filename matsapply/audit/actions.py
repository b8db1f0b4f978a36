"""Writing to the log."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.audit.models import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

GATHERED = "audit.gathered"  # in session.info, while a block gathers events

request_id: ContextVar[str] = ContextVar("request_id", default="")


def record(
    session: Session,
    actor: Actor,
    action: str,
    now: datetime,
    *,
    subject_type: str,
    subject_id: int | None = None,
    actor_role: str = "",
    second_actor_id: int | None = None,
    cohort_id: int | None = None,
    before: str = "",
    after: str = "",
    reason: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one event to the running transaction. ``before`` and ``after`` are short states or digests, never texts."""
    event = {
        "at": now,
        "actor_id": actor.person_id,
        "actor_role": actor_role or ("system" if actor.anonymous else ""),
        "second_actor_id": second_actor_id,
        "action": action,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "cohort_id": cohort_id,
        "before": before,
        "after": after,
        "reason": reason,
        "detail": detail or {},
        "request_id": request_id.get(),
    }
    gathered: list[dict[str, Any]] | None = session.info.get(GATHERED)
    if gathered is None:
        session.add(AuditEvent(**event))
    else:
        gathered.append(event)


@contextmanager
def gathering(session: Session) -> Iterator[None]:
    """Within the block events are gathered, and written in one statement at its end."""
    events: list[dict[str, Any]] = []
    session.info[GATHERED] = events
    try:
        yield
    finally:
        del session.info[GATHERED]
    if events:
        session.connection().execute(sa.insert(AuditEvent), events)
