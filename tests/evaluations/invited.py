"""People who were asked to do a task, and what tests of tasks ask about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import StreamApplication
from matsapply.evaluations.actions import start_task
from matsapply.mail.models import Notification
from matsapply.process.stream_round import invite_to_task
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import Role
from tests.stream_world import DURING_TASKS, World

if TYPE_CHECKING:
    from datetime import datetime

    from matsapply.applications.models import Application
    from matsapply.cohorts.models import Evaluation
    from matsapply.evaluations.models import EvaluationInvite
    from matsapply.mail.kinds import Mail

LEAD = Role.STREAM_LEAD


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


def running(world: World, evaluation: Evaluation) -> tuple[EvaluationInvite, Application]:
    task, application = asked(world, evaluation)
    start_task(world.session, person(application), task, DURING_TASKS, ai_rule=True)
    return task, application


def only_entry(world: World, application: Application) -> int:
    return world.session.scalars(
        sa.select(StreamApplication.id).where(StreamApplication.application_id == application.id)
    ).one()
