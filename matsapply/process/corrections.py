"""Opening again what was closed or handed in: A5 for one more edit, A13 for an error, by two people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, has_other_live, is_erased, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import Cohort
from matsapply.decisions.models import Decision
from matsapply.process.closing import as_system, renumber, stream_applications
from matsapply.process.withdraw import bring_back, left_at, return_to_streams
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ApplicationState,
    CloseReason,
    Role,
    StreamApplicationState,
    TrackChoiceState,
)
from matsapply.tracking.actions import Letter, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts

CORRECTABLE = frozenset(
    {CloseReason.INELIGIBLE, CloseReason.NOT_ADVANCED, CloseReason.NEVER_SUBMITTED, CloseReason.WITHDRAWN}
)


def reopen(
    session: Session, actor: Actor, application: Application, *, role: Role, until: datetime, reason: str, now: datetime
) -> None:
    """A5: a submitted application may be edited again until then; the last snapshot stays in force."""
    application = lock_application(session, application.id)
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason, reopened_until=until)
    letter = _letter(session, application, reason, until)
    advance(session, application, "A5", facts, actor, place_of(application), letter=letter)
    application.reopened_until = until


def correct_closing(
    session: Session,
    actor: Actor,
    application: Application,
    *,
    second_actor_id: int,
    reason: str,
    now: datetime,
    until: datetime | None = None,
    letter: Letter | None = None,
) -> None:
    """A13: an application that was closed by an error stands again where it stood, by two admins.

    What was released stays in the log; its decisions count no more and are taken anew. ``until`` is how long a draft
    that was never submitted is open again; ``letter`` replaces the usual message.
    Raises ``Refused``: WRONG_STATE (not one of ``CORRECTABLE``),
    LIVE_APPLICATION_EXISTS, SEAT_REUSED, CLOSED (a draft without an ``until`` that lies ahead).
    """
    application = lock_application(session, application.id)
    closed_for, closed_at = application.close_reason, application.closed_at
    if closed_for not in CORRECTABLE or is_erased(session, application):
        raise refuse(Code.WRONG_STATE)
    if has_other_live(session, application.person_id, application.cohort_id, application.id):
        raise refuse(Code.LIVE_APPLICATION_EXISTS)
    never = closed_for is CloseReason.NEVER_SUBMITTED
    if never and (until is None or until <= now):
        raise refuse(Code.CLOSED)
    facts = facts_of(session, actor, Role.ADMIN, now, cohort_id=application.cohort_id, reason=reason)
    facts = replace(facts, second_actor_id=second_actor_id)
    letter = letter or _letter(session, application, reason, until if never else None)
    if closed_for is CloseReason.WITHDRAWN:
        bring_back(session, actor, application, "A13", facts, letter)
        return
    former = application.state_before_close or ApplicationState.DRAFT
    with session.no_autoflush:
        place = place_of(application)
        advance(session, application, "A13", replace(facts, former=former.value), actor, place, letter=letter)
        application.close_reason = application.closed_at = application.state_before_close = None
        application.reopened_until = until if never else application.reopened_until
    session.flush()
    if never:
        chosen = stream_applications(session, application.id)
        return_to_streams(session, actor, application, left_at(chosen, closed_at), facts)
        renumber(chosen)
    else:
        _undecide(session, actor, application, facts, closed_at)


def _undecide(
    session: Session, actor: Actor, application: Application, facts: Facts, closed_at: datetime | None
) -> None:
    """Take back what the release of a wrong first result did: K6, S9u, and the decisions behind it."""
    place = place_of(application)
    for decision in session.scalars(
        sa.select(Decision).where(Decision.application_id == application.id, Decision.superseded_at.is_(None))
    ):
        decision.superseded_at = facts.now
    for choice in session.scalars(
        sa.select(TrackChoice).where(
            TrackChoice.application_id == application.id, TrackChoice.state == TrackChoiceState.NOT_ADVANCED
        )
    ):
        advance(session, choice, "K6", as_system(facts), SYSTEM, place)
    entries = stream_applications(session, application.id)
    for entry in entries:
        wrongly = entry.state is StreamApplicationState.NOT_SELECTED and entry.exited_at == closed_at
        if wrongly and (former := entry.state_before_exit) is not None:
            advance(session, entry, "S9u", replace(facts, former=former.value), actor, place)
            entry.state_before_exit = entry.exited_at = None
    renumber(entries)
    session.flush()


def _letter(session: Session, application: Application, reason: str, until: datetime | None) -> Letter:
    label = session.scalar(sa.select(Cohort.label).where(Cohort.id == application.cohort_id))
    return letter_to(session, application.person_id, cohort_label=label, until=until, reason=reason)
