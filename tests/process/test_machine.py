"""Random walks of a small cohort through the real actions, on both databases; every invariant after every step.

An action either does all it says or refuses, and a refusal leaves nothing behind; any other error fails the walk.
MACHINE_EXAMPLES=500 walks further, at random, than the fixed walks of every run.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import Cohort, Track
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import ReleaseBatch
from matsapply.evaluations import upkeep
from matsapply.evaluations.models import EvaluationInvite
from matsapply.interviews import actions as interviews
from matsapply.interviews.models import Interview
from matsapply.interviews.slots import add_slots
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.offers.ranking import current_ranking, rankable, save_ranking
from matsapply.process import corrections, endings, placement, waitlist
from matsapply.process.release import release, seal
from matsapply.process.stream_round import invite_to_task, lock_ranking, offer_interview, take_back_interview
from matsapply.reviews.actions import Entered, submit_review
from matsapply.reviews.rounds import assign, ensure_round
from matsapply.rules.stages import (
    BatchScope,
    BatchState,
    CohortState,
    ExtensionReason,
    InterviewState,
    OfferState,
    Outcome,
    RoundKind,
    WaitlistState,
)
from tests import factories as make
from tests.process.road import CO, DAY, HOUR, LEAD, Road
from tests.process.walking import TRACKS, Walking, pick, where, who

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.databases import Database

ON_TRACKS = (Outcome.ADVANCE, Outcome.NOT_ADVANCE)
ON_STREAMS = (Outcome.OFFER, Outcome.WAITLIST, Outcome.NOT_SELECT)
SCOPES = (BatchScope.FIRST_RESULT, BatchScope.OFFERS, BatchScope.EARLY)


class Walk(Walking):
    """All the steps there are."""

    # --- readers, mentors and leads -----------------------------------------------------------------------------------

    @rule(name=who, reader=st.integers(0, 1))
    def is_read(self, name: str, reader: int) -> None:
        application = self.own(name)
        if application is None:
            return

        def read(session: Session, *, now: Any) -> None:
            actor = self.road.reviewers[reader]
            round_ = ensure_round(session, self.road.world.cohort.id, RoundKind.CENTRAL_SCORE)
            made = assign(session, self.road.coordinators[0], round_, application, actor.person_id or 0, now)
            submit_review(session, actor, made, Entered(scores={"ability": 2}), now)

        self.attempt(read)

    @rule(name=who, stream=where)
    def is_asked_to_do_a_task(self, name: str, stream: str) -> None:
        if (entry := self.place(name, stream)) is not None:
            self.attempt(lambda session, now: invite_to_task(session, self.road.lead, entry, self.road.task, LEAD, now))

    @rule(number=pick, step=st.sampled_from(["waive", "extend"]))
    def is_given_relief(self, number: int, step: str) -> None:
        task = self.one(EvaluationInvite, number)
        if task is None:
            return
        actor, until = self.road.coordinators[0], self.road.now + 3 * DAY
        if step == "waive":
            self.attempt(lambda session, now: upkeep.waive(session, actor, CO, task, "An illness.", now))
        else:
            why = ExtensionReason.OTHER
            self.attempt(
                lambda session, now: upkeep.extend(session, actor, CO, task, until, why, now, reason="An illness.")
            )

    @rule(stream=where)
    def slots_are_offered(self, stream: str) -> None:
        starts = [self.road.now + 2 * HOUR, self.road.now + 3 * HOUR]
        people, row = [self.road.mentor.person_id or 0], self.road.world.streams[stream]
        self.attempt(add_slots, self.road.mentor, row, starts, HOUR / 2, zone="UTC", interviewers=people)

    @rule(name=who, stream=where)
    def is_asked_to_an_interview(self, name: str, stream: str) -> None:
        if (entry := self.place(name, stream)) is not None:
            self.attempt(lambda session, now: offer_interview(session, self.road.lead, entry, LEAD, now))

    @rule(number=pick, outcome=st.sampled_from([None, InterviewState.HELD, InterviewState.NO_SHOW_APPLICANT]))
    def an_interview_ends(self, number: int, outcome: InterviewState | None) -> None:
        interview, lead = self.one(Interview, number), self.road.lead
        if interview is None:
            return
        if outcome is None:
            self.attempt(lambda session, now: take_back_interview(session, lead, interview, LEAD, now))
        else:
            self.attempt(lambda session, now: interviews.record_outcome(session, lead, LEAD, interview, outcome, now))

    @rule(stream=where, order=st.permutations(range(3)), most=st.integers(1, 3))
    def is_ranked(self, stream: str, order: list[int], most: int) -> None:
        row = self.road.world.streams[stream]
        keys = sorted(rankable(self.session, row.id))
        wanted = [keys[number] for number in order if number < len(keys)][:most]
        based_on = current_ranking(self.session, row.id).number
        self.attempt(save_ranking, self.road.lead, row.id, wanted, based_on=based_on)

    @rule(stream=where)
    def is_locked(self, stream: str) -> None:
        row = self.road.world.streams[stream]
        self.attempt(lambda session, now: lock_ranking(session, self.road.lead, row, LEAD, now))

    # --- decisions and releases ---------------------------------------------------------------------------------------

    @rule(name=who, track=st.sampled_from(TRACKS), outcome=st.sampled_from(ON_TRACKS))
    def is_decided_in_a_track(self, name: str, track: str, outcome: Outcome) -> None:
        application = self.own(name)
        if application is not None and track in _tracks(self.session, application):
            self.attempt(lambda _, now: self.road.decide_track(name, track, outcome))

    @rule(name=who)
    def is_found_ineligible(self, name: str) -> None:
        if self.own(name) is not None:
            self.attempt(lambda _, now: self.road.decide_ineligible(name))

    @rule(name=who, stream=where, outcome=st.sampled_from(ON_STREAMS))
    def is_decided_in_a_stream(self, name: str, stream: str, outcome: Outcome) -> None:
        if self.place(name, stream) is not None:
            self.attempt(lambda _, now: self.road.decide_stream(name, stream, outcome))

    @rule(scope=st.sampled_from(SCOPES), left_out=st.one_of(st.none(), who))
    def is_gathered(self, scope: BatchScope, left_out: str | None) -> None:
        names = [left_out] if left_out is not None and self.own(left_out) is not None else []
        self.attempt(lambda _, now: self.road.batch(scope, *names))

    @rule(number=pick)
    def is_sealed(self, number: int) -> None:
        if (batch := self.one(ReleaseBatch, number, ReleaseBatch.state == BatchState.OPEN)) is not None:
            self.attempt(seal, self.road.coordinators[0], batch, role=CO)

    @rule(number=pick)
    def is_released(self, number: int) -> None:
        if (batch := self.one(ReleaseBatch, number, ReleaseBatch.state == BatchState.SEALED)) is not None:
            self.attempt(release, self.road.coordinators[0], batch, role=CO)

    @rule(number=pick, step=st.sampled_from(["unseal", "cancel"]))
    def a_batch_is_opened_or_dissolved(self, number: int, step: str) -> None:
        batch, actor = self.one(ReleaseBatch, number), self.road.coordinators[0]
        if batch is None:
            return
        if step == "unseal":
            self.attempt(lambda session, now: decisions.unseal(session, actor, CO, batch, now))
        else:
            self.attempt(lambda session, now: decisions.cancel_batch(session, actor, CO, batch, "An error.", now))

    @rule(scope=st.sampled_from(SCOPES))
    def is_gathered_sealed_and_released(self, scope: BatchScope) -> None:
        self.attempt(lambda _, now: self.road.release(scope))

    # --- offers and the waitlist --------------------------------------------------------------------------------------

    @rule(number=pick, step=st.sampled_from(["promote", "skip"]))
    def the_waitlist_moves(self, number: int, step: str) -> None:
        entry = self.one(WaitlistEntry, number, WaitlistEntry.state == WaitlistState.ACTIVE)
        if entry is None:
            return
        if step == "promote":
            self.attempt(waitlist.promote, self.road.coordinators[1], entry, role=CO, reply_hours=48)
        else:
            self.attempt(waitlist.skip, self.road.coordinators[1], entry, role=CO, reason="Cannot come.")

    @rule(number=pick, step=st.sampled_from(["extend", "confirm", "rescind"]))
    def the_team_acts_on_an_offer(self, number: int, step: str) -> None:
        offer = self.one(Offer, number, Offer.state.in_([OfferState.PENDING, OfferState.ACCEPTED]))
        if offer is None:
            return
        if step == "extend":
            until = self.road.now + 4 * DAY
            self.attempt(placement.extend_offer, self.road.coordinators[0], offer, role=CO, until=until)
        elif step == "confirm":
            self.attempt(placement.confirm_offer, self.road.coordinators[0], offer, role=CO)
        else:
            second, why = self.road.admins[1].person_id, "A false statement."
            self.attempt(placement.rescind_offer, self.road.admins[0], offer, second_actor_id=second, reason=why)

    # --- admins -------------------------------------------------------------------------------------------------------

    @rule(name=who, step=st.sampled_from(["reopen", "correct", "defer"]))
    def an_application_is_corrected(self, name: str, step: str) -> None:
        application, until = self.own(name), self.road.now + 2 * DAY
        if application is None:
            return
        first, second = self.road.admins
        if step == "reopen":
            named = {"role": CO, "until": until, "reason": "A broken file."}
            self.attempt(corrections.reopen, self.road.coordinators[0], application, **named)
        elif step == "correct":
            named = {"second_actor_id": second.person_id, "reason": "An error.", "until": until}
            self.attempt(corrections.correct_closing, first, application, **named)
        else:
            named = {"to_cohort_id": _other_cohort(self.session, self.road), "reason": "A degree."}
            self.attempt(endings.grant_deferral, first, application, **named)

    @rule(stream=where, sure=st.integers(0, 3))
    def a_stream_is_cancelled(self, stream: str, sure: int) -> None:
        if sure == 0:
            named = {"second_actor_id": self.road.admins[1].person_id, "reason": "An illness."}
            self.attempt(endings.cancel_stream, self.road.admins[0], self.road.world.streams[stream], **named)


def _tracks(session: Session, application: Application) -> set[str]:
    return {
        track.key
        for track in session.scalars(
            sa.select(Track)
            .join(TrackChoice, TrackChoice.track_id == Track.id)
            .where(TrackChoice.application_id == application.id)
        )
    }


def _other_cohort(session: Session, road: Road) -> int:
    other = session.scalar(sa.select(Cohort.id).where(Cohort.id != road.world.cohort.id).limit(1))
    return other or make.cohort(session, state=CohortState.DRAFT).cohort.id


@pytest.mark.slow
def test_machine(database: Database, record_property: Callable[[str, object], None]) -> None:
    seen: Counter[str] = Counter()
    machine = type("Walk", (Walk,), {"connect": staticmethod(database.engine.connect), "seen": seen})
    wanted = os.environ.get("MACHINE_EXAMPLES")
    settings = hypothesis.settings(
        max_examples=int(wanted or 12),
        stateful_step_count=40,
        derandomize=wanted is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if wanted else [])],  # a fixed walk is short enough to read
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=settings)
    codes = sorted(key.removeprefix("code ") for key in seen if key.startswith("code "))
    summary = f"{seen['steps']} steps, {seen['done']} moves done, {seen['refused']} refused, {len(codes)} codes"
    record_property("state machine", f"{database.kind}: {summary}")
    assert seen["steps"] > 100
