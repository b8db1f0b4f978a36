"""The append-only log: who did what to what, when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from matsapply.platform.append_only import make_append_only
from matsapply.platform.db import Base, Keyed


class AuditEvent(Keyed, Base):
    """One act. The database refuses to change or delete a row."""

    __tablename__ = "audit_event"
    __table_args__ = (
        sa.Index("ix_audit_event_subject", "subject_type", "subject_id"),
        sa.Index("ix_audit_event_actor_id_at", "actor_id", "at"),
    )

    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    actor_role: Mapped[str] = mapped_column(sa.String(20))
    second_actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    action: Mapped[str] = mapped_column(sa.String(60))
    subject_type: Mapped[str] = mapped_column(sa.String(60))
    subject_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    cohort_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    before: Mapped[str] = mapped_column(sa.String(200), default="")
    after: Mapped[str] = mapped_column(sa.String(200), default="")
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request_id: Mapped[str] = mapped_column(sa.String(40), default="")


make_append_only(AuditEvent.__table__, {"reason": ""})
