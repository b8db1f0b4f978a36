"""What a conflict of interest does beyond the readings (E13, E14), and what the data shows by itself (E32, E34)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Reference, StreamApplication, TeamTask, TrackChoice
from matsapply.cohorts.models import Cohort, Mentor, Stream
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.offers.models import Fellowship
from matsapply.process import conflicts
from matsapply.process.detection import detect, detect_what_changed
from matsapply.process.release import seal
from matsapply.reviews import actions, rounds
from matsapply.reviews.actions import Entered
from matsapply.reviews.aggregates import recompute_check
from matsapply.reviews.models import ConflictOfInterest, Review
from matsapply.rules.access import SYSTEM
from matsapply.rules.names import folded
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.showcase import PaperRole
from matsapply.rules.stages import (
    AssignmentState,
    BatchScope,
    BatchState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    FellowshipState,
    Outcome,
    Role,
    Scope,
    StreamApplicationState,
)
from matsapply.showcase.models import Fellow, Paper, PaperPerson
from tests.reviews.builders import CRITERIA, NOW, Reviewing, reviewing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.rules.access import Actor

LATER = NOW + timedelta(days=1)


@pytest.fixture
def world(session: Session) -> Reviewing:
    return reviewing(session)


def read(world: Reviewing, application: Application, score: int) -> Actor:
    """A finished reading; the round wants two readers."""
    reader, team = world.actor(), world.actor(Role.COORDINATOR)
    made = rounds.assign(world.session, team, world.round(), application, reader.person_id or 0, NOW)
    actions.submit_review(world.session, reader, made, Entered(scores=dict.fromkeys(CRITERIA, score)), NOW)
    return reader


def decided(world: Reviewing, application: Application, lead: Actor, outcome: Outcome) -> Decision:
    choice = world.session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == application.id)).one()
    return decisions.record_decision(
        world.session,
        lead,
        role=Role.TRACK_LEAD,
        application=application,
        outcome=outcome,
        now=NOW,
        track_choice=choice,
    )


def tasks(world: Reviewing) -> list[str]:
    return sorted(world.session.scalars(sa.select(TeamTask.kind).where(TeamTask.done_at.is_(None))))


def found(world: Reviewing) -> list[tuple[int, int, ConflictKind, ConflictState]]:
    rows = world.session.scalars(sa.select(ConflictOfInterest).order_by(ConflictOfInterest.id))
    return [(row.person_id, row.application_id, row.kind, row.state) for row in rows]


def test_whoever_names_themselves_as_a_referee_stops_nothing(world: Reviewing) -> None:
    person = world.person("Zephyrine Quux", "own@site.example-school.edu")
    world.grant(person, Role.REVIEWER)
    own, other = world.application(person=person), world.application()
    for application in (own, other):
        world.session.add(
            Reference(
                application_id=application.id, position=1, name="Zephyrine Quux", email="own@site.example-school.edu"
            )
        )
    world.session.flush()
    assert detect_what_changed(world.session, world.cohort.id, SYSTEM, NOW) == 1
    assert found(world) == [(person.id, other.id, ConflictKind.REFEREE, ConflictState.ACTIVE)]


def test_E13_a_conflict_after_the_decision_puts_it_in_doubt_until_it_is_taken_again(world: Reviewing) -> None:
    session, application = world.session, world.application()
    lead, team = world.actor(Role.TRACK_LEAD), world.actor(Role.COORDINATOR)
    reader, _ = read(world, application, 2), read(world, application, 1)
    decision = decided(world, application, lead, Outcome.NOT_ADVANCE)
    batch = ReleaseBatch(cohort_id=world.cohort.id, scope=BatchScope.FIRST_RESULT, label="First", member_count=1)
    session.add(batch)
    session.flush()
    decision.batch_id = batch.id
    conflicts.declare(
        session, team, person_id=reader.person_id or 0, application=application, kind=ConflictKind.COLLEAGUE, now=LATER
    )
    review = session.scalars(sa.select(Review).order_by(Review.id)).first()
    assert review is not None
    assert review.voided_at == LATER, "kept, and marked"
    assert (application.score_count, application.score_mean) == (1, 1)
    assert recompute_check(session, world.cohort.id) == []
    assert decision.doubted_at == LATER
    assert tasks(world) == ["confirm_decision", "new_reader"]
    with pytest.raises(Refused) as refused:
        seal(session, team, batch, role=Role.COORDINATOR, now=LATER)
    assert refused.value.refusal.code is Code.CONFLICT
    # A refusal needs its number of readers again (invariant 26) before it can be taken once more.
    with pytest.raises(Refused) as refused:
        decisions.take_again(session, lead, Role.TRACK_LEAD, decision, LATER)
    assert refused.value.refusal.code is Code.NOT_FINISHED
    read(world, application, 1)
    assert "new_reader" not in tasks(world), "done with the new assignment"
    again = decisions.take_again(session, lead, Role.TRACK_LEAD, decision, LATER)
    assert (again.outcome, again.doubted_at) == (Outcome.NOT_ADVANCE, None)
    assert decision.superseded_at == LATER
    assert decisions.doubted(session, batch) == 0


def test_E13_what_was_taken_by_the_conflicted_is_not_taken_again_by_them(world: Reviewing) -> None:
    session, application = world.session, world.application()
    lead, team = world.actor(Role.TRACK_LEAD), world.actor(Role.COORDINATOR)
    other = world.application()
    decision, untouched = (decided(world, one, lead, Outcome.ADVANCE) for one in (application, other))
    conflicts.declare(
        session, team, person_id=lead.person_id or 0, application=application, kind=ConflictKind.FAMILY, now=LATER
    )
    assert decision.doubted_at == LATER
    assert untouched.doubted_at is None
    with pytest.raises(Refused) as refused:
        decisions.take_again(session, lead, Role.TRACK_LEAD, decision, LATER)
    assert refused.value.refusal.code is Code.CONFLICT
    assert decisions.take_again(session, team, Role.COORDINATOR, decision, LATER).actor_id == team.person_id


def test_E13_after_the_release_it_is_a_case_for_a_coordinator(world: Reviewing) -> None:
    session, application = world.session, world.application()
    lead, team = world.actor(Role.TRACK_LEAD), world.actor(Role.COORDINATOR)
    reader = read(world, application, 5)
    decision = decided(world, application, lead, Outcome.ADVANCE)
    batch = ReleaseBatch(
        cohort_id=world.cohort.id, scope=BatchScope.FIRST_RESULT, label="First", member_count=1,
        state=BatchState.RELEASED, sealed_at=NOW, released_at=NOW, released_by_id=team.person_id,
    )  # fmt: skip
    session.add(batch)
    session.flush()
    decision.batch_id = batch.id
    for _ in range(2):  # and only once
        conflicts.declare(
            session,
            team,
            person_id=reader.person_id or 0,
            application=application,
            kind=ConflictKind.ADVISOR,
            now=LATER,
        )
        read(world, application, 4)
    assert decision.doubted_at is None, "a released fact is never un-released"
    assert tasks(world) == ["conflict_after_release"]


def test_E14_the_only_mentor_has_a_conflict(world: Reviewing) -> None:
    session, application, team = world.session, world.application(), world.actor(Role.COORDINATOR)
    stream = Stream(cohort_id=world.cohort.id, key="red", name="Red stream")
    session.add(stream)
    session.flush()
    session.add(
        StreamApplication(application_id=application.id, stream_id=stream.id, state=StreamApplicationState.APPLIED)
    )
    one, other = world.person(), world.person()
    for position, person in enumerate((one, other), 1):
        world.grant(person, Role.MENTOR, Scope.STREAM, stream.id)
        session.add(Mentor(stream_id=stream.id, person_id=person.id, name=person.display_name, position=position))
    session.flush()
    for person, expected in ((one, []), (other, ["nobody_assesses"])):
        conflicts.declare(
            session, team, person_id=person.id, application=application, kind=ConflictKind.FAMILY, now=LATER
        )
        assert tasks(world) == expected


def test_a_proposal_hides_nothing_until_it_is_confirmed(world: Reviewing) -> None:
    session, application, team = world.session, world.application(), world.actor(Role.COORDINATOR)
    reader = world.actor(person=world.person("Ada Quill"))
    made = rounds.assign(session, team, world.round(), application, reader.person_id or 0, NOW)
    session.add(Reference(application_id=application.id, position=1, name="ADA  Quill", email="a@elsewhere.example"))
    session.flush()
    assert detect(session, world.cohort.id, SYSTEM, NOW) == 1
    proposed = session.scalars(sa.select(ConflictOfInterest)).one()
    assert (proposed.kind, proposed.state, proposed.source) == (
        ConflictKind.REFEREE, ConflictState.PROPOSED, ConflictSource.DETECTED,
    )  # fmt: skip
    assert "same name" in proposed.basis
    assert made.state is AssignmentState.ASSIGNED
    conflicts.confirm(session, team, proposed, LATER)
    assert (proposed.state, proposed.decided_by_id, proposed.decided_at) == (
        ConflictState.ACTIVE,
        team.person_id,
        LATER,
    )
    assert made.state is AssignmentState.VOIDED
    assert tasks(world) == ["new_reader"]
    with pytest.raises(Refused):
        conflicts.confirm(session, team, proposed, LATER)


def test_E34_papers_earlier_mentors_and_names_given_by_the_applicant(world: Reviewing) -> None:
    session = world.session
    linked, named = world.person("Lin Linked"), world.person("Noa Named")
    applicant = world.person("Cai Coauthor")
    application = world.application(person=applicant, conflicts="I studied with Noa  NAMED, and know of Mo.")
    for person in (linked, named, world.person("Mo")):
        world.actor(person=person)
    paper = Paper(slug="p", title="A paper", published=date(2025, 5, 1), topic="interpretability")
    earlier = Cohort(program_id=world.cohort.program_id, key="2026-06", label="Summer 2026")
    session.add_all([paper, earlier])
    session.flush()
    for position, person in enumerate((linked, applicant), 1):
        fellow = Fellow(slug=f"f{position}", name=person.display_name, person_id=person.id)
        session.add(fellow)
        session.flush()
        session.add(
            PaperPerson(
                paper_id=paper.id, role=PaperRole.FELLOW, position=position, name=person.display_name,
                folded_name=folded(person.display_name), fellow_id=fellow.id,
            )
        )  # fmt: skip
    session.add(
        PaperPerson(
            paper_id=paper.id, role=PaperRole.AUTHOR, position=1, name="Noa Named", folded_name=folded("Noa Named")
        )
    )
    stream = Stream(cohort_id=earlier.id, key="old", name="Old stream")
    session.add(stream)
    session.flush()
    session.add(Mentor(stream_id=stream.id, person_id=linked.id, name="Lin", position=1))
    session.add(
        Fellowship(person_id=applicant.id, cohort_id=earlier.id, stream_id=stream.id, state=FellowshipState.PLACED)
    )
    session.flush()
    assert detect_what_changed(session, world.cohort.id, SYSTEM, NOW) == 1
    assert sorted(found(world)) == sorted(
        [
            (linked.id, application.id, ConflictKind.COAUTHOR, ConflictState.ACTIVE),
            (linked.id, application.id, ConflictKind.EARLIER_MENTOR, ConflictState.ACTIVE),
            (named.id, application.id, ConflictKind.COAUTHOR, ConflictState.PROPOSED),
            (named.id, application.id, ConflictKind.COLLEAGUE, ConflictState.PROPOSED),
        ]
    )
    # Looked through again only when something has changed; what was dismissed stays so.
    assert detect_what_changed(session, world.cohort.id, SYSTEM, LATER) == 0
    guess = session.scalars(
        sa.select(ConflictOfInterest).where(ConflictOfInterest.kind == ConflictKind.COLLEAGUE)
    ).one()
    team = world.actor(Role.COORDINATOR)
    conflicts.conflicts.dismiss(session, team, guess, "another person of that name", LATER)
    world.application()
    assert detect_what_changed(session, world.cohort.id, SYSTEM, LATER) == 1
    assert len(found(world)) == 4
    assert guess.state is ConflictState.DISMISSED


def test_a_cohort_names_the_sources_it_looks_at(world: Reviewing) -> None:
    world.cohort.policies = {"review": {"conflict_sources": ["referee"]}}
    world.actor(person=world.person("A", "a@lab.university.edu"))
    world.application(person=world.person("C", "c@lab.university.edu"))
    assert detect(world.session, world.cohort.id, SYSTEM, NOW) == 0
    world.cohort.policies = {}
    assert detect(world.session, world.cohort.id, SYSTEM, NOW) == 1
