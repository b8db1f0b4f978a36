"""Random walks of a small cohort through the real actions: where a walk begins, how a step is made, what time and
applicants do. The team's steps stand in test_machine."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.orm import Session

from matsapply.applications.models import Application, StreamApplication
from matsapply.audit.models import AuditEvent
from matsapply.cohorts.actions import set_key_date
from matsapply.cohorts.date_changes import DateRefused
from matsapply.decisions.models import ReleaseBatch
from matsapply.evaluations import actions as tasks
from matsapply.evaluations.models import EvaluationInvite
from matsapply.interviews import actions as interviews
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.mail.models import Notification
from matsapply.offers.models import Offer
from matsapply.process import apply, placement, withdraw
from matsapply.process.key_dates import tell_holders
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import (
    BatchScope,
    Outcome,
    Role,
    StreamChoiceMoment,
)
from matsapply.tracking.models import StateChange
from tests import factories as make
from tests.process.road import APPLICANT, CO, DAY, HOUR, Road, date

if TYPE_CHECKING:
    from collections.abc import Callable


NAMES = ("Ada", "Bo", "Cy")
STREAMS = ("red", "blue", "green")
TRACKS = ("empirical", "theory")
DATES = ("T2", "T5", "T7", "T10", "T11", "T12", "T13", "T14", "T15", "T17")

who, where = st.sampled_from(NAMES), st.sampled_from(STREAMS)
pick = st.integers(0, 5)


class Walking(RuleBasedStateMachine):
    """One cohort. ``connection`` and ``seen`` are set by the test that runs it."""

    connect: Callable[[], sa.Connection]
    seen: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.connection = type(self).connect()
        self.outer = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")

    def teardown(self) -> None:
        if hasattr(self, "road"):
            for code in self.road.codes():
                self.seen[f"code {code}"] += 1
        self.session.close()
        self.outer.rollback()
        self.connection.close()

    # --- how a step is made -------------------------------------------------------------------------------------------

    def attempt(self, action: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """The action at ``now``: done, or refused without a trace."""
        before = self.fingerprint()
        point = self.session.begin_nested()
        try:
            action(self.session, *arguments, **named, now=self.road.now)
            self.session.flush()
        except (Refused, DateRefused):
            point.rollback()
            self.session.expire_all()
            assert self.fingerprint() == before
            self.seen["refused"] += 1
        else:
            point.commit()
            self.seen["done"] += 1

    def fingerprint(self) -> list[Any]:
        self.session.flush()
        counted = [
            self.session.scalar(sa.select(sa.func.count()).select_from(model))
            for model in (StateChange, AuditEvent, Notification)
        ]
        states = [
            [tuple(row) for row in self.session.execute(sa.select(model.id, model.state).order_by(model.id))]
            for model in (Application, StreamApplication, Offer, ReleaseBatch, EvaluationInvite)
        ]
        return [counted, states]

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "road"):
            self.seen["steps"] += 1
            self.road.ask()

    def one(self, model: Any, number: int, *conditions: Any) -> Any:
        """One of the rows that fit, by number; None where there is none."""
        rows = self.session.scalars(sa.select(model).where(*conditions).order_by(model.id)).all()
        return rows[number % len(rows)] if rows else None

    def own(self, name: str) -> Application | None:
        return self.road.application(name) if name in self.begun() else None

    def begun(self) -> list[str]:
        people = set(self.session.scalars(sa.select(Application.person_id)))
        return [name for name, person in self.road.people.items() if person.id in people]

    def place(self, name: str, stream: str) -> StreamApplication | None:
        """The stream application, where there is one."""
        application = self.own(name)
        if application is None:
            return None
        return self.session.scalars(
            sa.select(StreamApplication).where(
                StreamApplication.application_id == application.id,
                StreamApplication.stream_id == self.road.world.streams[stream].id,
            )
        ).one_or_none()

    # --- where a walk begins ------------------------------------------------------------------------------------------

    @initialize(moment=st.sampled_from(list(StreamChoiceMoment)), begin=st.integers(0, 4), seats=st.integers(0, 2))
    def cohort(self, moment: StreamChoiceMoment, begin: int, seats: int) -> None:
        """Empty, submitted, in the streams, ranked, or with its results out."""
        road = Road(self.session, watched=False, stream_choice=moment)
        for name in NAMES:
            road.actor(name)
        red = road.world.streams["red"]
        red.seats_min, red.seats_target, red.seats_max = 0, seats, seats
        road.world.cohort.capacity = 2
        streams = () if moment is StreamChoiceMoment.AFTER_ADVANCE else ("red", "blue")
        for step in (_submitted, _advanced, _ranked, _released)[:begin]:
            step(road, streams)
        self.road = road

    # --- time ---------------------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([0, 1, 12, 30, 80]))
    def time_passes(self, hours: int) -> None:
        self.road.to(self.road.now + hours * HOUR)

    @rule(before=st.sampled_from([timedelta(0), timedelta(milliseconds=1), HOUR]))
    def the_next_date_comes(self, before: timedelta) -> None:
        ahead = [
            at for code in DATES if (at := self.road.key_date(code).at) is not None and at > self.road.now + before
        ]
        if ahead:
            self.road.to(min(ahead) - before)

    @rule(code=st.sampled_from(DATES), days=st.sampled_from([-4, 1, 5]), confirmed=st.booleans())
    def a_date_moves(self, code: str, days: int, confirmed: bool) -> None:
        at = self.road.key_date(code).at
        if at is not None:

            def move(session: Session, *, now: Any) -> None:
                actor, cohort = self.road.admins[0], self.road.world.cohort
                named = {"reason": "It has to.", "confirmed": confirmed, "now": now, "tell": tell_holders}
                set_key_date(session, actor, cohort, code, at + days * DAY, "", **named)

            self.attempt(move)

    # --- applicants ---------------------------------------------------------------------------------------------------

    @rule(name=who)
    def begins(self, name: str) -> None:
        self.attempt(apply.start, self.road.actor(name), cohort_id=self.road.world.cohort.id)

    @rule(name=who, tracks=st.lists(st.sampled_from(TRACKS), max_size=2, unique=True), complete=st.booleans())
    def writes(self, name: str, tracks: list[str], complete: bool) -> None:
        if self.own(name) is not None:
            values = {**make.ANSWERS, "name": name, "q_theory": "A theorem."} if complete else {}
            self.attempt(lambda _, now: self.road.write(name, **{**values, "tracks": tracks}))

    @rule(name=who, streams=st.lists(where, max_size=3, unique=True))
    def chooses(self, name: str, streams: list[str]) -> None:
        if self.own(name) is not None:
            self.attempt(lambda _, now: self.road.choose(name, *streams))

    @rule(name=who)
    def submits(self, name: str) -> None:
        if self.own(name) is not None:
            self.attempt(lambda _, now: self.road.submit(name))

    @rule(name=who, role=st.sampled_from([APPLICANT, CO]))
    def withdraws(self, name: str, role: Role) -> None:
        if (application := self.own(name)) is not None:
            actor = self.road.actor(name) if role is APPLICANT else self.road.coordinators[0]
            self.attempt(withdraw.withdraw_application, actor, application, role=role, reason="Asked for.")

    @rule(name=who)
    def takes_it_back(self, name: str) -> None:
        if (application := self.own(name)) is not None:
            self.attempt(withdraw.undo_withdrawal, self.road.actor(name), application, role=APPLICANT)

    @rule(name=who, stream=where)
    def leaves_a_stream(self, name: str, stream: str) -> None:
        if (entry := self.place(name, stream)) is not None:
            self.attempt(withdraw.withdraw_stream, self.road.actor(name), entry)

    @rule(name=who, stream=where)
    def returns_to_a_stream(self, name: str, stream: str) -> None:
        if (entry := self.place(name, stream)) is not None:
            self.attempt(withdraw.undo_stream_withdrawal, self.road.actor(name), entry)

    @rule(number=pick, step=st.sampled_from(["start", "submit"]))
    def works_on_a_task(self, number: int, step: str) -> None:
        if (task := self.one(EvaluationInvite, number)) is not None:
            actor = applicant(self.session, task.application_id)
            if step == "start":
                self.attempt(tasks.start_task, actor, task, ai_rule=True)
            else:
                self.attempt(tasks.submit_task, actor, task, f"At {self.road.now}.")

    @rule(number=pick, slot=pick, step=st.sampled_from(["book", "cancel", "nobody came"]))
    def acts_on_an_interview(self, number: int, slot: int, step: str) -> None:
        interview, chosen = self.one(Interview, number), self.one(InterviewSlot, slot)
        if interview is None:
            return
        entry = self.session.get_one(StreamApplication, interview.stream_application_id)
        actor = applicant(self.session, entry.application_id)
        if step == "book" and chosen is not None:
            self.attempt(interviews.book, actor, interview, chosen)
        elif step == "cancel":
            self.attempt(interviews.cancel_own, actor, interview)
        elif step == "nobody came":
            self.attempt(interviews.record_own_no_show, actor, interview)

    @rule(number=pick, confirmed=st.sampled_from([True, True, True, False]))
    def accepts(self, number: int, confirmed: bool) -> None:
        if (offer := self.one(Offer, number, Offer.released_at.is_not(None))) is not None:
            actor = applicant(self.session, offer.application_id)
            self.attempt(placement.accept_offer, actor, offer, eligibility_confirmed=confirmed)

    @rule(number=pick)
    def declines(self, number: int) -> None:
        if (offer := self.one(Offer, number, Offer.released_at.is_not(None))) is not None:
            self.attempt(placement.decline_offer, applicant(self.session, offer.application_id), offer)


def _submitted(road: Road, streams: tuple[str, ...]) -> None:
    for name in NAMES[:2]:
        road.submitted(name, *streams, tracks=TRACKS)
        road.application(name).score_count = 9


def _advanced(road: Road, streams: tuple[str, ...]) -> None:
    road.to(date("T5"))
    for name in NAMES[:2]:
        road.decide_track(name, "empirical", Outcome.ADVANCE)
        road.decide_track(name, "theory", Outcome.NOT_ADVANCE)
    road.release(BatchScope.FIRST_RESULT)
    for name in () if streams else NAMES[:2]:
        road.choose(name, "red", "blue")
    road.to(date("T7"))


def _ranked(road: Road, streams: tuple[str, ...]) -> None:
    road.to(date("T12") - HOUR)
    road.rank("red")
    road.rank("blue")


def _released(road: Road, streams: tuple[str, ...]) -> None:
    road.to(date("T13"))
    free = road.world.streams["red"].seats_max or 0
    for number, name in enumerate(NAMES[:2]):
        road.decide_stream(name, "blue", Outcome.OFFER)
        road.decide_stream(name, "red", Outcome.OFFER if number < free else Outcome.WAITLIST)
    road.release(BatchScope.OFFERS)


def applicant(session: Session, application_id: int) -> Any:
    return make.acting(session.get_one(Application, application_id).person)
