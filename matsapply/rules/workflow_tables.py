"""The process as tables: A rows move an application, S rows a stream application. The table is the documentation.

Codes are those of the process description; a letter after a code (A9u, S17a) marks a variant of that row, and A16
is the closing after a rescinded acceptance, which the close reasons name but no row of the description carries.
"""

# A table reads by its rows: one line each, however long.
# ruff: noqa: E501
from __future__ import annotations

from matsapply.rules import guards as g
from matsapply.rules.child_tables import CHILD_ROWS, row
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState as A,
    Machine,
    Role,
    StreamApplicationState as S,
)
from matsapply.rules.workflow import FORMER, NONE, Gate, Row

_APPLYING = Gate(opens="T1", closes="T2", graced=True)
_LIVE_APPLICATION = (A.DRAFT, A.SUBMITTED, A.IN_STREAMS)
_BEFORE_OFFER = (S.CHOSEN, S.APPLIED, S.IN_REVIEW, S.EVALUATING, S.INTERVIEWING, S.ASSESSED)
_TEAM = (Role.COORDINATOR, Role.ADMIN)
_LEADS = (Role.STREAM_LEAD, *_TEAM)


# fmt: off
APPLICATION_ROWS: tuple[Row, ...] = (
    row("A1", Machine.APPLICATION, NONE, A.DRAFT, Role.APPLICANT, gate=_APPLYING, guards=(g.cohort_published, g.no_other_live_application)),
    row("A2", Machine.APPLICATION, A.DRAFT, A.SUBMITTED, Role.APPLICANT, gate=_APPLYING, guards=(g.complete, g.has_track), mail="receipt"),
    row("A3", Machine.APPLICATION, A.SUBMITTED, A.SUBMITTED, Role.APPLICANT, gate=_APPLYING, guards=(g.complete, g.has_track), mail="receipt"),
    row("A4", Machine.APPLICATION, A.DRAFT, A.CLOSED, Role.SYSTEM, guards=(g.no_snapshot, g.closed_for_person), mail="never_submitted"),
    row("A5", Machine.APPLICATION, A.SUBMITTED, A.SUBMITTED, _TEAM, gate=Gate(closes="T5"), guards=(g.reopening_lies_ahead,), reason=True, mail="reopened"),
    row("A6", Machine.APPLICATION, A.SUBMITTED, A.IN_STREAMS, Role.SYSTEM, guards=(g.released, g.any_advanced), mail="first_result"),
    row("A7", Machine.APPLICATION, A.SUBMITTED, A.CLOSED, Role.SYSTEM, guards=(g.released, g.all_not_advanced), mail="first_result"),
    row("A8", Machine.APPLICATION, A.SUBMITTED, A.CLOSED, Role.SYSTEM, guards=(g.released, g.ineligible_found), mail="first_result"),
    row("A9", Machine.APPLICATION, _LIVE_APPLICATION, A.CLOSED, (Role.APPLICANT, Role.COORDINATOR), mail="withdrawn"),
    row("A9p", Machine.APPLICATION, A.CLOSED, A.CLOSED, (Role.APPLICANT, Role.COORDINATOR), gate=Gate(closes="T17"), guards=(g.offer_accepted,), mail="withdrawn"),
    row("A9u", Machine.APPLICATION, A.CLOSED, FORMER, (Role.APPLICANT, Role.COORDINATOR), guards=(g.within_undo, g.seat_not_reused)),
    row("A10", Machine.APPLICATION, A.IN_STREAMS, A.CLOSED, Role.SYSTEM, guards=(g.offer_accepted,), mail="offer_accepted"),
    row("A11", Machine.APPLICATION, A.IN_STREAMS, A.CLOSED, Role.SYSTEM, gate=Gate(opens="T13"), guards=(g.nothing_pending,), mail="closed"),
    row("A12", Machine.APPLICATION, (A.IN_STREAMS, A.CLOSED), A.CLOSED, Role.ADMIN, guards=(g.deferral_granted,)),
    row("A13", Machine.APPLICATION, A.CLOSED, FORMER, Role.ADMIN, reason=True, two_people=True, mail="reopened"),
    row("A14", Machine.APPLICATION, (*_LIVE_APPLICATION, A.CLOSED), A.CLOSED, Role.ADMIN, reason=True),
    row("A15", Machine.APPLICATION, _LIVE_APPLICATION, A.CLOSED, Role.ADMIN, reason=True, two_people=True, mail="closed"),
    row("A16", Machine.APPLICATION, A.CLOSED, A.CLOSED, Role.ADMIN, gate=Gate(closes="T17"), reason=True, two_people=True),
)

STREAM_APPLICATION_ROWS: tuple[Row, ...] = (
    row("S1", Machine.STREAM_APPLICATION, NONE, S.CHOSEN, Role.APPLICANT, guards=(g.stream_open, g.within_stream_limit, g.track_chosen, g.eligible)),
    row("S1b", Machine.STREAM_APPLICATION, NONE, S.APPLIED, Role.STREAM_LEAD, guards=(g.track_advanced, g.no_open_conflict), mail="stream_invitation"),
    row("S2", Machine.STREAM_APPLICATION, S.CHOSEN, S.APPLIED, (Role.APPLICANT, Role.SYSTEM), guards=(g.track_advanced,)),
    row("S3", Machine.STREAM_APPLICATION, S.CHOSEN, S.WITHDRAWN, Role.APPLICANT),
    row("S4", Machine.STREAM_APPLICATION, S.APPLIED, S.IN_REVIEW, Role.SYSTEM),
    row("S5", Machine.STREAM_APPLICATION, S.IN_REVIEW, S.EVALUATING, (Role.STREAM_LEAD, Role.SYSTEM), guards=(g.task_released, g.no_open_conflict), mail="task_invitation"),
    row("S6", Machine.STREAM_APPLICATION, S.EVALUATING, S.IN_REVIEW, Role.SYSTEM, guards=(g.task_finished,)),
    row("S7", Machine.STREAM_APPLICATION, S.IN_REVIEW, S.INTERVIEWING, Role.STREAM_LEAD, gate=Gate(opens="T10", closes="T11"), guards=(g.no_open_conflict,), mail="interview_slots"),
    row("S7b", Machine.STREAM_APPLICATION, S.INTERVIEWING, S.IN_REVIEW, (Role.SYSTEM, *_LEADS)),
    row("S8", Machine.STREAM_APPLICATION, (S.IN_REVIEW, S.INTERVIEWING), S.ASSESSED, (Role.STREAM_LEAD, Role.SYSTEM), guards=(g.ranking_locked_or_decided,)),
    row("S9", Machine.STREAM_APPLICATION, _BEFORE_OFFER, S.NOT_SELECTED, Role.SYSTEM, guards=(g.released,)),
    row("S9u", Machine.STREAM_APPLICATION, S.NOT_SELECTED, FORMER, Role.ADMIN, reason=True, two_people=True),
    row("S10", Machine.STREAM_APPLICATION, S.ASSESSED, S.OFFERED, Role.SYSTEM, guards=(g.released, g.approved_by_two)),
    row("S11", Machine.STREAM_APPLICATION, S.ASSESSED, S.WAITLISTED, Role.SYSTEM, guards=(g.released, g.decision_recorded)),
    row("S12", Machine.STREAM_APPLICATION, S.WAITLISTED, S.OFFERED, _TEAM, gate=Gate(closes="T15"), guards=(g.seat_free, g.capacity_free, g.no_other_accepted), mail="waitlist_promotion"),
    row("S13", Machine.STREAM_APPLICATION, S.WAITLISTED, S.NOT_SELECTED, Role.SYSTEM, gate=Gate(opens="T15")),
    row("S14", Machine.STREAM_APPLICATION, S.OFFERED, S.ACCEPTED, Role.APPLICANT, guards=(g.received_before_expiry, g.no_other_accepted, g.eligibility_confirmed)),
    row("S15", Machine.STREAM_APPLICATION, S.OFFERED, S.DECLINED, (Role.APPLICANT, Role.SYSTEM)),
    row("S16", Machine.STREAM_APPLICATION, S.OFFERED, S.LAPSED, Role.SYSTEM, guards=(g.expired,), mail="offer_lapsed"),
    row("S17", Machine.STREAM_APPLICATION, LIVE_STREAM_APPLICATION, S.WITHDRAWN, (Role.APPLICANT, Role.COORDINATOR, Role.SYSTEM)),
    row("S17a", Machine.STREAM_APPLICATION, S.ACCEPTED, S.WITHDRAWN, Role.SYSTEM),
    row("S18", Machine.STREAM_APPLICATION, LIVE_STREAM_APPLICATION - {S.OFFERED}, S.CANCELLED_BY_STREAM, (Role.ADMIN, Role.SYSTEM), guards=(g.stream_cancelled,)),
    row("S19", Machine.STREAM_APPLICATION, LIVE_STREAM_APPLICATION, S.RELEASED_BY_PLACEMENT, Role.SYSTEM, guards=(g.offer_accepted,)),
    row("S20", Machine.STREAM_APPLICATION, (S.OFFERED, S.ACCEPTED), S.RESCINDED, Role.ADMIN, gate=Gate(closes="T17"), reason=True, two_people=True, mail="offer_rescinded"),
    row("S21", Machine.STREAM_APPLICATION, S.WITHDRAWN, FORMER, (Role.APPLICANT, Role.SYSTEM), guards=(g.within_undo,)),
    row("S21b", Machine.STREAM_APPLICATION, S.WITHDRAWN, S.CHOSEN, Role.APPLICANT, guards=(g.stream_open, g.within_stream_limit, g.track_chosen, g.eligible)),
)
# fmt: on

TABLE: dict[str, Row] = {line.code: line for line in (*APPLICATION_ROWS, *STREAM_APPLICATION_ROWS, *CHILD_ROWS)}
"""Every row of every machine, by its code."""


def reachable(machine: Machine) -> frozenset[tuple[str, str]]:
    """All (from, to) pairs the machine's table allows, FORMER rows expanded to the states they may return to."""
    rows = [line for line in TABLE.values() if line.machine is machine]
    sources = {state for line in rows for state in line.frm if state}
    return frozenset(
        (before, after)
        for line in rows
        for before in line.frm
        for after in (sources if line.to == FORMER else {line.to})
    )
