"""The engine of the transition tables: facts in, a plan or a refusal out.

A ``Row`` is one line of the process: from which states, to which, by whom, within which key dates, under which guards.
``plan`` decides without touching anything; ``tracking.actions.advance`` is the only place that carries a plan out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from matsapply.rules.deadlines import later_close
from matsapply.rules.refusals import Code, Refusal
from matsapply.rules.stages import Machine, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NONE = ""  # the state of what does not exist yet
FORMER = "*former*"  # the target of an undo: the state kept when the subject left it

ZERO = timedelta(0)
UNDO_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a guard may look at. Every default denies: an action states only what it has checked.

    ``dates`` maps key-date codes to instants (unset: None or absent); ``extensions`` maps codes to this person's own
    later closings. ``page_opened_at`` is when the form now sent was fetched, for the silent grace.
    """

    now: datetime
    role: Role
    actor_id: int | None = None
    second_actor_id: int | None = None
    reason: str = ""
    dates: Mapping[str, datetime | None] = field(default_factory=dict)
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    grace: timedelta = ZERO
    page_opened_at: datetime | None = None
    former: str = ""
    # the application
    cohort_published: bool = False
    other_live_application: bool = True
    complete: bool = False
    has_track: bool = False
    has_snapshot: bool = False
    reopened_until: datetime | None = None
    any_advanced: bool = False
    all_not_advanced: bool = False
    ineligible_found: bool = False
    exited_at: datetime | None = None
    seat_reused: bool = True
    nothing_pending: bool = False
    offer_accepted: bool = False
    deferral_granted: bool = False
    # a stream application
    stream_open: bool = False
    stream_opens_at: datetime | None = None
    stream_closes_at: datetime | None = None
    within_stream_limit: bool = False
    track_chosen: bool = False
    track_advanced: bool = False
    eligible: bool = False
    no_open_conflict: bool = False
    task_released: bool = False
    task_finished: bool = False
    ranking_locked: bool = False
    decision_recorded: bool = False
    released: bool = False
    stream_cancelled: bool = False
    # evaluations, interviews, references, offers, batches
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    ai_rule_accepted: bool = False
    slot_free: bool = False
    no_overlap: bool = False
    bookings_moved: int = 0
    reminders: int = 0
    reminded_at: datetime | None = None
    seat_free: bool = False
    capacity_free: bool = False
    approved_by_two: bool = False
    other_accepted: bool = True
    eligibility_confirmed: bool = False
    received_at: datetime | None = None
    batch_complete: bool = False
    cap_free: bool = False
    assigned_to_actor: bool = False


if TYPE_CHECKING:
    Guard: TypeAlias = Callable[[Facts], Code | Refusal | None]
else:
    Guard = object


@dataclass(frozen=True, slots=True)
class Gate:
    """The interval [opens, closes) between two key dates; a person's own extension moves only the end.

    With ``graced`` the cohort's silent grace counts for a page fetched before the end. A gate whose opening is named
    but unset is closed; one whose end is unset stays open.
    """

    opens: str = ""
    closes: str = ""
    graced: bool = False

    def check(self, facts: Facts) -> Code | None:
        if self.opens:
            opens = facts.dates.get(self.opens)
            if opens is None or facts.now < opens:
                return Code.NOT_OPEN_YET
        if self.closes:
            closes = effective_close(facts, self.closes)
            if closes is not None and facts.now >= closes + self._grace(facts, closes):
                return Code.CLOSED
        return None

    def _grace(self, facts: Facts, closes: datetime) -> timedelta:
        in_time = facts.page_opened_at is not None and facts.page_opened_at < closes
        return facts.grace if self.graced and in_time else ZERO


ALWAYS = Gate()


def effective_close(facts: Facts, code: str) -> datetime | None:
    """The later of the cohort's closing and the person's own extension; None where the cohort has set none."""
    closes = facts.dates.get(code)
    if closes is None:
        return None
    return later_close(later_close(closes, facts.extensions.get(code)), facts.reopened_until if code == "T2" else None)


@dataclass(frozen=True, slots=True)
class Row:
    """One transition. ``mail`` names the message its subject's person gets (a value of ``mail.kinds.Mail``)."""

    code: str
    machine: Machine
    frm: frozenset[str]
    to: str
    roles: frozenset[Role]
    gate: Gate = ALWAYS
    guards: tuple[Guard, ...] = ()
    reason: bool = False
    two_people: bool = False
    mail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A transition that may be made."""

    row: Row
    before: str
    after: str


def plan(row: Row, state: str, facts: Facts) -> Plan | Refusal:
    """Decide whether ``row`` applies to a subject in ``state``. Pure: the same facts give the same answer."""
    if state not in row.frm:
        return Refusal(Code.WRONG_STATE)
    if facts.role not in row.roles:
        return Refusal(Code.WRONG_ROLE)
    if (code := row.gate.check(facts)) is not None:
        return Refusal(code)
    for guard in row.guards:
        if (found := guard(facts)) is not None:
            return found if isinstance(found, Refusal) else Refusal(found)
    if row.reason and not facts.reason.strip():
        return Refusal(Code.REASON_NEEDED)
    if row.two_people and (facts.second_actor_id is None or facts.second_actor_id == facts.actor_id):
        return Refusal(Code.SECOND_PERSON_NEEDED)
    if row.to == FORMER:
        return Plan(row, state, facts.former) if facts.former else Refusal(Code.WRONG_STATE)
    return Plan(row, state, row.to)
