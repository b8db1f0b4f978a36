"""Readings from assignment to correction, by the codes of the table, and the invariants about scores (20 to 27)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from matsapply.applications.models import TeamTask, TrackChoice
from matsapply.audit.models import AuditEvent
from matsapply.process.detection import detect
from matsapply.reviews import actions, conflicts, rounds
from matsapply.reviews.actions import Entered
from matsapply.reviews.aggregates import recompute_check
from matsapply.reviews.models import ConflictOfInterest, Review, ReviewAssignment
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import AssignmentState, ConflictKind, ConflictState, Role
from matsapply.tracking.models import StateChange
from tests.reviews.builders import NOW, Reviewing

if TYPE_CHECKING:
    from matsapply.applications.models import Application
    from matsapply.rules.access import Actor

LATER = NOW + timedelta(hours=1)


def scored(research: int, execution: int, motive: int, **more: object) -> Entered:
    return Entered(scores={"research": research, "execution": execution, "motive": motive}, **more)  # type: ignore[arg-type]


def given(world: Reviewing, application: Application | None = None) -> tuple[Actor, ReviewAssignment]:
    """A reviewer with one assignment."""
    reviewer, team = world.actor(), world.actor(Role.COORDINATOR)
    made = rounds.assign(
        world.session, team, world.round(), application or world.application(), reviewer.person_id or 0, NOW
    )
    return reviewer, made


def read(world: Reviewing, application: Application, entered: Entered) -> tuple[Actor, ReviewAssignment]:
    reviewer, made = given(world, application)
    actions.submit_review(world.session, reviewer, made, entered, NOW)
    return reviewer, made


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.refusal.code is code)


def test_d1_assigns_with_history_audit_and_the_rounds_due_date(world: Reviewing) -> None:
    _, made = given(world)
    assert made.state is AssignmentState.ASSIGNED
    assert made.due_at == made.round.due_at is not None
    change = world.session.scalars(sa.select(StateChange).where(StateChange.code == "D1")).one()
    assert (change.subject_id, change.application_id, change.cohort_id) == (
        made.id,
        made.application_id,
        world.cohort.id,
    )
    assert world.session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "assignment.D1")).one()


def test_d1_is_refused_with_an_active_conflict(world: Reviewing) -> None:
    reviewer, team, application = world.actor(), world.actor(Role.COORDINATOR), world.application()
    conflicts.declare(
        world.session,
        team,
        person_id=reviewer.person_id or 0,
        application=application,
        kind=ConflictKind.FAMILY,
        now=NOW,
    )
    with refused(Code.CONFLICT):
        rounds.assign(world.session, team, world.round(), application, reviewer.person_id or 0, NOW)


def test_invariant_25_d1_is_refused_at_the_cap_unless_an_override_is_recorded(world: Reviewing) -> None:
    reviewer, team, round_ = world.actor(), world.actor(Role.COORDINATOR), world.round()
    for _ in range(5):
        rounds.assign(world.session, team, round_, world.application(), reviewer.person_id or 0, NOW)
    with refused(Code.CAP_REACHED):
        rounds.assign(world.session, team, round_, world.application(), reviewer.person_id or 0, NOW)
    made = rounds.assign(
        world.session, team, round_, world.application(), reviewer.person_id or 0, NOW, override_reason="offered to"
    )
    assert made.override_reason == "offered to"


def test_invariant_21_nobody_holds_the_same_target_twice(world: Reviewing) -> None:
    reviewer, made = given(world)
    team = world.actor(Role.COORDINATOR)
    with refused(Code.REPEATED):
        rounds.assign(world.session, team, made.round, made.application, reviewer.person_id or 0, NOW)
    double = ReviewAssignment(
        round_id=made.round_id,
        reviewer_id=made.reviewer_id,
        application_id=made.application_id,
        target_key=made.target_key,
    )
    world.session.add(double)
    with pytest.raises(IntegrityError):
        world.session.flush()


def test_a_plan_is_applied_whole_or_not_at_all(world: Reviewing) -> None:
    team, round_ = world.actor(Role.COORDINATOR), world.round()
    readers = [world.actor().person_id or 0 for _ in range(3)]
    applications = [world.application() for _ in range(5)]
    pairs = [(application.id, reader) for application in applications for reader in readers[:2]]
    assert rounds.apply_plan(world.session, team, round_, pairs, NOW) == 10
    assert world.session.scalar(sa.select(sa.func.count()).select_from(StateChange)) == 10
    with refused(Code.REPEATED):
        rounds.apply_plan(world.session, team, round_, [(applications[0].id, readers[2]), pairs[0]], NOW)
    with refused(Code.CAP_REACHED):
        rounds.apply_plan(world.session, team, round_, [(world.application().id, readers[0])], NOW)
    assert world.session.scalar(sa.select(sa.func.count()).select_from(ReviewAssignment)) == 10


def test_d3_a_draft_starts_the_reading_and_is_kept(world: Reviewing) -> None:
    reviewer, made = given(world)
    entered = Entered(scores={"research": "4", "motive": "9", "nonsense": 1}, note="so far", minutes=3.5)
    actions.save_draft(world.session, reviewer, made, entered, NOW)
    assert made.state is AssignmentState.STARTED
    assert made.draft_scores == {"research": 4}
    assert (made.draft_note, made.draft_minutes) == ("so far", 3.5)
    actions.save_draft(world.session, reviewer, made, Entered(minutes=1), LATER)
    assert made.draft_minutes == 3.5  # a second tab does not turn the clock back
    assert [change.code for change in world.session.scalars(sa.select(StateChange))] == ["D1", "D3"]


def test_d3_and_d4_are_only_for_the_reader(world: Reviewing) -> None:
    _, made = given(world)
    other = world.actor()
    for act in (actions.save_draft, actions.submit_review):
        with refused(Code.NOT_YOURS):
            act(world.session, other, made, scored(3, 3, 3), NOW)


def test_d4_counts_at_once_with_the_weights_of_each_track(world: Reviewing) -> None:
    application = world.application(("theory", "empirical"))
    reviewer, made = given(world, application)
    actions.save_draft(world.session, reviewer, made, Entered(minutes=6), NOW)
    review = actions.submit_review(world.session, reviewer, made, scored(5, 3, 1, minutes=8.24, confidence=4), LATER)
    assert made.state is AssignmentState.SUBMITTED
    assert (review.number, review.minutes, review.confidence, review.snapshot_number) == (1, 8.2, 4, 1)
    assert review.total == pytest.approx(0.2 * 5 + 0.2 * 3 + 0.6 * 1)
    assert application.score_mean == review.total
    assert (application.score_count, application.score_spread) == (1, 0)
    choices = world.session.scalars(sa.select(TrackChoice).order_by(TrackChoice.rank)).all()
    assert [choice.score_mean for choice in choices] == pytest.approx([2.2, 3.6])
    assert made.draft_minutes == 0
    assert recompute_check(world.session, world.cohort.id) == []


def test_d4_is_refused_while_a_criterion_has_no_score(world: Reviewing) -> None:
    reviewer, made = given(world)
    for entered in (Entered(), Entered(scores={"research": 1, "execution": 6, "motive": 1})):
        with refused(Code.INCOMPLETE):
            actions.submit_review(world.session, reviewer, made, entered, NOW)
    assert made.state is AssignmentState.ASSIGNED
    assert world.session.scalars(sa.select(Review)).all() == []


def test_d4c_a_correction_is_the_next_number_and_the_old_one_stays(world: Reviewing) -> None:
    application = world.application()
    reviewer, made = read(world, application, scored(1, 1, 1))
    actions.submit_review(world.session, reviewer, made, scored(5, 5, 5), LATER)
    reviews = world.session.scalars(sa.select(Review).order_by(Review.number)).all()
    assert [(review.number, review.superseded_at) for review in reviews] == [(1, LATER), (2, None)]
    assert reviews[0].scores == {"research": 1, "execution": 1, "motive": 1}
    assert (application.score_count, application.score_mean) == (1, 5)
    assert [change.code for change in world.session.scalars(sa.select(StateChange))] == ["D1", "D4", "D4c"]


def test_d4c_ends_with_the_round(world: Reviewing) -> None:
    reviewer, made = read(world, world.application(), scored(2, 2, 2))
    rounds.close_round(world.session, world.actor(Role.COORDINATOR), made.round, LATER)
    with refused(Code.CLOSED):
        actions.submit_review(world.session, reviewer, made, scored(3, 3, 3), LATER)


def test_d5_recusal_needs_a_reason_and_hides_the_application(world: Reviewing) -> None:
    reviewer, made = given(world)
    with refused(Code.REASON_NEEDED):
        conflicts.recuse(world.session, reviewer, made, "  ", NOW)
    conflicts.recuse(world.session, reviewer, made, "a former student", NOW, kind=ConflictKind.ADVISOR)
    assert made.state is AssignmentState.RECUSED
    conflict = world.session.scalars(sa.select(ConflictOfInterest)).one()
    assert (conflict.person_id, conflict.state, conflict.kind) == (
        reviewer.person_id,
        ConflictState.ACTIVE,
        ConflictKind.ADVISOR,
    )
    change = world.session.scalars(sa.select(StateChange).where(StateChange.code == "D5")).one()
    assert change.reason == "a former student"


def test_d6_d7_d8_end_an_open_assignment_and_free_the_place(world: Reviewing) -> None:
    team = world.actor(Role.COORDINATOR)
    reviewer, made = given(world)
    actions.return_assignment(world.session, reviewer, made, NOW)
    assert made.state is AssignmentState.RETURNED
    again = rounds.assign(world.session, team, made.round, made.application, reviewer.person_id or 0, NOW)
    actions.reassign(world.session, team, again, NOW)
    assert again.state is AssignmentState.REASSIGNED
    last = rounds.assign(world.session, team, made.round, made.application, reviewer.person_id or 0, NOW)
    assert actions.cancel_open(world.session, team, made.application, NOW) == 1
    assert last.state is AssignmentState.EXPIRED
    with refused(Code.WRONG_STATE):
        actions.submit_review(world.session, reviewer, last, scored(3, 3, 3), NOW)


def test_invariant_24_d9_voids_and_d9u_restores_exactly(world: Reviewing) -> None:
    application, team = world.application(("theory", "empirical")), world.actor(Role.COORDINATOR)
    read(world, application, scored(5, 4, 1))
    _, made = read(world, application, scored(2, 3, 2))
    before = (application.score_count, application.score_sum, application.score_mean, application.score_spread)
    with refused(Code.REASON_NEEDED):
        actions.void(world.session, team, made, "", NOW)
    actions.void(world.session, team, made, "read the wrong file", NOW)
    assert application.score_count == 1
    assert world.session.scalars(sa.select(Review).where(Review.voided_at.is_not(None))).one().void_reason
    assert recompute_check(world.session, world.cohort.id) == []
    actions.restore(world.session, team, made, "it was the right one", LATER)
    after = (application.score_count, application.score_sum, application.score_mean, application.score_spread)
    assert after == before
    assert recompute_check(world.session, world.cohort.id) == []


def test_d9u_needs_a_review(world: Reviewing) -> None:
    team = world.actor(Role.COORDINATOR)
    _, made = given(world)
    actions.void(world.session, team, made, "not needed", NOW)
    with refused(Code.INCOMPLETE):
        actions.restore(world.session, team, made, "needed after all", NOW)


def test_invariant_20_a_conflict_found_after_the_review_voids_it(world: Reviewing) -> None:
    application, team = world.application(), world.actor(Role.COORDINATOR)
    read(world, application, scored(5, 5, 5))
    reviewer, made = read(world, application, scored(3, 3, 3))
    conflict = conflicts.declare(
        world.session,
        team,
        person_id=reviewer.person_id or 0,
        application=application,
        kind=ConflictKind.COLLEAGUE,
        now=LATER,
        note="same laboratory",
    )
    assert made.state is AssignmentState.VOIDED
    assert (application.score_count, application.score_mean) == (1, 5)
    assert world.session.scalars(sa.select(Review)).all()[1].void_reason == "same laboratory"
    # Even a review that nobody voided does not count while the conflict is active.
    review = world.session.scalars(sa.select(Review).where(Review.assignment_id == made.id)).one()
    review.voided_at = None
    world.session.flush()
    assert recompute_check(world.session, world.cohort.id) == []
    conflicts.dismiss(world.session, team, conflict, "it was another person of that name", LATER)
    assert [each.what for each in recompute_check(world.session, world.cohort.id)] == ["application", "track_choice"]


def test_nobody_dismisses_their_own_conflict(world: Reviewing) -> None:
    reviewer, made = given(world)
    conflict = conflicts.recuse(world.session, reviewer, made, "a cousin", NOW)
    with refused(Code.SECOND_PERSON_NEEDED):
        conflicts.dismiss(world.session, reviewer, conflict, "not close", NOW)


def test_invariant_23_the_check_finds_a_kept_score_that_is_wrong(world: Reviewing) -> None:
    application = world.application()
    read(world, application, scored(4, 4, 4))
    application.score_mean = 4.5
    world.session.flush()
    found = recompute_check(world.session, world.cohort.id)
    assert [(each.what, each.subject_id) for each in found] == [("application", application.id)]


def test_a_third_reader_is_asked_for_once_and_only_when_two_lie_far_apart(world: Reviewing) -> None:
    team, near, far = world.actor(Role.COORDINATOR), world.application(), world.application()
    read(world, near, scored(3, 3, 3))
    read(world, near, scored(4, 4, 4))
    read(world, far, scored(1, 1, 1))
    reviewer, made = read(world, far, scored(3, 3, 3))
    tasks = world.session.scalars(sa.select(TeamTask)).all()
    assert [(task.application_id, task.kind) for task in tasks] == [(far.id, "third_reader")]
    actions.submit_review(world.session, reviewer, made, scored(4, 3, 3), LATER)
    assert len(world.session.scalars(sa.select(TeamTask)).all()) == 1
    third = world.actor()
    rounds.assign(world.session, team, made.round, far, third.person_id or 0, LATER)
    assert tasks[0].done_at == LATER


def test_detection_finds_referees_and_the_same_employer_but_not_shared_mail(world: Reviewing) -> None:
    team = world.actor(Role.COORDINATOR)
    same = world.actor(person=world.person("A", "a@lab.university.edu"))
    world.actor(person=world.person("B", "b@gmail.com"))
    applicant = world.person("C", "c@lab.university.edu")
    application = world.application(person=applicant)
    other = world.application(person=world.person("D", "d@gmail.com"))
    made = rounds.assign(world.session, team, world.round(), application, same.person_id or 0, NOW)
    assert detect(world.session, world.cohort.id, team, NOW) == 1
    assert detect(world.session, world.cohort.id, team, NOW) == 0
    found = world.session.scalars(sa.select(ConflictOfInterest)).one()
    assert (found.person_id, found.application_id, found.kind) == (
        same.person_id,
        application.id,
        ConflictKind.MAIL_DOMAIN,
    )
    assert made.state is AssignmentState.VOIDED
    assert other.id != found.application_id
