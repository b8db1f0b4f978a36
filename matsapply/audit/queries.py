"""Reading the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.audit.models import AuditEvent
from matsapply.platform.keyset import Order, Page, page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

PAGE = 50


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What was asked for; empty fields ask for nothing. ``[since, until)`` are instants; ``cohort_ids`` None: all.

    ``actors`` selects the keys of the people who acted, first or second.
    """

    actors: sa.Select[int] | None = None
    action: str = ""
    subject_type: str = ""
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    cohort_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    id: int
    at: datetime
    actor_id: int | None
    actor_role: str
    second_actor_id: int | None
    action: str
    subject_type: str
    subject_id: int | None
    cohort_id: int | None
    before: str
    after: str
    reason: str
    detail: dict[str, Any]
    request_id: str


def event_page(
    session: Session,
    wanted: LogFilter,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of ``EventRow``, the newest first; one query. Raises ``keyset.BadCursor``."""
    statement = sa.select(
        AuditEvent.id,
        AuditEvent.at,
        AuditEvent.actor_id,
        AuditEvent.actor_role,
        AuditEvent.second_actor_id,
        AuditEvent.action,
        AuditEvent.subject_type,
        AuditEvent.subject_id,
        AuditEvent.cohort_id,
        AuditEvent.before,
        AuditEvent.after,
        AuditEvent.reason,
        AuditEvent.detail,
        AuditEvent.request_id,
    ).where(*_conditions(wanted))
    order = Order(AuditEvent.at.expression, AuditEvent.id.expression, down=True)
    page = page_of(session, statement, order, after=after, before=before, limit=limit)
    return Page(tuple(EventRow(*tuple(row)[:14]) for row in page.rows), page.next_cursor, page.prev_cursor)


def _conditions(wanted: LogFilter) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.actors is not None:
        found.append(sa.or_(AuditEvent.actor_id.in_(wanted.actors), AuditEvent.second_actor_id.in_(wanted.actors)))
    if wanted.action:
        # A prefix: "offer" finds offer.O1 and offer.first_approval. Nothing in it is a pattern.
        found.append(AuditEvent.action.startswith(wanted.action, autoescape=True))
    if wanted.subject_type:
        found.append(AuditEvent.subject_type == wanted.subject_type)
    if wanted.subject_id is not None:
        found.append(AuditEvent.subject_id == wanted.subject_id)
    if wanted.since is not None:
        found.append(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        found.append(AuditEvent.at < wanted.until)
    if wanted.cohort_ids is not None:
        found.append(AuditEvent.cohort_id.in_(wanted.cohort_ids))
    return found
