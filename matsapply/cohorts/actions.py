"""Changing a cohort in the web interface: its dates and its state.

Its words, tracks, streams and tasks: ``editing``; what is done to a stream or track beyond: ``stream_actions``.

Every action takes who acts and when, writes the log in the same transaction, and never commits. What it may not do it
refuses with ``Refused`` (a code), or with ``DateRefused`` (a sentence) where a date is concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.cohorts.date_changes import DateChange, DateRefused, plan_changes, record_moves
from matsapply.cohorts.file_checks import dates_of, order_options
from matsapply.cohorts.file_sections import COHORT_DATES
from matsapply.cohorts.models import Cohort, KeyDate
from matsapply.cohorts.stored import dump_cohort, latest_form
from matsapply.rules.date_moves import Move, MoveProblem, MoveRefusal, MoveTerms
from matsapply.rules.deadlines import KEY_DATES
from matsapply.rules.stages import CohortState, Role
from matsapply.rules.wall_time import resolve_rule, rule_for, utc_rule
from matsapply.rules.workflow import Facts
from matsapply.tracking.actions import Place, advance

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

# Told of every move that takes effect for people: finds the holders of drafts and open tasks and writes to them.
Teller = Callable[["Session", tuple[DateChange, ...], datetime], None]


def log(
    session: Session, actor: Actor, action: str, now: datetime, kind: str, row: Any, cohort_id: int, **more: Any
) -> None:
    """One entry of the log about ``row`` of a cohort."""
    audit.record(session, actor, action, now, subject_type=kind, subject_id=row.id, cohort_id=cohort_id, **more)


# --- key dates ----------------------------------------------------------------------------------------------------


def set_key_date(
    session: Session,
    actor: Actor,
    cohort: Cohort,
    code: str,
    at: datetime | None,
    wall_rule: str,
    reason: str,
    confirmed: bool,
    now: datetime,
    *,
    tell: Teller | None = None,
) -> DateChange | None:
    """Set one key date, or take it back to "to be announced" with ``at`` None.

    A ``wall_rule`` such as ``2027-01-17 EOD AoE`` is kept where it gives ``at``, else one that does is written. Returns
    the move, or None where nothing changed. Raises ``DateRefused`` where the rules for moves or for the order say no.
    """
    moved = set_key_dates(session, actor, cohort, {code: (at, wall_rule)}, reason, confirmed, now, tell=tell)
    return moved[0] if moved else None


def set_key_dates(
    session: Session,
    actor: Actor,
    cohort: Cohort,
    changes: Mapping[str, tuple[datetime | None, str]],
    reason: str,
    confirmed: bool,
    now: datetime,
    *,
    tell: Teller | None = None,
) -> tuple[DateChange, ...]:
    """Set several dates that depend on each other; the order rule is asked of the dates after all have moved."""
    if unknown := [code for code in changes if code not in COHORT_DATES]:
        raise DateRefused(MoveRefusal(MoveProblem.UNKNOWN_CODE, unknown[0]))
    instants = {code: at for code, (at, _) in changes.items()}
    moves = plan_for(session, cohort, instants, now, MoveTerms(confirmed=confirmed, reason=reason))
    rows = _date_rows(session, cohort)
    for code, (at, wall_rule) in changes.items():
        row = rows.get(code)
        if row is None:
            row = KeyDate(
                cohort_id=cohort.id,
                code=code,
                label=KEY_DATES[code].label,
                kind=KEY_DATES[code].kind,
                audience=KEY_DATES[code].audience.value,
            )
            session.add(row)
        row.at = at
        row.wall_rule = _fitting_rule(at, wall_rule, opening=KEY_DATES[code].opening)
    session.flush()
    told = record_moves(session, cohort, moves, actor, now, reason)
    tell_of(session, told, now, tell)
    return told


def plan_for(
    session: Session, cohort: Cohort, changes: Mapping[str, datetime | None], now: datetime, terms: MoveTerms
) -> tuple[Move, ...]:
    """The moves for ``changes`` under the cohort's own terms; raises ``DateRefused``.

    The cohort is locked first, so that two admins who move different dates cannot break the order between them.
    """
    session.refresh(cohort, with_for_update=True)
    file = dump_cohort(session, cohort.key)
    own = replace(
        terms,
        min_notice=timedelta(hours=cohort.min_notice_hours),
        published=cohort.state is not CohortState.DRAFT,
        order=order_options(file),
    )
    return plan_changes(changes, dates_of(file), now, own)


def _date_rows(session: Session, cohort: Cohort) -> dict[str, KeyDate]:
    return {row.code: row for row in session.scalars(sa.select(KeyDate).where(KeyDate.cohort_id == cohort.id))}


def _fitting_rule(at: datetime | None, wall_rule: str, *, opening: bool) -> str:
    """The rule if it gives ``at``, else one that does: the two can never say different things."""
    if at is None:
        return ""
    if wall_rule and resolve_rule(wall_rule) == at:
        return wall_rule
    return utc_rule(at) if opening else rule_for(at)


def tell_of(session: Session, moves: tuple[DateChange, ...], now: datetime, tell: Teller | None) -> None:
    """Hand the moves that concern people to ``tell``."""
    to_tell = tuple(move for move in moves if move.tells)
    if tell is not None and to_tell:
        tell(session, to_tell, now)


# --- the cohort ---------------------------------------------------------------------------------------------------


def publish_cohort(session: Session, actor: Actor, cohort: Cohort, now: datetime) -> None:
    """C1: the cohort becomes public, and with it the form in its present words."""
    facts = Facts(now=now, role=Role.ADMIN, actor_id=actor.person_id)
    advance(session, cohort, "C1", facts, actor, Place(cohort_id=cohort.id))
    form = latest_form(session, cohort.id)
    if form is not None and form.published_at is None:
        form.published_at = now


def move_cohort(session: Session, actor: Actor, cohort: Cohort, code: str, now: datetime, reason: str = "") -> None:
    """C2 to C5 of the cohort's machine; publication has its own action."""
    facts = Facts(now=now, role=Role.ADMIN, actor_id=actor.person_id, reason=reason)
    advance(session, cohort, code, facts, actor, Place(cohort_id=cohort.id))
