"""Tasks: V1 to V7, S5 and S6, with the personal clock and the last second."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import StreamApplication
from matsapply.evaluations.actions import save_task_draft, start_task, submit_task
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission, SubmissionVersion
from matsapply.evaluations.upkeep import expire_tasks, extend, mark_task, waive
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.process.stream_round import (
    cancel_stream_children,
    invite_all,
    invite_to_task,
    restore_stream_children,
)
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import EvaluationState, ExtensionReason, Role, StreamApplicationState
from tests.stream_world import DURING_TASKS, TASKS_DUE, TASKS_OPEN, World

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.cohorts.models import Evaluation

LEAD = Role.STREAM_LEAD
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def person(application: Application) -> Actor:
    return Actor(application.person_id)


def asked(world: World, evaluation: Evaluation, now: datetime = DURING_TASKS) -> tuple[EvaluationInvite, Application]:
    """A new candidate of the red stream, invited to ``evaluation``."""
    application = world.applicant()
    entry = world.entry(application, world.red)
    return invite_to_task(world.session, world.actor(world.lead), entry, evaluation, LEAD, now), application


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, check=lambda error: error.refusal.code is code)


def mails(world: World, kind: Mail, application: Application) -> int:
    return (
        world.session.scalar(
            sa.select(sa.func.count())
            .select_from(Notification)
            .where(Notification.kind == kind, Notification.person_id == application.person_id)
        )
        or 0
    )


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


def running(world: World, evaluation: Evaluation) -> tuple[EvaluationInvite, Application]:
    task, application = asked(world, evaluation)
    start_task(world.session, person(application), task, DURING_TASKS, ai_rule=True)
    return task, application


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
    entry = world.session.get_one(StreamApplication, _only_entry(world, application))
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


# --- extension, waiving, expiry -------------------------------------------------------------------------------------


def test_V5_S6_what_is_overdue_expires_and_the_stream_goes_on(world: World) -> None:
    task, application = asked(world, world.own)
    assert expire_tasks(world.session, TASKS_DUE - MOMENT) == 0
    assert expire_tasks(world.session, TASKS_DUE) == 1
    assert task.state is EvaluationState.EXPIRED
    assert world.codes(application)[-2:] == ["V5", "S6"]
    assert expire_tasks(world.session, TASKS_DUE) == 0


def test_V5_counts_the_personal_clock(world: World) -> None:
    task, _ = running(world, world.shared)
    assert task.ends_at is not None
    assert expire_tasks(world.session, task.ends_at) == 1


def test_an_extension_moves_due_instant_and_clock(world: World) -> None:
    coordinator = Actor(world.person("Cora Coordinator").id)
    task, application = asked(world, world.own)
    later = TASKS_DUE + timedelta(days=2)
    extend(world.session, coordinator, Role.COORDINATOR, task, later, ExtensionReason.ACCOMMODATION, DURING_TASKS)
    assert expire_tasks(world.session, TASKS_DUE) == 0
    start_task(world.session, person(application), task, TASKS_DUE, ai_rule=True)
    submit_task(world.session, person(application), task, "in my own time", later - MOMENT)
    with refused(Code.WRONG_STATE):
        extend(world.session, coordinator, Role.COORDINATOR, task, later, ExtensionReason.OTHER, DURING_TASKS)


def test_an_extension_only_gives_more(world: World) -> None:
    task, _ = asked(world, world.own)
    coordinator = Actor(world.person("Cora Coordinator").id)
    with refused(Code.NO_CHANGE):
        extend(world.session, coordinator, Role.COORDINATOR, task, TASKS_DUE, ExtensionReason.OTHER, DURING_TASKS)


def test_V5x_an_expired_task_opens_again_with_its_draft(world: World) -> None:
    task, application = running(world, world.shared)
    save_task_draft(world.session, person(application), task, "half", 0, DURING_TASKS)
    after = DURING_TASKS + timedelta(hours=2)
    expire_tasks(world.session, after)
    coordinator = Actor(world.person("Cora Coordinator").id)
    until = after + timedelta(hours=1)
    extend(
        world.session,
        coordinator,
        Role.COORDINATOR,
        task,
        until,
        ExtensionReason.TECHNICAL_FAULT,
        after,
        reason="the site was down",
    )
    assert task.state is EvaluationState.STARTED
    assert (task.ends_at, task.draft_answer) == (until, "half")
    submit_task(world.session, person(application), task, "whole", until - MOMENT)


def test_V6_waiving_needs_a_reason_and_a_shared_task_a_coordinator(world: World) -> None:
    task, application = asked(world, world.own)
    lead = world.actor(world.lead)
    with refused(Code.REASON_NEEDED):
        waive(world.session, lead, LEAD, task, " ", DURING_TASKS)
    waive(world.session, lead, LEAD, task, "published the same work", DURING_TASKS)
    assert world.codes(application)[-2:] == ["V6", "S6"]
    shared, _ = asked(world, world.shared)
    with refused(Code.WRONG_ROLE):
        waive(world.session, lead, LEAD, shared, "a reason", DURING_TASKS)
    waive(world.session, lead, Role.COORDINATOR, shared, "a reason", DURING_TASKS)


def test_V4_marking_closes_the_submission(world: World) -> None:
    task, application = running(world, world.own)
    submit_task(world.session, person(application), task, "answer", DURING_TASKS)
    mark_task(world.session, task, TASKS_DUE)
    assert task.state is EvaluationState.MARKED
    with refused(Code.WRONG_STATE):
        submit_task(world.session, person(application), task, "another", DURING_TASKS)


# --- E29 ------------------------------------------------------------------------------------------------------------


def test_E29_a_shared_task_stays_while_one_stream_waits_V7(world: World) -> None:
    task, application = asked(world, world.shared)
    red = world.session.get_one(StreamApplication, _only_entry(world, application))
    blue = world.entry(application, world.blue)
    invite_to_task(world.session, world.actor(world.blue_lead), blue, world.shared, LEAD, DURING_TASKS)
    _leave(world, red)
    assert task.state is EvaluationState.INVITED
    _leave(world, blue)
    assert task.state is EvaluationState.WITHDRAWN
    assert world.codes(application)[-1] == "V7"


def test_V7u_a_task_comes_back_with_the_clock_it_had(world: World) -> None:
    task, application = running(world, world.shared)
    entry = world.session.get_one(StreamApplication, _only_entry(world, application))
    end = task.ends_at
    _leave(world, entry)
    assert task.state is EvaluationState.WITHDRAWN
    entry.state = StreamApplicationState.EVALUATING
    later = DURING_TASKS + timedelta(minutes=10)
    restore_stream_children(world.session, entry, later)
    assert task.state is EvaluationState.INVITED
    start_task(world.session, person(application), task, later, ai_rule=True)
    assert (task.ends_at, task.started_at) == (end, DURING_TASKS)


def _leave(world: World, entry: StreamApplication) -> None:
    """What a withdrawal does, as far as tasks are concerned."""
    entry.state = StreamApplicationState.WITHDRAWN
    cancel_stream_children(world.session, entry, DURING_TASKS)


def _only_entry(world: World, application: Application) -> int:
    return world.session.scalars(
        sa.select(StreamApplication.id).where(StreamApplication.application_id == application.id)
    ).one()
