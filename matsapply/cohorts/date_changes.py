"""Carrying out moves of dates: the plan by the rules, the revision that keeps the old value, the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.cohorts.models import Cohort, Evaluation, KeyDate, KeyDateRevision, Stream
from matsapply.rules.date_moves import Move, MoveKind, MoveProblem, MoveRefusal, MoveTerms, plan_moves
from matsapply.rules.deadlines import rule_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


@dataclass(frozen=True, slots=True)
class DateChange:
    """One date that moved. ``cause`` is the same for every message about this move and different for any other."""

    cohort_id: int
    code: str
    label: str
    old: datetime | None
    new: datetime | None
    reopened: bool
    tells: bool
    cause: str


class DateRefused(Exception):
    """A date that may not move like this; ``refusal`` says why and ``str()`` says it in words."""

    def __init__(self, refusal: MoveRefusal) -> None:
        super().__init__(in_words(refusal))
        self.refusal = refusal


def in_words(refusal: MoveRefusal) -> str:
    """The refusal as a sentence that says what to do."""
    code = refusal.code
    match refusal.problem:
        case MoveProblem.UNKNOWN_CODE:
            return f"There is no key date {code}."
        case MoveProblem.ORDER:
            rules = ", ".join(violation.rule for violation in refusal.violations)
            return f"{code} would break the order of the dates: {rules}. Move the other dates with it."
        case MoveProblem.TOO_SHORT_NOTICE:
            return (
                f"{code} may move earlier only with notice: the earliest instant now is "
                f"{refusal.earliest:%Y-%m-%d %H:%M} UTC."
            )
        case MoveProblem.NEEDS_CONFIRMATION:
            return f"{code} takes time away from people or opens a gate again. Confirm that this is meant."
        case MoveProblem.NEEDS_REASON:
            return f"{code} needs a reason; it is kept in the log."
        case MoveProblem.PASSED:
            return f"{code} has passed. It can be opened again until a later instant, but the past stays as it was."
        case MoveProblem.OPEN_OFFERS:
            return (
                f"{code} may not lie before {refusal.earliest:%Y-%m-%d %H:%M} UTC: an open offer can be answered until "
                "then, and an offer's end is never taken back."
            )


def plan_changes(
    changes: Mapping[str, datetime | None], dates: Mapping[str, datetime | None], now: datetime, terms: MoveTerms
) -> tuple[Move, ...]:
    """The moves for ``changes``; raises ``DateRefused``."""
    planned = plan_moves(changes, dates, now, terms)
    if isinstance(planned, MoveRefusal):
        raise DateRefused(planned)
    return tuple(move for move in planned if move.kind is not MoveKind.UNCHANGED)


def record_moves(
    session: Session, cohort: Cohort, moves: tuple[Move, ...], actor: Actor, now: datetime, reason: str
) -> tuple[DateChange, ...]:
    """Write revisions and log entries for moves whose new instants are already stored; returns them for the telling."""
    if not moves:
        return ()
    rows = {row.code: row for row in session.scalars(sa.select(KeyDate).where(KeyDate.cohort_id == cohort.id))}
    changes = []
    for move in moves:
        row = rows.get(move.code)
        if row is not None:
            session.add(
                KeyDateRevision(
                    key_date_id=row.id,
                    old_at=move.old,
                    new_at=move.new,
                    actor_id=actor.person_id,
                    reason=reason,
                    announced_at=now,
                    reopens=move.kind is MoveKind.REOPENED,
                )
            )
        audit.record(
            session,
            actor,
            f"key_date.{move.kind.value}",
            now,
            subject_type="key_date",
            subject_id=row.id if row is not None else None,
            cohort_id=cohort.id,
            before=move.old.isoformat() if move.old else "",
            after=move.new.isoformat() if move.new else "",
            reason=reason,
            detail={"code": move.code},
        )
        changes.append(
            DateChange(
                cohort_id=cohort.id,
                code=move.code,
                label=row.label if row is not None else _label(session, cohort, move.code),
                old=move.old,
                new=move.new,
                reopened=move.kind is MoveKind.REOPENED,
                tells=move.tells,
                cause=_cause(cohort, move, now),
            )
        )
    session.flush()
    return tuple(changes)


def _cause(cohort: Cohort, move: Move, now: datetime) -> str:
    """One string for this move; short enough to be the cause of a message."""
    target = f"{move.new:%Y%m%dT%H%M}" if move.new else "unset"
    return f"key_date:{cohort.id}:{move.code}:{now:%Y%m%dT%H%M%S%f}>{target}"


def _label(session: Session, cohort: Cohort, code: str) -> str:
    """The date of an evaluation or a stream in words, such as ``Evaluation due: Code screen``."""
    base, _, key = code.partition(":")
    owner, name = (Evaluation, Evaluation.title) if base in {"T8", "T9"} else (Stream, Stream.name)
    title = session.scalar(sa.select(name).where(owner.cohort_id == cohort.id, owner.key == key)) or key
    rule = rule_of(code)
    return f"{rule.label}: {title}" if rule else title
