"""What happens to a task besides its doing: V4 to V7, extension, waiving, expiry, and leaving a stream."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from matsapply.applications.models import StreamApplication
from matsapply.evaluations.actions import save_task_draft, start_task, submit_task
from matsapply.evaluations.upkeep import expire_tasks, extend, mark_task, waive
from matsapply.process.stream_round import (
    cancel_stream_children,
    invite_to_task,
    restore_stream_children,
)
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code
from matsapply.rules.stages import EvaluationState, ExtensionReason, Role, StreamApplicationState
from tests.evaluations.invited import LEAD, asked, only_entry, person, refused, running
from tests.stream_world import DURING_TASKS, TASKS_DUE, World

if TYPE_CHECKING:
    pass

MOMENT = timedelta(milliseconds=1)


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
    red = world.session.get_one(StreamApplication, only_entry(world, application))
    blue = world.entry(application, world.blue)
    invite_to_task(world.session, world.actor(world.blue_lead), blue, world.shared, LEAD, DURING_TASKS)
    _leave(world, red)
    assert task.state is EvaluationState.INVITED
    _leave(world, blue)
    assert task.state is EvaluationState.WITHDRAWN
    assert world.codes(application)[-1] == "V7"


def test_V7u_a_task_comes_back_with_the_clock_it_had(world: World) -> None:
    task, application = running(world, world.shared)
    entry = world.session.get_one(StreamApplication, only_entry(world, application))
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
