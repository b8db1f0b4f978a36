"""A stream whose ranking is locked, with the acts of its team: for tests of what follows a ranking."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from matsapply.applications.models import StreamApplication
from matsapply.decisions import actions as decisions
from matsapply.offers.models import RankingEntry, StreamRanking
from matsapply.process import placement, withdraw
from matsapply.process.invariants import violations
from matsapply.process.release import release, seal
from matsapply.rules.access import Actor
from matsapply.rules.stages import BatchScope, Outcome, Role, StreamApplicationState
from tests.stream_world import World, at

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.cohorts.models import Stream
    from matsapply.decisions.models import Decision, ReleaseBatch
    from matsapply.offers.models import Offer

RECORDED, RELEASED = at("2027-04-15 12:00"), at("2027-04-20 17:00")
LATER = RELEASED + timedelta(hours=1)
CO = Role.COORDINATOR
S = StreamApplicationState


class Ranked:
    """A stream whose locked ranking holds so many people, and two coordinators."""

    def __init__(self, session: Session, people: int) -> None:
        self.session, self.world = session, World(session)
        self.first = Actor(self.world.person("C1").id)
        self.second = Actor(self.world.person("C2").id)
        self.applications = [self.world.applicant(f"P{number}") for number in range(people)]
        self.entries = [self.world.entry(one, self.world.red, S.ASSESSED) for one in self.applications]
        self.rank(1, self.world.lead.id)

    def rank(
        self,
        number: int,
        actor_id: int | None,
        entries: list[StreamApplication] | None = None,
        stream: Stream | None = None,
    ) -> None:
        """A locked version: of everybody in the red stream, where nothing else is said."""
        stream_id = (stream or self.world.red).id
        made = StreamRanking(
            stream_id=stream_id, number=number, actor_id=actor_id, saved_at=RECORDED, locked_at=RECORDED
        )
        self.session.add(made)
        self.session.flush()
        self.session.add_all(
            RankingEntry(ranking_id=made.id, stream_application_id=entry.id, position=place)
            for place, entry in enumerate(self.entries if entries is None else entries, 1)
        )
        self.session.flush()

    def decide(self, *outcomes: Outcome) -> ReleaseBatch:
        for application, entry, outcome in zip(self.applications, self.entries, outcomes, strict=True):
            self.record(application, entry, outcome)
        return self.batch(BatchScope.OFFERS)

    def record(self, application: Application, entry: StreamApplication, outcome: Outcome) -> Decision:
        return decisions.record_decision(
            self.session,
            self.first,
            role=CO,
            application=application,
            stream_application=entry,
            outcome=outcome,
            now=RECORDED,
        )

    def batch(self, scope: BatchScope) -> ReleaseBatch:
        made = decisions.open_batch(self.session, self.first, CO, self.world.cohort.id, scope, "Batch", RECORDED)
        decisions.gather(self.session, made)
        return made

    def offer(self, entry: StreamApplication) -> Offer:
        made = placement.draft_offer(self.session, self.first, entry, role=CO, now=RECORDED)
        for actor in (self.first, self.second):
            placement.approve_offer(self.session, actor, made, role=CO, now=RECORDED)
        return made

    def seal(self, batch: ReleaseBatch) -> None:
        seal(self.session, self.first, batch, role=CO, now=RECORDED)

    def release(self, batch: ReleaseBatch) -> int:
        told = release(self.session, self.first, batch, role=CO, now=RELEASED)
        self.session.flush()
        return told

    def leave(self, number: int, now: datetime = RECORDED) -> None:
        actor = Actor(self.applications[number].person_id)
        withdraw.withdraw_stream(self.session, actor, self.entries[number], now=now)

    def check(self) -> None:
        # The world's snapshots carry no real digest, which is not what is asked here.
        broken = [line for line in violations(self.session) if not line.startswith("17")]
        assert not broken, broken
