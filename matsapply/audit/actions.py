"""Writing to the log."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from matsapply.audit.models import AuditEvent

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

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
) -> AuditEvent:
    """Add one event to the running transaction. ``before`` and ``after`` are short states or digests, never texts."""
    event = AuditEvent(
        at=now,
        actor_id=actor.person_id,
        actor_role=actor_role or ("system" if actor.anonymous else ""),
        second_actor_id=second_actor_id,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        cohort_id=cohort_id,
        before=before,
        after=after,
        reason=reason,
        detail=detail or {},
        request_id=request_id.get(),
    )
    session.add(event)
    return event
