"""A small cohort driven by the real actions only, with the invariants asked after every step.

One driver for the walk that is written down (test_walk) and for the random ones (test_machine).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.answers import choose_streams
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.applications.queries import open_tracks, work
from matsapply.cohorts.models import Criterion, Evaluation, KeyDate, Rubric, Stream
from matsapply.decisions import actions as decisions
from matsapply.evaluations.models import EvaluationInvite
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.offers.ranking import current_ranking, rankable, save_ranking
from matsapply.platform.db import new_public_id
from matsapply.process import apply, placement
from matsapply.process.due import run_due
from matsapply.process.invariants import violations
from matsapply.process.release import release, seal
from matsapply.process.stream_round import lock_ranking
from matsapply.rules.access import Actor
from matsapply.rules.stages import BatchScope, OfferState, Outcome, Role, RubricKind, WaitlistState
from matsapply.tracking.models import StateChange
from tests import factories as make

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from matsapply.decisions.models import ReleaseBatch
    from matsapply.people.models import Person

CO, LEAD, ADMIN, APPLICANT = Role.COORDINATOR, Role.STREAM_LEAD, Role.ADMIN, Role.APPLICANT
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TASKS_DUE = make.at("2027-03-08 12:00")


def date(code: str) -> datetime:
    """The instant of a key date as the cohort begins with it."""
    return make.at(make.DATES[code])


class Road:
    """Everybody who acts, the rows they act on by their names, and ``now``.

    ``watched``: the invariants are asked after each action, rather than by whoever drives.
    """

    def __init__(self, session: Session, *, watched: bool = True, **cohort: Any) -> None:
        self.session, self.watched = session, watched
        self.world = make.cohort(session, **cohort)
        self.now = make.NOW
        self.coordinators = [Actor(make.person(session, f"Coordinator {n}").id) for n in (1, 2)]
        self.admins = [Actor(make.person(session, f"Admin {n}").id) for n in (1, 2)]
        self.reviewers = [Actor(make.person(session, f"Reviewer {n}").id) for n in (1, 2)]
        self.lead = Actor(make.person(session, "Lena Lead").id)
        self.mentor = Actor(make.person(session, "Milo Mentor").id)
        self.people: dict[str, Person] = {}
        for kind in (RubricKind.CENTRAL_SCORE, RubricKind.STREAM_REVIEW):
            self._rubric(kind)
        self.task = session.scalars(sa.select(Evaluation).where(Evaluation.cohort_id == self.world.cohort.id)).one()
        session.flush()

    def _rubric(self, kind: RubricKind) -> None:
        rubric = Rubric(cohort_id=self.world.cohort.id, kind=kind, scale=["1", "2", "3", "4"], readers=2)
        self.session.add(rubric)
        self.session.flush()
        self.session.add(Criterion(rubric_id=rubric.id, key="ability", label="Ability", position=1))

    def do(self, action: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """One real action at ``now``, after which every invariant must hold."""
        done = action(self.session, *arguments, **named, now=self.now)
        self.check()
        return done

    def check(self) -> None:
        if self.watched:
            self.ask()

    def ask(self) -> None:
        """Every invariant, asked of the database as it stands."""
        broken = violations(self.session)
        assert not broken, broken

    def to(self, instant: datetime) -> None:
        """Time passes, and what is due happens."""
        self.now = instant
        self.settle()

    def settle(self) -> None:
        for _ in range(200):
            if not run_due(self.session, self.now):
                return
            self.check()
        raise AssertionError("the work that is due has no end")

    def codes(self) -> set[str]:
        """Every code that has happened in the cohort."""
        self.session.flush()
        own = sa.select(StateChange.code).where(StateChange.cohort_id == self.world.cohort.id)
        return set(self.session.scalars(own.distinct()))

    # --- applicants ---------------------------------------------------------------------------------------------------

    def actor(self, name: str) -> Actor:
        if name not in self.people:
            self.people[name] = make.person(self.session, name)
        return Actor(self.people[name].id)

    def application(self, name: str) -> Application:
        """The live application of that person, else their newest."""
        query = sa.select(Application).where(Application.person_id == self.people[name].id)
        live_first = sa.case((Application.state == "closed", 1), else_=0)
        return self.session.scalars(query.order_by(live_first, Application.id.desc()).limit(1)).one()

    def begin(self, name: str) -> Application:
        """A1."""
        made: Application = self.do(apply.start, self.actor(name), cohort_id=self.world.cohort.id)
        return made

    def write(self, whom: str, /, **values: Any) -> None:
        """Save answers as the page does."""
        make.answer(self.session, self.people[whom], self.now, **values)
        self.check()

    def choose(self, name: str, *streams: str) -> None:
        """S1, S3 and S21b, as the page of streams does."""
        held = make.held(self.session, self.people[name], self.now)
        form = work(self.session, held).form
        choose_streams(
            self.session, self.actor(name), held, form, list(streams), open_tracks(self.session, held), self.now
        )
        self.check()

    def submit(self, name: str) -> None:
        """A2 and A3."""
        self.do(apply.submit, self.actor(name), submit_key=new_public_id())

    def submitted(self, name: str, *streams: str, tracks: Sequence[str] = ("empirical",)) -> Application:
        """From nothing to a first snapshot with these streams."""
        self.begin(name)
        self.write(name, **{**make.ANSWERS, "name": name, "tracks": list(tracks), "q_theory": "A theorem."})
        if streams:
            self.choose(name, *streams)
        self.submit(name)
        return self.application(name)

    def entry(self, name: str, stream: str) -> StreamApplication:
        return self.session.scalars(
            sa.select(StreamApplication).where(
                StreamApplication.application_id == self.application(name).id,
                StreamApplication.stream_id == self.world.streams[stream].id,
            )
        ).one()

    def invite(self, name: str) -> EvaluationInvite:
        own = sa.select(EvaluationInvite).where(EvaluationInvite.application_id == self.application(name).id)
        return self.session.scalars(own).one()

    def interview(self, name: str, stream: str) -> Interview:
        own = sa.select(Interview).where(Interview.stream_application_id == self.entry(name, stream).id)
        return self.session.scalars(own.order_by(Interview.id.desc()).limit(1)).one()

    def slots(self) -> list[InterviewSlot]:
        return list(self.session.scalars(sa.select(InterviewSlot).order_by(InterviewSlot.id)))

    def offer(self, name: str, stream: str) -> Offer:
        own = sa.select(Offer).where(Offer.stream_application_id == self.entry(name, stream).id)
        return self.session.scalars(own.order_by(Offer.id.desc()).limit(1)).one()

    def waiting(self, name: str, stream: str) -> WaitlistEntry:
        own = sa.select(WaitlistEntry).where(
            WaitlistEntry.stream_application_id == self.entry(name, stream).id,
            WaitlistEntry.state == WaitlistState.ACTIVE,
        )
        return self.session.scalars(own).one()

    # --- the team -----------------------------------------------------------------------------------------------------

    def decide_track(self, name: str, track: str, outcome: Outcome) -> None:
        application = self.application(name)
        choice = self.session.scalars(
            sa.select(TrackChoice).where(
                TrackChoice.application_id == application.id, TrackChoice.track_id == self.world.tracks[track].id
            )
        ).one()
        named = {"application": application, "track_choice": choice, "outcome": outcome}
        self.do(decisions.record_decision, self.coordinators[0], role=Role.TRACK_LEAD, **named)

    def decide_ineligible(self, name: str) -> None:
        named = {"application": self.application(name), "outcome": Outcome.INELIGIBLE}
        self.do(decisions.record_decision, self.coordinators[0], role=CO, reason_code="too_young", **named)

    def decide_stream(self, name: str, stream: str, outcome: Outcome) -> None:
        """The decision, and where it is an offer its draft and both approvals."""
        application, entry = self.application(name), self.entry(name, stream)
        named = {"application": application, "stream_application": entry, "outcome": outcome}
        self.do(decisions.record_decision, self.coordinators[0], role=CO, **named)
        if outcome is Outcome.OFFER:
            offer = self.do(placement.draft_offer, self.coordinators[0], entry, role=CO)
            for coordinator in self.coordinators:
                self.do(placement.approve_offer, coordinator, offer, role=CO)

    def batch(self, scope: BatchScope, *left_out: str) -> ReleaseBatch:
        """An open batch with everything decided in it; ``left_out`` are excluded by name."""
        made = decisions.open_batch(
            self.session, self.coordinators[0], CO, self.world.cohort.id, scope, "Batch", self.now
        )
        for name in left_out:
            decisions.exclude(self.session, self.coordinators[0], made, self.application(name).id, "Later.", self.now)
        decisions.gather(self.session, made)
        self.check()
        return made

    def release(self, scope: BatchScope, *left_out: str) -> int:
        """Gather, seal and release at once; returns how many are told."""
        batch = self.batch(scope, *left_out)
        self.do(seal, self.coordinators[0], batch, role=CO)
        told: int = self.do(release, self.coordinators[0], batch, role=CO)
        return told

    def first_result(self, *names: str) -> None:
        """Everybody named advances in their first track, at T5."""
        self.to(date("T5"))
        for name in names:
            self.decide_track(name, "empirical", Outcome.ADVANCE)
        self.release(BatchScope.FIRST_RESULT)

    def rank(self, stream: str, *names: str) -> None:
        """The lead's order and its lock (S8)."""
        row = self.world.streams[stream]
        order = [self.entry(name, stream).id for name in names] or rankable(self.session, row.id)
        number = current_ranking(self.session, row.id).number
        self.do(save_ranking, self.lead, row.id, order, based_on=number)
        self.do(_lock, self.lead, row)

    def at_ranking(self, *names: str, streams: Sequence[str] = ("red",)) -> None:
        """Everybody named has applied to the streams, is advanced, taken in, and ranked in that order; it is T13."""
        for name in names:
            self.submitted(name, *streams)
        self.first_result(*names)
        self.to(date("T7"))
        self.to(date("T12") - HOUR)
        for stream in streams:
            self.rank(stream, *names)
        self.to(date("T13"))

    def key_date(self, code: str) -> KeyDate:
        own = sa.select(KeyDate).where(KeyDate.cohort_id == self.world.cohort.id, KeyDate.code == code)
        return self.session.scalars(own).one()

    def pending(self) -> list[Offer]:
        own = sa.select(Offer).where(Offer.cohort_id == self.world.cohort.id, Offer.state == OfferState.PENDING)
        return list(self.session.scalars(own.order_by(Offer.id)))


def _lock(session: Session, actor: Actor, stream: Stream, *, now: datetime) -> None:
    lock_ranking(session, actor, stream, LEAD, now)
