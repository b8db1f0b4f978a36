"""The child machines as tables: tracks, references, assignments, evaluations, interviews, batches, offers, waitlist."""

# A table reads by its rows: one line each, however long.
# ruff: noqa: E501
from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.rules import guards as g
from matsapply.rules.stages import (
    AssignmentState as D,
    BatchState as B,
    CohortState as C,
    EvaluationState as V,
    FellowshipState as F,
    InterviewState as I,
    Machine,
    OfferState as O,
    ReferenceState as R,
    Role,
    StreamState as T,
    TrackChoiceState as K,
    WaitlistState as W,
)
from matsapply.rules.workflow import ALWAYS, FORMER, NONE, Gate, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matsapply.rules.workflow import Guard


def row(
    code: str,
    machine: Machine,
    frm: str | Iterable[str],
    to: str,
    by: Role | Iterable[Role],
    *,
    gate: Gate = ALWAYS,
    guards: tuple[Guard, ...] = (),
    reason: bool = False,
    two_people: bool = False,
    mail: str = "",
) -> Row:
    """One line of a table; a single state or role needs no brackets."""
    states = frozenset({frm} if isinstance(frm, str) else frm)
    roles = frozenset({by} if isinstance(by, Role) else by)
    return Row(code, machine, states, to, roles, gate, guards, reason, two_people, mail)


_TEAM = (Role.COORDINATOR, Role.ADMIN)
_LEADS = (Role.STREAM_LEAD, *_TEAM)
_INTERVIEWERS = (Role.MENTOR, *_LEADS)
_READERS = (Role.REVIEWER, *_INTERVIEWERS)
_INTERVIEWS = Gate(opens="T10", closes="T11")
_ACTIVE_READING = (D.PROPOSED, D.ASSIGNED, D.STARTED)
_ASKED = (R.REQUESTED, R.OPENED)
_UNANSWERED = (R.NAMED, R.REQUESTED, R.OPENED, R.OVERDUE, R.BOUNCED, R.DECLINED)

# fmt: off
CHILD_ROWS: tuple[Row, ...] = (
    # cohorts and streams
    row("C1", Machine.COHORT, C.DRAFT, C.PUBLISHED, Role.ADMIN),
    row("C2", Machine.COHORT, C.PUBLISHED, C.RUNNING, (Role.ADMIN, Role.SYSTEM)),
    row("C3", Machine.COHORT, C.RUNNING, C.FINISHED, Role.ADMIN),
    row("C4", Machine.COHORT, (C.FINISHED, C.PUBLISHED), C.ARCHIVED, Role.ADMIN),
    row("C5", Machine.COHORT, C.PUBLISHED, C.DRAFT, Role.ADMIN, reason=True),
    row("T1", Machine.STREAM, T.DRAFT, T.LISTED, _TEAM),
    row("T2", Machine.STREAM, (T.LISTED, T.CLOSED), T.OPEN, _TEAM),
    row("T3", Machine.STREAM, (T.LISTED, T.OPEN), T.CLOSED, _TEAM),
    row("T4", Machine.STREAM, (T.DRAFT, T.LISTED, T.OPEN, T.CLOSED), T.CANCELLED, Role.ADMIN, reason=True, two_people=True),
    # track choices
    row("K1", Machine.TRACK_CHOICE, K.CHOSEN, K.ADVANCED, Role.SYSTEM, guards=(g.released,)),
    row("K2", Machine.TRACK_CHOICE, K.CHOSEN, K.NOT_ADVANCED, Role.SYSTEM, guards=(g.released,)),
    row("K3", Machine.TRACK_CHOICE, K.CHOSEN, K.WITHDRAWN, (Role.APPLICANT, Role.SYSTEM)),
    row("K4", Machine.TRACK_CHOICE, K.CHOSEN, K.NOT_APPLICABLE, Role.SYSTEM),
    row("K5", Machine.TRACK_CHOICE, K.WITHDRAWN, K.CHOSEN, (Role.APPLICANT, Role.SYSTEM)),
    row("K6", Machine.TRACK_CHOICE, (K.NOT_ADVANCED, K.ADVANCED), K.CHOSEN, Role.SYSTEM),
    # references
    row("R1", Machine.REFERENCE, NONE, R.NAMED, Role.APPLICANT),
    row("R2", Machine.REFERENCE, R.NAMED, R.REQUESTED, Role.SYSTEM, mail="reference_request"),
    row("R2o", Machine.REFERENCE, R.REQUESTED, R.OPENED, Role.REFEREE),
    row("R3", Machine.REFERENCE, (*_ASKED, R.OVERDUE), R.RECEIVED, Role.REFEREE),
    row("R3e", Machine.REFERENCE, R.RECEIVED, R.RECEIVED, Role.REFEREE, gate=Gate(closes="T3")),
    row("R4", Machine.REFERENCE, _UNANSWERED, R.REPLACED, Role.APPLICANT),
    row("R4r", Machine.REFERENCE, _ASKED, R.REQUESTED, (Role.APPLICANT, Role.SYSTEM), guards=(g.may_remind,), mail="reference_reminder"),
    row("R5", Machine.REFERENCE, _ASKED, R.OVERDUE, Role.SYSTEM, gate=Gate(opens="T3")),
    row("R6", Machine.REFERENCE, _ASKED, R.DECLINED, Role.REFEREE),
    row("R7", Machine.REFERENCE, R.REQUESTED, R.BOUNCED, Role.SYSTEM),
    row("R8", Machine.REFERENCE, _UNANSWERED, R.WAIVED, _TEAM, reason=True),
    # review assignments
    row("D1", Machine.ASSIGNMENT, NONE, D.ASSIGNED, (*_LEADS, Role.SYSTEM), guards=(g.no_open_conflict, g.cap_free)),
    row("D2", Machine.ASSIGNMENT, D.PROPOSED, D.ASSIGNED, _TEAM, guards=(g.no_open_conflict,)),
    row("D3", Machine.ASSIGNMENT, D.ASSIGNED, D.STARTED, _READERS, guards=(g.assigned_to_actor, g.no_open_conflict)),
    row("D4", Machine.ASSIGNMENT, (D.ASSIGNED, D.STARTED), D.SUBMITTED, _READERS, guards=(g.assigned_to_actor, g.no_open_conflict, g.complete)),
    row("D4c", Machine.ASSIGNMENT, D.SUBMITTED, D.SUBMITTED, _READERS, guards=(g.assigned_to_actor, g.no_open_conflict, g.complete)),
    row("D5", Machine.ASSIGNMENT, _ACTIVE_READING, D.RECUSED, _READERS, guards=(g.assigned_to_actor,), reason=True),
    row("D6", Machine.ASSIGNMENT, _ACTIVE_READING, D.RETURNED, _READERS, guards=(g.assigned_to_actor,)),
    row("D7", Machine.ASSIGNMENT, _ACTIVE_READING, D.REASSIGNED, _TEAM),
    row("D8", Machine.ASSIGNMENT, _ACTIVE_READING, D.EXPIRED, Role.SYSTEM),
    row("D9", Machine.ASSIGNMENT, (*_ACTIVE_READING, D.SUBMITTED), D.VOIDED, (*_TEAM, Role.SYSTEM), reason=True),
    row("D9u", Machine.ASSIGNMENT, D.VOIDED, D.SUBMITTED, _TEAM, guards=(g.no_open_conflict, g.complete), reason=True),
    # evaluations
    row("V1", Machine.EVALUATION, NONE, V.INVITED, (Role.STREAM_LEAD, Role.SYSTEM)),
    row("V2", Machine.EVALUATION, V.INVITED, V.STARTED, Role.APPLICANT, guards=(g.within_own_window, g.ai_rule_accepted)),
    row("V3", Machine.EVALUATION, V.STARTED, V.SUBMITTED, Role.APPLICANT, guards=(g.within_own_window,), mail="task_received"),
    row("V3e", Machine.EVALUATION, V.SUBMITTED, V.SUBMITTED, Role.APPLICANT, guards=(g.within_own_window,), mail="task_received"),
    row("V4", Machine.EVALUATION, V.SUBMITTED, V.MARKED, Role.SYSTEM),
    row("V5", Machine.EVALUATION, (V.INVITED, V.STARTED), V.EXPIRED, Role.SYSTEM, guards=(g.own_window_over,)),
    row("V5x", Machine.EVALUATION, V.EXPIRED, FORMER, _TEAM, reason=True),
    row("V6", Machine.EVALUATION, (V.INVITED, V.STARTED, V.EXPIRED), V.WAIVED, _LEADS, reason=True),
    row("V7", Machine.EVALUATION, (V.INVITED, V.STARTED), V.WITHDRAWN, Role.SYSTEM),
    row("V7u", Machine.EVALUATION, V.WITHDRAWN, V.INVITED, Role.SYSTEM),
    # interviews
    row("I1", Machine.INTERVIEW, NONE, I.OFFERED, Role.STREAM_LEAD, gate=_INTERVIEWS),
    row("I2", Machine.INTERVIEW, I.OFFERED, I.BOOKED, Role.APPLICANT, guards=(g.slot_lies_ahead, g.slot_free, g.no_overlap), mail="interview_booked"),
    row("I3", Machine.INTERVIEW, I.BOOKED, I.BOOKED, Role.APPLICANT, guards=(g.slot_lies_ahead, g.slot_free, g.no_overlap, g.may_rebook), mail="interview_booked"),
    row("I4", Machine.INTERVIEW, I.BOOKED, I.HELD, _INTERVIEWERS, guards=(g.slot_begun,)),
    row("I5", Machine.INTERVIEW, I.BOOKED, I.NO_SHOW_APPLICANT, _INTERVIEWERS, guards=(g.slot_begun,)),
    row("I6", Machine.INTERVIEW, I.BOOKED, I.NO_SHOW_INTERVIEWER, (Role.APPLICANT, *_INTERVIEWERS), guards=(g.slot_begun,)),
    row("I7", Machine.INTERVIEW, (I.OFFERED, I.BOOKED), I.CANCELLED, (Role.SYSTEM, *_LEADS)),
    # release batches
    row("RB1", Machine.BATCH, NONE, B.OPEN, _TEAM),
    row("RB2", Machine.BATCH, B.OPEN, B.SEALED, _TEAM, guards=(g.batch_complete,)),
    row("RB3", Machine.BATCH, B.SEALED, B.RELEASED, _TEAM),
    row("RB4", Machine.BATCH, (B.OPEN, B.SEALED), B.CANCELLED, _TEAM, reason=True),
    row("RB5", Machine.BATCH, B.SEALED, B.OPEN, _TEAM),
    # offers
    row("O0", Machine.OFFER, NONE, O.DRAFT, (*_LEADS, Role.SYSTEM), guards=(g.no_open_conflict,)),
    row("O1", Machine.OFFER, O.DRAFT, O.APPROVED, _TEAM, guards=(g.seat_free, g.capacity_free), two_people=True),
    row("O2", Machine.OFFER, O.APPROVED, O.PENDING, (*_TEAM, Role.SYSTEM), guards=(g.released,)),
    row("O3", Machine.OFFER, O.PENDING, O.ACCEPTED, Role.APPLICANT, guards=(g.received_before_expiry, g.no_other_accepted, g.eligibility_confirmed)),
    row("O4", Machine.OFFER, O.PENDING, O.DECLINED, (Role.APPLICANT, Role.SYSTEM), mail="offer_declined"),
    row("O4u", Machine.OFFER, O.DECLINED, O.PENDING, Role.SYSTEM, guards=(g.received_before_expiry, g.seat_free)),
    row("O5", Machine.OFFER, O.PENDING, O.LAPSED, Role.SYSTEM, guards=(g.expired,)),
    row("O6", Machine.OFFER, O.PENDING, O.PENDING, _TEAM, guards=(g.expiry_moves_later,)),
    row("O7", Machine.OFFER, O.PENDING, O.SUPERSEDED, Role.SYSTEM, guards=(g.offer_accepted,)),
    row("O8", Machine.OFFER, O.ACCEPTED, O.CONFIRMED, _TEAM),
    row("O9", Machine.OFFER, (O.ACCEPTED, O.CONFIRMED), O.VACATED, (Role.SYSTEM, *_TEAM)),
    row("O9u", Machine.OFFER, O.VACATED, O.ACCEPTED, Role.SYSTEM, guards=(g.seat_free, g.no_other_accepted)),
    row("O10", Machine.OFFER, (O.ACCEPTED, O.CONFIRMED), O.DEFERRED, Role.ADMIN, guards=(g.deferral_granted,)),
    row("O11", Machine.OFFER, (O.PENDING, O.ACCEPTED, O.CONFIRMED), O.RESCINDED, Role.ADMIN, gate=Gate(closes="T17"), reason=True, two_people=True),
    row("O12", Machine.OFFER, (O.DRAFT, O.APPROVED), O.CANCELLED, (*_TEAM, Role.SYSTEM)),
    # waitlist and fellowships
    row("W1", Machine.WAITLIST, NONE, W.ACTIVE, Role.SYSTEM, guards=(g.released,)),
    row("W2", Machine.WAITLIST, W.ACTIVE, W.PROMOTED, _TEAM),
    row("W3", Machine.WAITLIST, W.ACTIVE, W.SKIPPED, _TEAM, reason=True),
    row("W4", Machine.WAITLIST, W.ACTIVE, W.LEFT, (Role.APPLICANT, Role.SYSTEM)),
    row("W5", Machine.WAITLIST, W.ACTIVE, W.CLOSED, Role.SYSTEM),
    row("F1", Machine.FELLOWSHIP, NONE, F.PLACED, Role.SYSTEM, guards=(g.offer_accepted,)),
    row("F2", Machine.FELLOWSHIP, F.PLACED, F.TO_BE_PLACED, Role.ADMIN, reason=True),
    row("F1u", Machine.FELLOWSHIP, F.ENDED, F.PLACED, Role.SYSTEM, guards=(g.offer_accepted,)),
    row("F3", Machine.FELLOWSHIP, (F.PLACED, F.TO_BE_PLACED), F.ENDED, (Role.SYSTEM, Role.ADMIN)),
)
# fmt: on
