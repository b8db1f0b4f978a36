"""The facts of a cohort, of a person's own extensions and of an application, as the rules want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Extension
from matsapply.cohorts.gates import Gates, gates_of
from matsapply.people.models import Account, Person
from matsapply.platform.db import fetch
from matsapply.rules.stages import ApplicationState
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import Letter, Place

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.stages import Role


def facts_of(
    session: Session,
    actor: Actor,
    role: Role,
    now: datetime,
    *,
    cohort_id: int,
    person_id: int | None = None,
    gates: Gates | None = None,
    **more: Any,
) -> Facts:
    """Facts for a step in a cohort; ``person_id`` adds that person's extensions, ``more`` what the action checked."""
    gates = gates or gates_of(session, cohort_id)
    return Facts(
        now=now,
        role=role,
        actor_id=actor.person_id,
        dates=gates.dates,
        grace=gates.grace,
        cohort_published=gates.published,
        extensions={} if person_id is None else extensions_of(session, person_id, cohort_id),
        **more,
    )


def extensions_of(session: Session, person_id: int, cohort_id: int) -> dict[str, datetime]:
    """The person's own closings by key-date code; the latest where there are several."""
    rows = session.execute(
        sa.select(Extension.gate, sa.func.max(Extension.until))
        .where(Extension.person_id == person_id, Extension.cohort_id == cohort_id, Extension.revoked_at.is_(None))
        .group_by(Extension.gate)
    )
    return {row[0]: row[1] for row in rows}


def has_other_live(session: Session, person_id: int, cohort_id: int, besides: int | None = None) -> bool:
    """Whether the person has a live application in the cohort other than ``besides``."""
    query = sa.select(Application.id).where(
        Application.person_id == person_id,
        Application.cohort_id == cohort_id,
        Application.state != ApplicationState.CLOSED,
    )
    if besides is not None:
        query = query.where(Application.id != besides)
    return session.scalar(query.limit(1)) is not None


def is_erased(session: Session, application: Application) -> bool:
    """Whether its owner was erased: what is left of the application stands for nobody, and never runs again."""
    return session.scalar(sa.select(Person.erased_at).where(Person.id == application.person_id)) is not None


def place_of(application: Application) -> Place:
    return Place(cohort_id=application.cohort_id, application_id=application.id)


_ADDRESSED = (
    sa.select(Person.display_name, Person.time_zone, Person.language, Account.email)
    .join(Account, Account.person_id == Person.id)
    .where(Person.id == sa.bindparam("person_id"))
)


def letter_to(session: Session, person_id: int, **context: Any) -> Letter:
    """A letter to a person at the address they sign in with; the context gains their name, time zone and language."""
    ((name, zone, language, address),) = fetch(session, _ADDRESSED, person_id=person_id)
    return Letter(person_id, address, {"name": name, "zone": zone, "language": language, **context})
