"""The history of every state."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from matsapply.platform.append_only import make_append_only
from matsapply.platform.db import Base, Keyed, enum_type
from matsapply.rules.stages import Machine, Role


class StateChange(Keyed, Base):
    """One move of one entity: ``code`` is the row of the transition table. The database refuses to change a row."""

    __tablename__ = "state_change"
    __table_args__ = (
        sa.Index("ix_state_change_subject", "machine", "subject_id", "id"),
        sa.CheckConstraint("second_actor_id IS NULL OR second_actor_id <> actor_id", name="two_people_are_two"),
    )

    machine: Mapped[Machine] = mapped_column(enum_type(Machine, "machine"))
    subject_id: Mapped[int] = mapped_column(sa.BigInteger)
    application_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    cohort_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    code: Mapped[str] = mapped_column(sa.String(12))
    before: Mapped[str] = mapped_column(sa.String(40))
    after: Mapped[str] = mapped_column(sa.String(40))
    role: Mapped[Role] = mapped_column(enum_type(Role, "role"))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    second_actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime]


make_append_only(StateChange.__table__, {"reason": ""})
