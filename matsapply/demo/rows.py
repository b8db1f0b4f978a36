"""Bulk writing for the demo: rows gathered in memory, keys given ahead, history kept by the same tables as ever."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.audit.models import AuditEvent
from matsapply.platform.db import Record, new_public_id
from matsapply.rules.stages import Machine, Role
from matsapply.rules.workflow import FORMER, NONE
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from datetime import datetime
    from enum import StrEnum

    from sqlalchemy.orm import Session

    from matsapply.platform.db import Base

    Step = tuple[str, StrEnum, Role, int | None, datetime]

CHUNK = 2000


class Rows:
    """Gathers rows and writes each table in a few large statements."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rows: dict[type[Base], list[dict[str, Any]]] = defaultdict(list)
        self.next_key: dict[type[Base], int] = {}
        self.signers: tuple[int, ...] = ()  # who can be the second of two people

    def add(self, model: type[Base], made_at: datetime, /, **values: Any) -> int:
        """Gather one row and return the key it will have. Column defaults are filled in here."""
        key = self.take_key(model)
        row: dict[str, Any] = {"id": key, **values}
        if issubclass(model, Record):
            row.setdefault("public_id", new_public_id())
            row.setdefault("created_at", made_at)
            row.setdefault("updated_at", made_at)
            row.setdefault("version", 1)
        self.rows[model].append(row)
        return key

    def walk(
        self,
        machine: Machine,
        subject_id: int,
        application_id: int | None,
        cohort_id: int,
        steps: list[Step],
    ) -> StrEnum:
        """Write the history of one subject: (code, state after, role, actor, instant) in order, from nothing.

        Each step must be a line of the transition tables; a mistake here is a ``ValueError``, not a wrong history.
        """
        return self.walk_from(machine, subject_id, application_id, cohort_id, NONE, steps)

    def walk_from(
        self,
        machine: Machine,
        subject_id: int,
        application_id: int | None,
        cohort_id: int,
        before: str,
        steps: list[Step],
    ) -> StrEnum:
        """The same for a subject that stands in the state ``before``."""
        for code, after, role, actor_id, at in steps:
            row = TABLE[code]
            if row.machine is not machine or before not in row.frm or role not in row.roles:
                raise ValueError(f"{code} does not lead a {role} from {before!r}")
            if row.to not in {FORMER, after.value}:
                raise ValueError(f"{code} does not lead to {after.value}")
            reason = "for the demo" if row.reason else ""
            self.add(
                StateChange,
                at,
                machine=machine,
                subject_id=subject_id,
                application_id=application_id,
                cohort_id=cohort_id,
                code=code,
                before=before,
                after=after.value,
                role=role,
                actor_id=actor_id,
                second_actor_id=next(key for key in self.signers if key != actor_id) if row.two_people else None,
                reason=reason,
                at=at,
            )
            self.add(
                AuditEvent,
                at,
                at=at,
                actor_id=actor_id,
                actor_role=role.value,
                action=f"{machine.value}.{code}",
                subject_type=machine.value,
                subject_id=subject_id,
                cohort_id=cohort_id,
                before=before,
                after=after.value,
                reason=reason,
                detail={},
            )
            before = after.value
        return steps[-1][1]

    def write(self, order: tuple[type[Base], ...]) -> int:
        """Insert everything, parents first, and empty the gathering; returns the number of rows."""
        unknown = set(self.rows) - set(order)
        if unknown:
            raise ValueError(f"no place in the order for {sorted(model.__name__ for model in unknown)}")
        written = 0
        for model in order:
            rows = self.rows.pop(model, [])
            for start in range(0, len(rows), CHUNK):
                self.session.execute(sa.insert(model), rows[start : start + CHUNK])
            written += len(rows)
            if rows and self.session.get_bind().dialect.name == "postgresql":
                table = model.__tablename__
                self.session.execute(
                    sa.text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608 - our own table's name
                )
        self.next_key.clear()
        return written

    def take_key(self, model: type[Base]) -> int:
        """The key of a row that will be gathered later."""
        if model not in self.next_key:
            columns = model.__table__.columns
            self.next_key[model] = (self.session.scalar(sa.select(sa.func.max(columns["id"]))) or 0) + 1
        key = self.next_key[model]
        self.next_key[model] = key + 1
        return key
