"""Moves of a cohort's and a stream's own state, through the one place that moves states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.cohorts.load_parts import LoadRefused
from matsapply.rules.stages import Machine, Role
from matsapply.rules.workflow import Facts
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.actions import Place, advance

if TYPE_CHECKING:
    from datetime import datetime
    from enum import StrEnum

    from sqlalchemy.orm import Session

    from matsapply.cohorts.models import Cohort, Stream
    from matsapply.rules.access import Actor


def move_state(
    session: Session,
    machine: Machine,
    subject: Cohort | Stream,
    target: StrEnum,
    now: datetime,
    actor: Actor,
    cohort_id: int,
) -> None:
    """Take ``subject`` to ``target`` by the single row of the table that leads there.

    Raises ``LoadRefused`` where no row does, or where it wants a reason or a second person: that is not for a file.
    """
    code = step_to(machine, subject.state, target)
    if code is None:
        message = f"{machine.value} {subject.key} is {subject.state}; a file cannot make it {target}"
        raise LoadRefused(f"{message}. Use the web interface, or give the state it has")
    facts = Facts(now=now, role=Role.ADMIN, actor_id=actor.person_id)
    advance(session, subject, code, facts, actor, Place(cohort_id=cohort_id))


def step_to(machine: Machine, state: StrEnum, target: StrEnum) -> str | None:
    """The code of the plain one-step transition between two states, or None."""
    for row in TABLE.values():
        plain = not (row.reason or row.two_people or row.mail)
        if row.machine is machine and state in row.frm and row.to == target and plain and Role.ADMIN in row.roles:
            return row.code
    return None
