"""The transition tables, cell by cell: every row × every state × every role, every guard, every gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from matsapply.mail.kinds import Mail
from matsapply.rules import stages
from matsapply.rules.refusals import Code, Refusal
from matsapply.rules.stages import Machine, Role
from matsapply.rules.workflow import FORMER, NONE, Facts, Plan, plan
from matsapply.rules.workflow_tables import APPLICATION_ROWS, STREAM_APPLICATION_ROWS, TABLE, reachable

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)

STATES = {
    Machine.COHORT: stages.CohortState,
    Machine.STREAM: stages.StreamState,
    Machine.APPLICATION: stages.ApplicationState,
    Machine.TRACK_CHOICE: stages.TrackChoiceState,
    Machine.STREAM_APPLICATION: stages.StreamApplicationState,
    Machine.REFERENCE: stages.ReferenceState,
    Machine.ASSIGNMENT: stages.AssignmentState,
    Machine.EVALUATION: stages.EvaluationState,
    Machine.INTERVIEW: stages.InterviewState,
    Machine.BATCH: stages.BatchState,
    Machine.OFFER: stages.OfferState,
    Machine.WAITLIST: stages.WaitlistState,
    Machine.FELLOWSHIP: stages.FellowshipState,
}
GOOD = dict.fromkeys(
    "cohort_published complete has_track any_advanced all_not_advanced ineligible_found nothing_pending "
    "offer_accepted deferral_granted stream_open within_stream_limit track_chosen track_advanced eligible "
    "no_open_conflict task_released task_finished ranking_locked decision_recorded released stream_cancelled "
    "ai_rule_accepted slot_free no_overlap seat_free capacity_free approved_by_two eligibility_confirmed "
    "batch_complete cap_free assigned_to_actor".split(),
    True,
)


def permissive(code: str) -> Facts:
    """Facts under which ``code`` is allowed: everything checked and fine, in the middle of its window."""
    row = TABLE[code]
    dates = {row.gate.opens: NOW - HOUR} if row.gate.opens else {}
    if row.gate.closes:
        dates[row.gate.closes] = NOW + HOUR
    facts = Facts(
        now=NOW,
        role=min(row.roles),
        actor_id=1,
        second_actor_id=2,
        reason="because",
        dates=dates,
        other_live_application=False,
        seat_reused=False,
        other_accepted=False,
        stream_opens_at=NOW - HOUR,
        stream_closes_at=NOW + HOUR,
        opens_at=NOW - HOUR,
        closes_at=NOW + HOUR,
        exited_at=NOW - HOUR,
        reopened_until=NOW + HOUR,
        former=min(row.frm),
        **GOOD,
    )
    match code:
        case "A4":  # the person's closing has passed
            return replace(facts, dates={"T2": NOW - HOUR}, reopened_until=None)
        case "S16" | "O5" | "V5":  # the end has come
            return replace(facts, closes_at=NOW)
        case "I2" | "I3":  # the slot lies ahead
            return replace(facts, opens_at=NOW + HOUR)
    return facts


@pytest.mark.parametrize("code", TABLE)
def test_each_row_applies_from_its_states_and_from_no_other(code: str) -> None:
    row = TABLE[code]
    facts = permissive(code)
    for state in ("", *(member.value for member in STATES[row.machine])):
        decided = plan(row, state, facts)
        if state in row.frm:
            assert isinstance(decided, Plan), (code, state, decided)
            assert decided.before == state
            assert decided.after == (facts.former if row.to == FORMER else row.to)
        else:
            assert decided == Refusal(Code.WRONG_STATE)


@pytest.mark.parametrize("code", TABLE)
def test_each_row_is_open_to_its_roles_and_to_no_other(code: str) -> None:
    row = TABLE[code]
    for role in Role:
        decided = plan(row, min(row.frm), replace(permissive(code), role=role))
        if role in row.roles:
            assert isinstance(decided, Plan)
        else:
            assert decided == Refusal(Code.WRONG_ROLE)


@pytest.mark.parametrize("code", [code for code, row in TABLE.items() if row.gate.opens])
def test_a_gate_opens_at_its_instant_and_not_a_millisecond_before(code: str) -> None:
    row, facts = TABLE[code], permissive(code)
    opening = dict(facts.dates) | {row.gate.opens: NOW}
    assert isinstance(plan(row, min(row.frm), replace(facts, dates=opening)), Plan)
    early = replace(facts, dates=opening, now=NOW - MILLISECOND)
    assert plan(row, min(row.frm), early) == Refusal(Code.NOT_OPEN_YET)
    unset = dict(facts.dates) | {row.gate.opens: None}
    assert plan(row, min(row.frm), replace(facts, dates=unset)) == Refusal(Code.NOT_OPEN_YET)


@pytest.mark.parametrize("code", [code for code, row in TABLE.items() if row.gate.closes])
def test_a_gate_closes_at_its_instant_and_not_a_millisecond_before(code: str) -> None:
    """Invariant 4: at exactly the close the step is refused, one millisecond before it is allowed."""
    row = TABLE[code]
    facts = replace(permissive(code), reopened_until=NOW + 9 * HOUR if code == "A5" else None)
    closing = dict(facts.dates) | {row.gate.closes: NOW}
    assert plan(row, min(row.frm), replace(facts, dates=closing)) == Refusal(Code.CLOSED)
    assert isinstance(plan(row, min(row.frm), replace(facts, dates=closing, now=NOW - MILLISECOND)), Plan)


@pytest.mark.parametrize("code", ["A1", "A2", "A3"])
def test_the_silent_grace_counts_only_for_a_page_opened_before_the_close(code: str) -> None:
    """E5: in time by the page's opening and the server's clock, for as long as the grace."""
    row = TABLE[code]
    late = replace(
        permissive(code),
        reopened_until=None,
        dates={"T1": NOW - 9 * HOUR, "T2": NOW - timedelta(minutes=14)},
        grace=timedelta(minutes=15),
    )
    before = late.now - timedelta(minutes=30)
    assert isinstance(plan(row, min(row.frm), replace(late, page_opened_at=before)), Plan)
    assert plan(row, min(row.frm), late) == Refusal(Code.CLOSED)
    after = late.now - timedelta(minutes=5)
    assert plan(row, min(row.frm), replace(late, page_opened_at=after)) == Refusal(Code.CLOSED)
    over = replace(late, page_opened_at=before, now=late.now + timedelta(minutes=1))
    assert plan(row, min(row.frm), over) == Refusal(Code.CLOSED)


@pytest.mark.parametrize("code", ["A2", "A3"])
def test_an_extension_moves_the_end_for_its_owner_and_never_earlier(code: str) -> None:
    """E3 and invariant 2."""
    row = TABLE[code]
    closed = replace(permissive(code), dates={"T1": NOW - 9 * HOUR, "T2": NOW - HOUR}, reopened_until=None)
    assert plan(row, min(row.frm), closed) == Refusal(Code.CLOSED)
    assert isinstance(plan(row, min(row.frm), replace(closed, extensions={"T2": NOW + HOUR})), Plan)
    earlier = replace(closed, dates={"T1": NOW - 9 * HOUR, "T2": NOW + HOUR}, extensions={"T2": NOW - HOUR})
    assert isinstance(plan(row, min(row.frm), earlier), Plan)


@pytest.mark.parametrize(("code", "number"), [(code, n) for code, row in TABLE.items() for n in range(len(row.guards))])
def test_each_guard_can_refuse_its_row(code: str, number: int) -> None:
    """Facts in which nothing was checked are refused by every guard, each with a code of its own choice."""
    row = TABLE[code]
    unchecked = Facts(
        now=NOW,
        role=min(row.roles),
        dates={"T2": NOW + HOUR},
        has_snapshot=True,
        opens_at=NOW + 2 * HOUR if code not in {"I2", "I3"} else NOW,
        closes_at=NOW - HOUR if code not in {"S16", "O5", "V5"} else NOW + HOUR,
        bookings_moved=2,
        reminders=3,
    )
    assert row.guards[number](unchecked) is not None
    alone = replace(row, guards=(row.guards[number],), gate=type(row.gate)())
    assert isinstance(plan(alone, min(row.frm), unchecked), Refusal)


@pytest.mark.parametrize("code", [code for code, row in TABLE.items() if row.reason])
def test_a_row_that_demands_a_reason_is_refused_without_one(code: str) -> None:
    row = TABLE[code]
    assert plan(row, min(row.frm), replace(permissive(code), reason="  ")) == Refusal(Code.REASON_NEEDED)


@pytest.mark.parametrize("code", [code for code, row in TABLE.items() if row.two_people])
def test_two_person_acts_have_two_different_people(code: str) -> None:
    """Invariant 58."""
    row = TABLE[code]
    for second in (None, 1):
        facts = replace(permissive(code), second_actor_id=second)
        assert plan(row, min(row.frm), facts) == Refusal(Code.SECOND_PERSON_NEEDED)


def test_all_codes_of_the_description_are_there() -> None:
    named = {f"A{n}" for n in range(1, 16)} | {f"S{n}" for n in range(1, 22)} | {"S1b"}
    assert named <= set(TABLE)
    assert {row.code for row in (*APPLICATION_ROWS, *STREAM_APPLICATION_ROWS)} >= named


def test_nothing_leaves_accepted_except_to_confirmed_vacated_rescinded_or_deferred() -> None:
    """Invariant 40."""
    after = {target for source, target in reachable(Machine.OFFER) if source == "accepted"}
    assert after == {"confirmed", "vacated", "rescinded", "deferred"}


def test_every_state_can_be_reached_from_nothing() -> None:
    """A state nobody can enter is a mistake in a table. Four beginnings are made, not moved to."""
    made = {
        (Machine.ASSIGNMENT, "proposed"),
        (Machine.COHORT, "draft"),
        (Machine.STREAM, "draft"),
        (Machine.TRACK_CHOICE, "chosen"),
    }
    for machine, states in STATES.items():
        steps = reachable(machine)
        known = {NONE, *(state for kind, state in made if kind is machine)}
        while grown := {after for before, after in steps if before in known} - known:
            known |= grown
        assert known >= {state.value for state in states}, machine


def test_every_row_speaks_of_known_states_and_mails() -> None:
    for row in TABLE.values():
        assert row.frm, row.code
        assert row.roles, row.code
        if row.mail:
            assert Mail(row.mail)
        targets = {state.value for state in STATES[row.machine]} | {FORMER}
        assert row.to in targets, row.code
        assert row.frm <= targets | {NONE}, row.code


@pytest.mark.parametrize(("when", "allowed"), [(timedelta(hours=24) - MILLISECOND, True), (timedelta(hours=24), False)])
def test_A9u_and_S21_an_undo_ends_after_24_hours(when: timedelta, allowed: bool) -> None:
    for code in ("A9u", "S21"):
        facts = replace(permissive(code), exited_at=NOW - when)
        assert isinstance(plan(TABLE[code], min(TABLE[code].frm), facts), Plan) is allowed


def test_S14_an_acceptance_received_before_the_expiry_wins_even_if_processed_later() -> None:
    """E12: the server's receive time decides."""
    facts = replace(permissive("S14"), closes_at=NOW - HOUR, received_at=NOW - HOUR - MILLISECOND)
    assert isinstance(plan(TABLE["S14"], "offered", facts), Plan)
    assert plan(TABLE["S14"], "offered", replace(facts, received_at=NOW - HOUR)) == Refusal(Code.EXPIRED)


def test_O6_an_expiry_only_moves_later_and_never_past_T15() -> None:
    """Invariant 43."""
    facts = replace(permissive("O6"), opens_at=NOW, closes_at=NOW + HOUR, dates={"T15": NOW + 2 * HOUR})
    assert isinstance(plan(TABLE["O6"], "pending", facts), Plan)
    assert plan(TABLE["O6"], "pending", replace(facts, closes_at=NOW)) == Refusal(Code.NO_CHANGE)
    assert plan(TABLE["O6"], "pending", replace(facts, closes_at=NOW + 3 * HOUR)) == Refusal(Code.CLOSED)


@pytest.mark.parametrize(
    ("sent", "ago", "code"),
    [(0, None, None), (1, 23, Code.REMINDER_TOO_SOON), (2, 24, None), (3, 99, Code.REMINDER_LIMIT)],
)
def test_R4r_a_reminder_a_day_and_three_in_all(sent: int, ago: int | None, code: Code | None) -> None:
    last = None if ago is None else NOW - ago * HOUR
    decided = plan(TABLE["R4r"], "requested", replace(permissive("R4r"), reminders=sent, reminded_at=last))
    assert decided == Refusal(code) if code else isinstance(decided, Plan)
