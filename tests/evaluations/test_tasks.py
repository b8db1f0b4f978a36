"""Tasks: V1 to V3, S5 and S6, with the personal clock and the last second."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import StreamApplication
from matsapply.evaluations.actions import save_task_draft, start_task, submit_task
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission, SubmissionVersion
from matsapply.mail.kinds import Mail
from matsapply.process.stream_round import (
    invite_all,
    invite_to_task,
)
from matsapply.rules.refusals import Code
from matsapply.rules.stages import EvaluationState, Role, StreamApplicationState
from tests.evaluations.invited import LEAD, asked, mails, only_entry, person, refused, running
from tests.stream_world import DURING_TASKS, TASKS_DUE, TASKS_OPEN, World

if TYPE_CHECKING:
    pass

MOMENT = timedelta(milliseconds=1)


# --- invitation -----------------------------------------------------------------------------------------------------


def test_V1_S5_a_lead_invites_and_the_applicant_is_told_once(world: World) -> None:
    task, application = asked(world, world.own)
    assert task.state is EvaluationState.INVITED
    assert world.codes(application) == ["V1", "S5"]
    assert mails(world, Mail.TASK_INVITATION, application) == 1


def test_S5_waits_for_the_opening_of_the_task(world: World) -> None:
    application = world.applicant()
    entry = world.entry(application, world.red)
    with refused(Code.NOT_OPEN_YET):
        invite_to_task(world.session, world.actor(world.lead), entry, world.own, LEAD, TASKS_OPEN - MOMENT)
    invite_to_task(world.session, world.actor(world.lead), entry, world.own, LEAD, TASKS_OPEN)
    assert entry.state is StreamApplicationState.EVALUATING


def test_S5_nobody_is_asked_when_the_time_is_over(world: World) -> None:
    entry = world.entry(world.applicant(), world.red)
    with refused(Code.CLOSED), world.session.begin_nested():
        invite_to_task(world.session, world.actor(world.lead), entry, world.own, LEAD, TASKS_DUE)
    assert world.session.scalar(sa.select(sa.func.count()).select_from(EvaluationInvite)) == 0


def test_S5_a_conflict_stops_the_one_who_has_it_and_nobody_else(world: World) -> None:
    application = world.applicant()
    entry = world.entry(application, world.red)
    world.conflict(world.lead, application)
    with refused(Code.CONFLICT):
        invite_to_task(world.session, world.actor(world.lead), entry, world.own, LEAD, DURING_TASKS)
    other = world.member("Lars Lead", LEAD, world.red)
    invite_to_task(world.session, world.actor(other), entry, world.own, LEAD, DURING_TASKS)
    assert entry.state is StreamApplicationState.EVALUATING


def test_S5_only_tasks_of_the_streams_own_plan(world: World) -> None:
    entry = world.entry(world.applicant(), world.blue)
    with refused(Code.WRONG_STATE):
        invite_to_task(world.session, world.actor(world.blue_lead), entry, world.own, LEAD, DURING_TASKS)


@pytest.mark.parametrize("role", [Role.MENTOR, Role.COORDINATOR, Role.APPLICANT])
def test_S5_is_for_stream_leads(world: World, role: Role) -> None:
    entry = world.entry(world.applicant(), world.red)
    with refused(Code.WRONG_ROLE):
        invite_to_task(world.session, world.actor(world.mentor), entry, world.own, role, DURING_TASKS)


def test_invariant_46_a_shared_task_is_invited_once_and_both_streams_wait_for_it(world: World) -> None:
    task, application = asked(world, world.shared)
    blue = world.entry(application, world.blue)
    again = invite_to_task(world.session, world.actor(world.blue_lead), blue, world.shared, LEAD, DURING_TASKS)
    assert again.id == task.id
    assert blue.state is StreamApplicationState.EVALUATING
    assert world.codes(application).count("V1") == 1
    assert mails(world, Mail.TASK_INVITATION, application) == 1
    assert world.session.scalar(sa.select(sa.func.count()).select_from(InviteStream)) == 2


def test_invariant_46_a_result_that_is_in_serves_the_second_stream_at_once(world: World) -> None:
    task, application = asked(world, world.shared)
    start_task(world.session, person(application), task, DURING_TASKS, ai_rule=True)
    submit_task(world.session, person(application), task, "done", DURING_TASKS)
    blue = world.entry(application, world.blue)
    invite_to_task(world.session, world.actor(world.blue_lead), blue, world.shared, LEAD, DURING_TASKS)
    assert blue.state is StreamApplicationState.IN_REVIEW
    assert world.session.scalar(sa.select(sa.func.count()).select_from(Submission)) == 1
    assert mails(world, Mail.TASK_INVITATION, application) == 1


def test_inviting_everybody_skips_conflicts_and_those_who_were_asked(world: World) -> None:
    first, second, hidden = (world.applicant(name) for name in ("One", "Two", "Three"))
    for application in (first, second, hidden):
        world.entry(application, world.red)
    world.conflict(world.lead, hidden)
    lead = world.actor(world.lead)
    result = invite_all(world.session, lead, world.red, DURING_TASKS, LEAD)
    assert (result.people, result.invitations, result.closed) == (2, 4, 0)
    assert world.codes(hidden) == []
    assert world.codes(first) == ["V1", "S5", "V1"]
    assert mails(world, Mail.TASK_INVITATION, first) == 2
    again = invite_all(world.session, lead, world.red, DURING_TASKS, LEAD)
    assert (again.people, again.invitations) == (0, 0)


# --- the clock ------------------------------------------------------------------------------------------------------


def test_V2_needs_the_ai_rule_E41(world: World) -> None:
    task, application = asked(world, world.shared)
    with refused(Code.AI_RULE):
        start_task(world.session, person(application), task, DURING_TASKS, ai_rule=False)
    start_task(world.session, person(application), task, DURING_TASKS, ai_rule=True)
    assert task.ai_rule_accepted_at == DURING_TASKS


def test_E41_each_task_has_its_own_acceptance(world: World) -> None:
    task, application = asked(world, world.shared)
    entry = world.entry(world.applicant(), world.red)
    start_task(world.session, person(application), task, DURING_TASKS, ai_rule=True)
    other = invite_to_task(world.session, world.actor(world.lead), entry, world.own, LEAD, DURING_TASKS)
    assert other.ai_rule_accepted_at is None
    assert task.evaluation.ai_policy is not other.evaluation.ai_policy


def test_V2_the_personal_clock_ends_ninety_minutes_later(world: World) -> None:
    task, application = asked(world, world.shared)
    start_task(world.session, person(application), task, DURING_TASKS, ai_rule=True)
    assert task.ends_at == DURING_TASKS + timedelta(minutes=90)
    start_task(world.session, person(application), task, DURING_TASKS + timedelta(minutes=30), ai_rule=True)
    assert task.ends_at == DURING_TASKS + timedelta(minutes=90), "a second click must not give more time"


def test_V2_the_personal_clock_never_runs_past_the_due_instant(world: World) -> None:
    task, application = asked(world, world.shared)
    late = TASKS_DUE - timedelta(minutes=20)
    start_task(world.session, person(application), task, late, ai_rule=True)
    assert task.ends_at == TASKS_DUE


def test_V2_is_refused_at_the_due_instant(world: World) -> None:
    task, application = asked(world, world.shared)
    with refused(Code.CLOSED):
        start_task(world.session, person(application), task, TASKS_DUE, ai_rule=True)


def test_V2_only_for_oneself(world: World) -> None:
    task, _ = asked(world, world.shared)
    with refused(Code.NOT_YOURS):
        start_task(world.session, person(world.applicant("Somebody Else")), task, DURING_TASKS, ai_rule=True)


# --- draft and submission -------------------------------------------------------------------------------------------


def test_a_draft_is_kept_and_two_tabs_are_told_apart(world: World) -> None:
    task, application = running(world, world.own)
    first = save_task_draft(world.session, person(application), task, "one", 0, DURING_TASKS)
    assert first.conflict is None
    other_tab = save_task_draft(world.session, person(application), task, "two", 0, DURING_TASKS)
    assert (other_tab.conflict, other_tab.version) == ("one", first.version)
    assert task.draft_answer == "one"
    resolved = save_task_draft(world.session, person(application), task, "two", other_tab.version, DURING_TASKS)
    assert resolved.conflict is None
    assert task.draft_answer == "two"


def test_a_draft_after_the_end_is_refused_and_the_last_one_stays(world: World) -> None:
    task, application = running(world, world.shared)
    save_task_draft(world.session, person(application), task, "in time", 0, DURING_TASKS)
    assert task.ends_at is not None
    with refused(Code.CLOSED):
        save_task_draft(world.session, person(application), task, "late", 1, task.ends_at)
    assert task.draft_answer == "in time"


@pytest.mark.parametrize("evaluation", ["shared", "own"])
def test_V3_the_last_millisecond_counts_and_the_end_does_not(world: World, evaluation: str) -> None:
    task, application = running(world, getattr(world, evaluation))
    end = task.ends_at or TASKS_DUE
    with refused(Code.CLOSED):
        submit_task(world.session, person(application), task, "too late", end)
    submission = submit_task(world.session, person(application), task, "in time", end - MOMENT)
    assert submission.submitted_at == end - MOMENT
    assert task.state is EvaluationState.SUBMITTED


def test_V3_S6_the_stream_goes_on_when_everything_it_asked_for_is_in(world: World) -> None:
    task, application = running(world, world.shared)
    entry = world.session.get_one(StreamApplication, only_entry(world, application))
    second = invite_to_task(world.session, world.actor(world.lead), entry, world.own, LEAD, DURING_TASKS)
    submit_task(world.session, person(application), task, "first", DURING_TASKS)
    assert entry.state is StreamApplicationState.EVALUATING
    start_task(world.session, person(application), second, DURING_TASKS, ai_rule=True)
    submit_task(world.session, person(application), second, "second", DURING_TASKS)
    assert entry.state is StreamApplicationState.IN_REVIEW
    assert mails(world, Mail.TASK_RECEIVED, application) == 2


def test_V3_handing_in_twice_changes_nothing(world: World) -> None:
    task, application = running(world, world.own)
    first = submit_task(world.session, person(application), task, "the answer", DURING_TASKS)
    again = submit_task(world.session, person(application), task, "the answer  ", DURING_TASKS + MOMENT)
    assert again.id == first.id
    assert first.current_number == 1
    assert mails(world, Mail.TASK_RECEIVED, application) == 1


def test_V3e_a_later_version_counts_and_the_earlier_one_is_kept(world: World) -> None:
    task, application = running(world, world.own)
    submission = submit_task(world.session, person(application), task, "first", DURING_TASKS)
    submit_task(world.session, person(application), task, "second", DURING_TASKS + MOMENT)
    versions = world.session.execute(
        sa.select(SubmissionVersion.number, SubmissionVersion.answer).order_by(SubmissionVersion.number)
    ).all()
    assert [tuple(version) for version in versions] == [(1, "first"), (2, "second")]
    assert submission.current_number == 2
    assert world.codes(application).count("V3e") == 1


@pytest.mark.parametrize("answer", ["", "  \n ", "x" * 4201])
def test_V3_needs_an_answer_within_its_limit(world: World, answer: str) -> None:
    task, application = running(world, world.own)
    with refused(Code.INCOMPLETE):
        submit_task(world.session, person(application), task, answer, DURING_TASKS)
