"""Calibrated scores beside the raw ones: emptied with every change, made anew by the job, right to the last digit."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TrackChoice
from matsapply.reviews import actions, calibrating, conflicts, planning, rounds, standings
from matsapply.reviews.actions import Entered
from matsapply.reviews.aggregates import recompute_check
from matsapply.reviews.models import ReaderStanding, TrackStanding
from matsapply.rules.calibration import calibrate, fit
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.scoring import weighted_total
from matsapply.rules.stages import ConflictKind, Role
from tests.reviews.builders import CRITERIA, NOW, WEIGHTS, Reviewing

if TYPE_CHECKING:
    from matsapply.applications.models import Application
    from matsapply.reviews.models import ReviewAssignment
    from matsapply.rules.access import Actor

PLACES = 3


class Judged:
    """Eight applications with two readings each by four reviewers, one of them severe."""

    def __init__(self, world: Reviewing) -> None:
        random = Random(7)
        world.cohort.policies = {"review": {"max_active_per_reader": 50}}
        self.world, self.team = world, world.actor(Role.COORDINATOR)
        self.readers = [world.actor() for _ in range(4)]
        both, one = ("empirical", "theory"), ("empirical",)
        self.applications = [world.application(tracks=both if number % 2 else one) for number in range(8)]
        self.given: list[tuple[Application, Actor, ReviewAssignment, dict[str, int]]] = []
        for number, application in enumerate(self.applications):
            for turn in (0, 1 + number % 3):
                reader = self.readers[(number + turn) % 4]
                severe = (number + turn) % 4 == 0
                self.read(application, reader, {key: random.randint(1, 5 - severe) for key in CRITERIA})

    def read(self, application: Application, reader: Actor, scores: dict[str, int]) -> None:
        session, round_ = self.world.session, self.world.round()
        made = rounds.assign(session, self.team, round_, application, reader.person_id or 0, NOW)
        actions.submit_review(session, reader, made, Entered(scores=scores), NOW)
        self.given.append((application, reader, made, scores))

    def calibrated(self, track: str = "empirical") -> dict[int, float | None]:
        self.world.session.expire_all()
        choices = sa.select(TrackChoice).where(TrackChoice.track_id == self.world.tracks[track].id)
        return {each.application_id: each.calibrated for each in self.world.session.scalars(choices)}

    def by_hand(self, track: str) -> dict[int, float]:
        scores = [
            (application.id, reader.person_id or 0, weighted_total(scores, WEIGHTS[track]))
            for application, reader, _, scores in self.given
        ]
        return {key: each.score for key, each in calibrate(scores, fit(scores)).scores.items()}

    def run(self) -> None:
        standings.recalibrate(self.world.session, self.world.cohort.id, NOW)

    @property
    def stale(self) -> bool:
        return self.world.cohort.id in standings.stale_cohorts(self.world.session)


@pytest.fixture
def judged(world: Reviewing) -> Judged:
    return Judged(world)


def test_the_job_writes_what_the_rule_says_and_changes_empty_it(judged: Judged) -> None:
    world = judged.world
    session, cohort_id = world.session, world.cohort.id
    assert judged.stale
    assert set(judged.calibrated().values()) == {None}
    judged.run()
    assert not judged.stale
    for track in ("empirical", "theory"):
        by_hand = judged.by_hand(track)
        for application_id, kept in judged.calibrated(track).items():
            assert kept == pytest.approx(by_hand[application_id], abs=1e-12)
    assert standings.calibration_check(session, cohort_id) == []
    readers = {row.reviewer_id: row for row in session.scalars(sa.select(ReaderStanding))}
    assert {key: row.readings for key, row in readers.items()} == {
        reader.person_id: sum(given[1] is reader for given in judged.given) for reader in judged.readers
    }
    assert all(row.apart is not None and row.severity_margin >= 0 for row in readers.values())

    # A correction: only its own application is emptied, until the next run.
    application, reader, made, _ = judged.given[0]
    scores = dict.fromkeys(CRITERIA, 5)
    actions.submit_review(session, reader, made, Entered(scores=scores), NOW)
    judged.given[0] = (application, reader, made, scores)
    assert [key for key, value in judged.calibrated().items() if value is None] == [application.id]
    assert judged.stale
    judged.run()
    assert judged.calibrated()[application.id] == pytest.approx(judged.by_hand("empirical")[application.id], abs=1e-12)

    # A conflict voids the reading: it counts no more, here too.
    before = judged.calibrated()
    application, reader, _, _ = taken = judged.given[2]
    declared = conflicts.declare(
        session,
        judged.team,
        person_id=reader.person_id or 0,
        application=application,
        kind=ConflictKind.FAMILY,
        now=NOW,
    )
    assert declared is not None
    assert judged.calibrated()[application.id] is None
    judged.run()
    judged.given.remove(taken)
    assert judged.calibrated() == {
        key: pytest.approx(value, abs=1e-12) for key, value in judged.by_hand("empirical").items()
    }
    assert judged.calibrated() != before
    assert recompute_check(session, cohort_id) == []


def test_the_last_reading_of_an_application_gone_the_others_are_made_anew(judged: Judged) -> None:
    judged.run()
    gone = judged.applications[0]
    for application, _, made, _ in judged.given:
        if application is gone:
            actions.void(judged.world.session, judged.team, made, "read by mistake", NOW)
    judged.given = [given for given in judged.given if given[0] is not gone]
    assert judged.stale
    judged.run()
    by_hand = judged.by_hand("empirical")
    assert judged.calibrated() == {
        key: None if key == gone.id else pytest.approx(by_hand[key], abs=1e-12) for key in judged.calibrated()
    }
    assert not judged.stale


def test_places_that_are_set_while_the_job_computes_are_those_it_ends_with(judged: Judged) -> None:
    session, (cohort, track) = judged.world.session, (judged.world.cohort.id, judged.world.tracks["empirical"].id)
    judged.run()
    standings.set_places(session, judged.team, cohort, track, 1, NOW)
    result = calibrating.compute(session, cohort)
    standings.set_places(session, judged.team, cohort, track, 7, NOW)
    for lines in standings.parts(result):
        standings.write_part(session, lines)
    standings.write_standings(session, result, NOW)
    assert judged.stale, "some chances stand by the bar of one place"
    judged.run()
    assert not judged.stale
    session.expire_all()
    chances = session.scalars(sa.select(TrackChoice.chance).where(TrackChoice.track_id == track)).all()
    assert sum(each or 0.0 for each in chances) == pytest.approx(7, abs=1e-6)


def test_a_reading_that_comes_while_the_job_computes_is_not_covered_by_it(judged: Judged) -> None:
    session = judged.world.session
    result = calibrating.compute(session, judged.world.cohort.id)
    application, reader, made, _ = judged.given[0]
    actions.submit_review(session, reader, made, Entered(scores=dict.fromkeys(CRITERIA, 5)), NOW)
    for lines in standings.parts(result):
        standings.write_part(session, lines)
    standings.write_standings(session, result, NOW)
    assert [key for key, value in judged.calibrated().items() if value is None] == [application.id]
    assert judged.stale


def test_places_give_each_a_chance_at_once(judged: Judged) -> None:
    world = judged.world
    track = world.tracks["empirical"].id
    judged.run()
    standings.set_places(world.session, judged.team, world.cohort.id, track, PLACES, NOW)
    world.session.expire_all()
    choices = world.session.scalars(sa.select(TrackChoice).where(TrackChoice.track_id == track)).all()
    assert sum(choice.chance or 0 for choice in choices) == pytest.approx(PLACES, abs=1e-6)
    by_score = sorted(choices, key=lambda choice: choice.calibrated or 0)
    standing = world.session.scalars(sa.select(TrackStanding).where(TrackStanding.track_id == track)).one()
    assert [(choice.chance or 0) > 0.5 for choice in by_score] == [
        (choice.calibrated or 0) > (standing.bar or 0) for choice in by_score
    ]
    at_once = {choice.id: (choice.chance, choice.doubt, choice.reading_worth) for choice in choices}
    judged.run()
    for choice in world.session.scalars(sa.select(TrackChoice).where(TrackChoice.track_id == track)):
        found = (choice.chance, choice.doubt, choice.reading_worth)
        assert found == pytest.approx(at_once[choice.id], abs=1e-6), "the job finds the same"
    with pytest.RaisesExc(Refused, check=lambda error: error.refusal.code is Code.NO_CHANGE):
        standings.set_places(world.session, judged.team, world.cohort.id, track, PLACES, NOW)
    with pytest.raises(ValueError, match="is not from 0"):
        standings.set_places(world.session, judged.team, world.cohort.id, track, -1, NOW)


def test_what_is_asked_for_is_planned_and_done_with_the_plan(judged: Judged) -> None:
    session, cohort_id = judged.world.session, judged.world.cohort.id
    options = planning.Options(2, floor=True, least=0, most=50, seed=1, shared=0, shared_readers=1, stay=True)
    wanted = judged.applications[3]
    assert planning.work_out(planning.gather(session, cohort_id, NOW), options)["added"] == []
    for _ in range(2):
        standings.ask_readings(session, judged.team, cohort_id, {wanted.id: 0.4}, NOW)
    asked = planning.gather(session, cohort_id, NOW)
    assert asked.asked == {wanted.id}
    [(application_id, reader)] = planning.work_out(asked, options)["added"]
    assert application_id == wanted.id
    rounds.apply_plan(session, judged.team, judged.world.round(), [(application_id, reader)], NOW)
    assert planning.gather(session, cohort_id, NOW).asked == frozenset()
    assert planning.work_out(planning.gather(session, cohort_id, NOW), options)["added"] == []
