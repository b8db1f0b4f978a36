"""A stream's people at their pages: a lead, two mentors, a coordinator, an auditor and another stream's lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matsapply.evaluations.actions import start_task, submit_task
from matsapply.interviews.actions import book
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.interviews.slots import add_slots
from matsapply.people.models import RoleGrant
from matsapply.process.stream_round import invite_to_task, offer_interview
from matsapply.rules.access import Actor
from matsapply.rules.stages import Role, Scope
from tests.desk import Member, sign_in
from tests.stream_world import DURING_INTERVIEWS, DURING_TASKS, HALF_HOUR, World, at

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.applications.models import StreamApplication
    from matsapply.cohorts.models import Evaluation
    from matsapply.people.models import Person
    from matsapply.platform.clock import FixedClock

NOON = at("2027-03-12 12:00")


@dataclass
class StreamDesk:
    """The red stream of a ``World``; everybody signs in when first asked for."""

    app: Flask
    world: World
    clock: FixedClock
    _members: dict[int, Member] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        return self.world.session

    @classmethod
    def open(cls, app: Flask, session: Session, clock: FixedClock) -> StreamDesk:
        """During the interviews; the session must really commit."""
        clock.move_to(DURING_INTERVIEWS)
        session.expire_on_commit = False
        world = World(session)
        session.commit()
        return cls(app, world, clock)

    def as_(self, person: Person) -> Member:
        if person.id not in self._members:
            self._members[person.id] = sign_in(self.app, self.session, person.id)
        return self._members[person.id]

    @property
    def lead(self) -> Member:
        return self.as_(self.world.lead)

    @property
    def mentor(self) -> Member:
        return self.as_(self.world.mentor)

    def team(self, role: Role) -> Member:
        """Somebody who holds the role in the whole cohort."""
        person = self.world.person(f"Team {role.value}")
        self.session.add(
            RoleGrant(
                person_id=person.id,
                role=role,
                scope=Scope.COHORT,
                scope_id=self.world.cohort.id,
                starts_at=at("2026-12-01 12:00"),
            )
        )
        self.session.commit()
        return self.as_(person)

    def entry(self, name: str = "Ada Red", **more: Any) -> StreamApplication:
        made = self.world.entry(self.world.applicant(name), self.world.red, **more)
        self.session.commit()
        return made

    def page(self, entry: StreamApplication) -> str:
        return f"/stream/red/candidates/{entry.public_id}"

    def fresh(self, row: Any) -> Any:
        """The row as the database holds it now."""
        self.session.commit()
        self.session.refresh(row)
        self.session.commit()
        return row

    # --- what happened before -----------------------------------------------------------------------------------------

    def handed_in(self, entry: StreamApplication, evaluation: Evaluation, work: str = "my work") -> str:
        """The public id of a submission of the candidate's."""
        lead, owner = self.world.actor(self.world.lead), Actor(entry.application.person_id)
        task = invite_to_task(self.session, lead, entry, evaluation, Role.STREAM_LEAD, DURING_TASKS)
        start_task(self.session, owner, task, DURING_TASKS, ai_rule=True)
        public_id = submit_task(self.session, owner, task, work, DURING_TASKS).public_id
        self.session.commit()
        return public_id

    def slot(self, start: datetime = NOON, person: Person | None = None) -> InterviewSlot:
        person = person or self.world.lead
        added = add_slots(
            self.session, self.world.actor(person), self.world.red, [start], HALF_HOUR, zone="Europe/London",
            interviewers=[person.id], now=DURING_INTERVIEWS,
        )  # fmt: skip
        self.session.commit()
        return added.slots[0]

    def booked(self, entry: StreamApplication, slot: InterviewSlot) -> Interview:
        lead, owner = self.world.actor(self.world.lead), Actor(entry.application.person_id)
        interview = offer_interview(self.session, lead, entry, Role.STREAM_LEAD, DURING_INTERVIEWS)
        book(self.session, owner, interview, slot, DURING_INTERVIEWS)
        self.session.commit()
        return interview
