"""Candidates of a stream at the site: asked for a task and for an interview, each with a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.interviews.actions import book
from matsapply.interviews.slots import add_slots
from matsapply.process.stream_round import invite_to_task, offer_interview
from matsapply.rules.access import Actor
from matsapply.rules.stages import Role
from tests import desk
from tests.stream_world import HALF_HOUR, World, at

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.evaluations.models import EvaluationInvite
    from matsapply.interviews.models import Interview, InterviewSlot
    from matsapply.platform.clock import FixedClock

# Interviews are open already, and tasks still for three hours.
NOW = at("2027-03-08 09:00")


class Scene:
    """Two streams on the morning of 8 March 2027: red offers its candidates an interview, blue sets a task."""

    def __init__(self, app: Flask, session: Session, clock: FixedClock) -> None:
        session.expire_on_commit = False
        self.app, self.session, self.clock = app, session, clock
        self.world = World(session)
        self.essay = self.world.task("essay", shared=False, streams=(self.world.blue,))
        self.tasks: dict[str, EvaluationInvite] = {}
        self.interviews: dict[str, Interview] = {}
        clock.move_to(NOW)
        session.commit()

    def candidate(self, name: str) -> Application:
        """Somebody in both streams, with the task and the interview."""
        world = self.world
        application = world.applicant(name)
        red, blue = world.entry(application, world.red), world.entry(application, world.blue)
        leads = world.actor(world.lead), world.actor(world.blue_lead)
        interview = offer_interview(self.session, leads[0], red, Role.STREAM_LEAD, NOW)
        task = invite_to_task(self.session, leads[1], blue, self.essay, Role.STREAM_LEAD, NOW)
        self.tasks[application.public_id], self.interviews[application.public_id] = task, interview
        self.session.commit()
        return application

    def browser(self, application: Application) -> desk.Member:
        return desk.sign_in(self.app, self.session, application.person_id)

    def slot(self, start: datetime) -> InterviewSlot:
        """Half an hour with the stream's lead."""
        added = add_slots(
            self.session,
            self.world.actor(self.world.lead),
            self.world.red,
            [start],
            HALF_HOUR,
            zone="Europe/London",
            interviewers=[self.world.lead.id],
            now=NOW,
        )
        assert not added.left
        self.session.commit()
        return added.slots[0]

    def book(self, application: Application, start: datetime) -> None:
        slot = self.slot(start)
        interview = self.interviews[application.public_id]
        book(self.session, Actor(application.person_id), interview, slot, NOW)
        self.session.commit()
