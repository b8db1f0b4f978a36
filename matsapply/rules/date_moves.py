"""Which moves of a key date are fair to the people who rely on it.

Later is always allowed. Earlier only with notice and a person who confirms it. A gate that has passed cannot be turned
back in the records: moving it opens it again, for a reason that is written down. Whatever moves, the order rule holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from matsapply.rules.deadlines import USUAL_ORDER, OrderOptions, Violation, order_violations, rule_of
from matsapply.rules.stages import KeyDateKind

DEFAULT_NOTICE = timedelta(hours=72)


class MoveKind(StrEnum):
    """What a change of a key date amounts to."""

    UNCHANGED = "unchanged"
    FIRST = "first"
    LATER = "later"
    EARLIER = "earlier"
    REOPENED = "reopened"
    UNSET = "unset"


class MoveProblem(StrEnum):
    """Why a key date may not be changed like this."""

    UNKNOWN_CODE = "unknown_code"
    ORDER = "order"
    TOO_SHORT_NOTICE = "too_short_notice"
    NEEDS_CONFIRMATION = "needs_confirmation"
    NEEDS_REASON = "needs_reason"
    PASSED = "passed"
    OPEN_OFFERS = "open_offers"


@dataclass(frozen=True, slots=True)
class MoveRefusal:
    """A change that is not allowed; ``earliest`` where the notice or an open offer decides, ``violations`` where the
    order does."""

    problem: MoveProblem
    code: str
    earliest: datetime | None = None
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A change that is allowed. ``tells`` says whether holders of drafts and open tasks must be told of it."""

    code: str
    kind: MoveKind
    old: datetime | None
    new: datetime | None
    tells: bool


@dataclass(frozen=True, slots=True)
class MoveTerms:
    """What surrounds a move: the cohort's notice, whether people can already see the dates, who confirms and why."""

    min_notice: timedelta = DEFAULT_NOTICE
    published: bool = True
    confirmed: bool = False
    reason: str = ""
    order: OrderOptions = USUAL_ORDER


USUAL_TERMS = MoveTerms()


def plan_move(
    code: str,
    new: datetime | None,
    dates: Mapping[str, datetime | None],
    now: datetime,
    terms: MoveTerms = USUAL_TERMS,
) -> Move | MoveRefusal:
    """Whether the date ``code`` of ``dates`` may become ``new`` (None: to be announced) at the instant ``now``."""
    planned = plan_moves({code: new}, dates, now, terms)
    return planned if isinstance(planned, MoveRefusal) else planned[0]


def plan_moves(
    changes: Mapping[str, datetime | None],
    dates: Mapping[str, datetime | None],
    now: datetime,
    terms: MoveTerms = USUAL_TERMS,
) -> tuple[Move, ...] | MoveRefusal:
    """The same for several dates at once; the order rule is asked of the dates after all of them have moved."""
    moves = []
    for code, new in changes.items():
        planned = _plan_one(code, dates.get(code), new, now, terms)
        if isinstance(planned, MoveRefusal):
            return planned
        moves.append(planned)
    if all(move.kind is MoveKind.UNCHANGED for move in moves):
        return tuple(moves)
    if broken := order_violations({**dates, **changes}, terms.order):
        moved = next((v.code_b if v.code_b in changes else v.code_a for v in broken), next(iter(changes)))
        return MoveRefusal(MoveProblem.ORDER, moved, violations=tuple(broken))
    return tuple(moves)


def _plan_one(
    code: str, old: datetime | None, new: datetime | None, now: datetime, terms: MoveTerms
) -> Move | MoveRefusal:
    row = rule_of(code)
    if row is None:
        return MoveRefusal(MoveProblem.UNKNOWN_CODE, code)
    kind = _kind(old, new, now, gate=row.kind is not KeyDateKind.DISPLAY)
    # A first close is news to whoever has begun; that something will open takes nothing from anybody.
    quiet = kind is MoveKind.UNCHANGED or (kind is MoveKind.FIRST and row.opening)
    move = Move(code, kind, old, new, tells=terms.published and not quiet)
    if not terms.published or kind in {MoveKind.UNCHANGED, MoveKind.LATER}:
        return move
    if row.kind is KeyDateKind.DISPLAY:
        return move
    if kind is MoveKind.FIRST and row.opening:
        return move  # an opening takes no time from anybody
    return _unfair(move, now, terms) or move


def _kind(old: datetime | None, new: datetime | None, now: datetime, *, gate: bool) -> MoveKind:
    if old == new:
        return MoveKind.UNCHANGED
    if old is None:
        return MoveKind.FIRST
    if gate and old <= now:
        return MoveKind.REOPENED
    if new is None:
        return MoveKind.UNSET
    return MoveKind.LATER if new > old else MoveKind.EARLIER


def _unfair(move: Move, now: datetime, terms: MoveTerms) -> MoveRefusal | None:
    """The first objection to a move that takes something away or re-opens a gate that has passed."""
    if move.kind is MoveKind.REOPENED:
        if move.new is None or move.new <= now:
            return MoveRefusal(MoveProblem.PASSED, move.code)
    elif move.new is not None and move.new < now + terms.min_notice:
        return MoveRefusal(MoveProblem.TOO_SHORT_NOTICE, move.code, earliest=now + terms.min_notice)
    if not terms.confirmed:
        return MoveRefusal(MoveProblem.NEEDS_CONFIRMATION, move.code)
    if not terms.reason.strip() and move.kind is not MoveKind.FIRST:
        return MoveRefusal(MoveProblem.NEEDS_REASON, move.code)
    return None
