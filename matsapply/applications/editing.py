"""An application in its owner's hands: found, locked, and with the facts that say whether it may still be changed.

One query serves every save, because saves are what the system does most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications import forms
from matsapply.applications.models import Application, Extension
from matsapply.cohorts.gates import TAKES_APPLICATIONS
from matsapply.cohorts.models import Cohort, FormVersion, KeyDate
from matsapply.platform.db import fetch, fixed
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, CloseReason, ReferenceTiming, Role, StreamChoiceMoment
from matsapply.rules.workflow import Facts, effective_close
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.actions import Place

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.applications.forms import Form
    from matsapply.rules.access import Actor

EDITABLE = (ApplicationState.DRAFT, ApplicationState.SUBMITTED)
EDITING_DATES = ("T1", "T2", "T6", "T7")


@dataclass(frozen=True, slots=True)
class Editing:
    """The columns an edit needs, no objects: an autosave reads and writes a handful of rows."""

    id: int
    public_id: str
    person_id: int
    cohort_id: int
    cohort_label: str
    state: ApplicationState
    close_reason: CloseReason | None
    closed_at: datetime | None
    snapshot_number: int | None
    submitted_at: datetime | None
    draft_changed_at: datetime | None
    form_version_id: int
    form_public_id: str
    form_published: bool
    stream_choice: StreamChoiceMoment
    reference_timing: ReferenceTiming
    facts: Facts

    @property
    def place(self) -> Place:
        return Place(self.cohort_id, self.id)

    @property
    def closes_at(self) -> datetime | None:
        """This person's own closing of the general application, without the silent grace."""
        return effective_close(self.facts, "T2")

    @property
    def refusal(self) -> Code | None:
        """Why the answers cannot be changed now; None where they can."""
        if self.state not in EDITABLE:
            return Code.CLOSED
        return TABLE["A3"].gate.check(self.facts)

    def check(self) -> None:
        """Raise ``Refused`` where the answers cannot be changed now."""
        if (code := self.refusal) is not None:
            raise refuse(code)

    def form(self, session: Session) -> Form:
        return forms.load(session, self.form_version_id, self.form_public_id, published=self.form_published)


def editing(
    session: Session,
    actor: Actor,
    now: datetime,
    *,
    public_id: str | None = None,
    page_opened_at: datetime | None = None,
    lock: bool = False,
) -> Editing | None:
    """The actor's own application: the one named, else the live one, else the newest. None where there is none.

    ``page_opened_at`` is when the form now sent was fetched, for the silent grace. ``lock`` holds the row until the end
    of the transaction.
    """
    values = {"person_id": actor.person_id} | ({} if public_id is None else {"public_id": public_id})
    rows = fetch(session, _editing_of(public_id is not None, lock), **values)
    if not rows:
        return None
    return _gathered(rows, actor, now, page_opened_at)


@cache
def _editing_of(named: bool, lock: bool) -> sa.Select[Any]:
    own = sa.select(Application.id).where(Application.person_id == sa.bindparam("person_id"))
    if named:
        own = own.where(Application.public_id == sa.bindparam("public_id"))
    live_first = sa.case((Application.state == ApplicationState.CLOSED, 1), else_=0)
    own = own.order_by(live_first, Application.id.desc()).limit(1)
    query = (
        sa.select(
            Application.id,
            Application.public_id,
            Application.person_id,
            Application.cohort_id,
            Cohort.label,
            Application.state,
            Application.close_reason,
            Application.closed_at,
            Application.snapshot_number,
            Application.submitted_at,
            Application.draft_changed_at,
            Application.form_version_id,
            FormVersion.public_id,
            FormVersion.published_at,
            Cohort.stream_choice,
            Cohort.reference_timing,
            Application.reopened_until,
            Cohort.state,
            Cohort.silent_grace_minutes,
            KeyDate.code,
            KeyDate.at,
            Extension.gate,
            Extension.until,
        )
        .join(Cohort, Cohort.id == Application.cohort_id)
        .join(FormVersion, FormVersion.id == Application.form_version_id)
        .outerjoin(KeyDate, sa.and_(KeyDate.cohort_id == Cohort.id, KeyDate.code.in_(fixed(EDITING_DATES))))
        .outerjoin(
            Extension,
            sa.and_(
                Extension.person_id == Application.person_id,
                Extension.cohort_id == Cohort.id,
                Extension.revoked_at.is_(None),
            ),
        )
        .where(Application.id == own.scalar_subquery())
    )
    return query.with_for_update(of=Application) if lock else query


def _gathered(rows: Any, actor: Actor, now: datetime, page_opened_at: datetime | None) -> Editing:
    first: list[Any] = list(rows[0])
    dates: dict[str, datetime | None] = {}
    extensions: dict[str, datetime] = {}
    for row in rows:
        code, at, gate, until = tuple(row)[-4:]
        if code is not None:
            dates[code] = at
        if gate is not None:
            extensions[gate] = max(until, extensions.get(gate, until))
    facts = Facts(
        now=now,
        role=Role.APPLICANT,
        actor_id=actor.person_id,
        dates=dates,
        extensions=extensions,
        grace=timedelta(minutes=first[18]),
        page_opened_at=page_opened_at,
        reopened_until=first[16],
        cohort_published=first[17] in TAKES_APPLICATIONS,
    )
    return Editing(*first[:13], first[13] is not None, first[14], first[15], facts)  # type: ignore[call-arg]
