"""What the programme does with a task: waives, extends, marks, lets it expire, withdraws it (V4 to V7), and S6.

Every action locks the application first, so that two tabs, a job and a withdrawal follow one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Evaluation
from matsapply.evaluations.models import EvaluationInvite, InviteStream, TaskExtension
from matsapply.evaluations.windows import END, window_of
from matsapply.rules.access import SYSTEM, Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    EvaluationState,
    ExtensionReason,
    Role,
    StreamApplicationState,
)
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.actions import advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

OPEN = frozenset({EvaluationState.INVITED, EvaluationState.STARTED})
HANDED_IN = frozenset({EvaluationState.SUBMITTED, EvaluationState.MARKED})
FINISHED = HANDED_IN | {EvaluationState.EXPIRED, EvaluationState.WAIVED, EvaluationState.WITHDRAWN}


def waive(session: Session, actor: Actor, role: Role, task: EvaluationInvite, reason: str, now: datetime) -> None:
    """V6: do without the task. A stream lead may do so for a task of the stream's own, not for one that is shared."""
    application = lock_application(session, task.application_id)
    session.refresh(task)
    if role is Role.STREAM_LEAD and task.evaluation.shared:
        raise refuse(Code.WRONG_ROLE, "This task is shared by several streams: ask a coordinator.")
    facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason)
    advance(session, task, "V6", facts, actor, place_of(application))
    session.flush()
    finish_task_if_done(session, task, now)


def extend(
    session: Session,
    actor: Actor,
    role: Role,
    task: EvaluationInvite,
    until: datetime,
    reason_class: ExtensionReason,
    now: datetime,
    *,
    reason: str = "",
) -> TaskExtension:
    """Give one person more time; a running personal clock moves with it, and an expired task opens again (V5x).

    For the team alone, whatever the state: a marker learns of no extension (E3). Raises ``Refused``: WRONG_ROLE;
    NO_CHANGE if ``until`` is not later than what holds now; WRONG_STATE once it is handed in or the application is
    closed.
    """
    application = lock_application(session, task.application_id)
    session.refresh(task)
    if actor.person_id is None or role not in TABLE["V5x"].roles:
        raise refuse(Code.WRONG_ROLE)
    if task.state not in OPEN | {EvaluationState.EXPIRED} or application.state is ApplicationState.CLOSED:
        raise refuse(Code.WRONG_STATE)
    ends_at = window_of(session, task).ends_at
    if ends_at is None or until <= max(ends_at, now):
        raise refuse(Code.NO_CHANGE)
    extension = TaskExtension(invite_id=task.id, until=until, reason_class=reason_class, granted_by_id=actor.person_id)
    session.add(extension)
    if task.ends_at is not None:
        task.ends_at = until
    session.flush()
    if task.state is EvaluationState.EXPIRED:
        former = EvaluationState.INVITED if task.started_at is None else EvaluationState.STARTED
        facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, reason=reason, former=former.value)
        advance(session, task, "V5x", facts, actor, place_of(application))
        session.flush()
    return extension


def mark_task(session: Session, task: EvaluationInvite, now: datetime) -> None:
    """V4: enough people have marked the submission."""
    if task.state is not EvaluationState.SUBMITTED:
        return
    application = session.get_one(Application, task.application_id)
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id)
    advance(session, task, "V4", facts, SYSTEM, place_of(application))


def expire_tasks(session: Session, now: datetime, limit: int = 200) -> int:
    """V5 for tasks whose time is over, and S6 for the streams that waited. Returns how many; call until it is 0."""
    due = session.execute(
        sa.select(EvaluationInvite.id, EvaluationInvite.application_id)
        .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
        .where(EvaluationInvite.state.in_(OPEN), now >= END)
        .order_by(EvaluationInvite.application_id, EvaluationInvite.id)
        .limit(limit)
    ).all()
    done = 0
    for invite_id, application_id in due:
        application = lock_application(session, application_id)
        task = session.get_one(EvaluationInvite, invite_id, populate_existing=True)
        window = window_of(session, task)
        if task.state not in OPEN or not window.over(now):
            continue
        facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id, closes_at=window.ends_at)
        advance(session, task, "V5", facts, SYSTEM, place_of(application))
        session.flush()
        finish_task_if_done(session, task, now)
        done += 1
    return done


def finish_task_if_done(session: Session, task: EvaluationInvite, now: datetime) -> None:
    """S6 for each stream application that was waiting for ``task`` and now waits for no other one."""
    waiting = session.scalars(
        sa.select(StreamApplication)
        .join(InviteStream, InviteStream.stream_application_id == StreamApplication.id)
        .where(InviteStream.invite_id == task.id, StreamApplication.state == StreamApplicationState.EVALUATING)
        .order_by(StreamApplication.id)
    ).all()
    for entry in waiting:
        settle(session, entry, now)


def settle(session: Session, entry: StreamApplication, now: datetime) -> None:
    """S6 if the stream application waits for tasks and all of them are finished."""
    if entry.state is not StreamApplicationState.EVALUATING or open_tasks(session, entry.id):
        return
    application = session.get_one(Application, entry.application_id)
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id, task_finished=True)
    advance(session, entry, "S6", facts, SYSTEM, place_of(application))
    session.flush()


def open_tasks(session: Session, stream_application_id: int) -> int:
    """How many tasks the stream application still waits for."""
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(InviteStream)
            .join(EvaluationInvite, EvaluationInvite.id == InviteStream.invite_id)
            .where(InviteStream.stream_application_id == stream_application_id, EvaluationInvite.state.in_(OPEN))
        )
        or 0
    )


def withdraw_tasks(
    session: Session, application: Application, now: datetime, *, besides: int | None = None, every: bool = False
) -> None:
    """V7 for open tasks for which no live stream application waits any more (E29).

    ``besides`` is a stream application that is about to end; ``every`` ends all of them, as when an application closes.
    """
    waits = (
        sa.select(InviteStream.id)
        .join(StreamApplication, StreamApplication.id == InviteStream.stream_application_id)
        .where(
            InviteStream.invite_id == EvaluationInvite.id,
            StreamApplication.id != (besides or 0),
            StreamApplication.state.in_(LIVE_STREAM_APPLICATION),
        )
    )
    session.flush()
    left = session.scalars(
        sa.select(EvaluationInvite)
        .where(
            EvaluationInvite.application_id == application.id,
            EvaluationInvite.state.in_(OPEN),
            sa.true() if every else ~waits.exists(),
        )
        .order_by(EvaluationInvite.id)
        .execution_options(populate_existing=True)
    ).all()
    if left:
        facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id)
        for task in left:
            advance(session, task, "V7", facts, SYSTEM, place_of(application))
        session.flush()


def restore_tasks(session: Session, entry: StreamApplication, now: datetime) -> None:
    """V7u for the tasks that were withdrawn with a stream application which has come back (S21)."""
    gone = session.scalars(
        sa.select(EvaluationInvite)
        .join(InviteStream, InviteStream.invite_id == EvaluationInvite.id)
        .where(InviteStream.stream_application_id == entry.id, EvaluationInvite.state == EvaluationState.WITHDRAWN)
        .order_by(EvaluationInvite.id)
    ).all()
    if gone:
        application = session.get_one(Application, entry.application_id)
        facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id)
        for task in gone:
            advance(session, task, "V7u", facts, SYSTEM, place_of(application))
        session.flush()
