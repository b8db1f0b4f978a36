"""The one lock that every action on an application takes first.

Locks are taken in one order everywhere: applications by key, then streams by key, then the cohort; an interview's slot
and people come after the application. Two transactions that keep it wait for each other and never block each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session


_LOCK = (
    sa.select(Application)
    .where(Application.id == sa.bindparam("application_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def lock_application(session: Session, application_id: int) -> Application:
    """The application as it stands now, locked until the end of the transaction: the first lock of every action."""
    return session.scalars(_LOCK, {"application_id": application_id}).one()


def lock_applications(session: Session, application_ids: Iterable[int]) -> None:
    """Several of them by key: before an act in bulk, so that two such acts in different orders wait for each other."""
    wanted = sa.select(Application.id).where(Application.id.in_(set(application_ids)))
    session.execute(wanted.order_by(Application.id).with_for_update()).all()
