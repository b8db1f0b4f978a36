"""Whose turn it is: readers who ask for one more at one instant, and which application they get."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.applications.models import TeamTask
from matsapply.people.models import RoleGrant
from matsapply.platform.db import configure_engine
from matsapply.reviews import actions, planning, rounds
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment
from matsapply.reviews.rounds import THIRD_READER
from matsapply.reviews.terms import terms_of
from matsapply.reviews.turns import claim, waits
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import AssignmentState, ConflictKind, ConflictSource, ConflictState, Role
from tests.reviews.builders import NOW, reviewing

if TYPE_CHECKING:
    from matsapply.rules.access import Actor
    from tests.reviews.builders import Reviewing

MANY = 8


def test_the_plan_chooses_and_a_press_more_is_no_claim_more(world: Reviewing) -> None:
    session, team = world.session, world.actor(Role.COORDINATOR)
    me, others, round_ = world.actor(), [world.actor() for _ in range(3)], world.round()
    far, half, mine_once, in_conflict, whole = (world.application() for _ in range(5))
    for application, readers in ((far, 2), (half, 1), (mine_once, 0), (whole, 2)):
        for other in others[:readers]:
            rounds.assign(session, team, round_, application, other.person_id or 0, NOW)
    session.add(TeamTask(cohort_id=world.cohort.id, application_id=far.id, kind=THIRD_READER, text="far apart"))
    given_back = rounds.assign(session, team, round_, mine_once, me.person_id or 0, NOW)
    given_back.state = AssignmentState.RETURNED
    conflict = {"person_id": me.person_id, "application_id": in_conflict.id, "kind": ConflictKind.OTHER}
    session.add(ConflictOfInterest(**conflict, source=ConflictSource.DECLARED))
    session.flush()
    assert waits(session, me)
    # First the third reader that was asked for, then what few have; never a conflict, or what was given back before.
    wanted = []
    while (found := claim(session, me, NOW)) is not None:
        assert claim(session, me, NOW) == found, "whoever has an open one gets that one"
        assignment = session.scalars(sa.select(ReviewAssignment).where(ReviewAssignment.public_id == found)).one()
        wanted.append(assignment.application_id)
        assignment.state = AssignmentState.SUBMITTED
        session.flush()
    assert wanted == [far.id, half.id]
    assert not waits(session, me)
    assert session.scalars(sa.select(TeamTask.done_by_id)).all() == [me.person_id]


def test_a_claim_keeps_to_what_is_proposed_and_to_who_has_left(world: Reviewing) -> None:
    session, me, application = world.session, world.actor(), world.application()
    world.round()
    assert waits(session, me)
    guess = ConflictOfInterest(
        person_id=me.person_id, application_id=application.id, kind=ConflictKind.OTHER,
        source=ConflictSource.DETECTED, state=ConflictState.PROPOSED,
    )  # fmt: skip
    session.add(guess)
    session.flush()
    assert claim(session, me, NOW) is None, "nobody has looked at the guess yet"
    guess.state = ConflictState.DISMISSED
    terms = terms_of(session, world.cohort.id, me.person_id or 0)
    terms.left_at = NOW
    session.flush()
    assert claim(session, me, NOW) is None, "whoever has left is given nothing"
    terms.left_at = None
    session.flush()
    assert claim(session, me, NOW) is not None


def test_a_reading_begun_by_somebody_who_reads_no_more_is_given_to_another(world: Reviewing) -> None:
    session, application = world.session, world.application()
    gone, other, team = world.actor(), world.actor(), world.actor(Role.COORDINATOR)
    begun = rounds.assign(session, team, world.round(), application, gone.person_id or 0, NOW)
    actions.start(session, gone, begun, NOW)
    grants = sa.select(RoleGrant).where(RoleGrant.person_id == gone.person_id)
    session.scalars(grants).one().ends_at = NOW
    session.flush()
    options = planning.Options(1, False, 0, 5, 1, 0, 1, True)
    plan = planning.work_out(planning.gather(session, world.cohort.id, NOW), options)
    assert plan["added"] == [[application.id, other.person_id]]


def test_a_claim_keeps_to_the_cap_and_to_the_reach_of_the_role(world: Reviewing) -> None:
    me, nobody = world.actor(), world.actor(Role.MENTOR)
    world.application(), world.round()
    assert not waits(world.session, nobody)
    assert claim(world.session, nobody, NOW) is None
    world.cohort.policies = {"review": {"max_active_per_reader": 0}}
    world.session.flush()
    with pytest.raises(Refused) as refused:
        claim(world.session, me, NOW)
    assert refused.value.refusal.code is Code.CAP_REACHED


def test_many_ask_for_one_more_at_one_instant(live_database: str) -> None:
    engine = sa.create_engine(live_database, poolclass=sa.NullPool)
    configure_engine(engine)
    with Session(engine, expire_on_commit=False) as session:
        world = reviewing(session)
        round_ = world.round()
        round_.readers = 1
        readers = [world.actor() for _ in range(MANY)]
        first = world.application().id
        free = {first, *(world.application().id for _ in range(2))}
        session.commit()
    start, got, errors = threading.Barrier(2 * MANY), list[tuple[int, str]](), list[BaseException]()

    def press(reader: Actor) -> None:
        try:
            with Session(engine) as session:
                start.wait()
                found = claim(session, reader, NOW)
                session.commit()
                if found:
                    got.append((reader.person_id or 0, found))
        except BaseException as error:
            errors.append(error)

    # Each of them presses twice.
    threads = [threading.Thread(target=press, args=(reader,)) for reader in (*readers, *readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    with Session(engine) as session:
        rows = session.execute(sa.select(ReviewAssignment.application_id, ReviewAssignment.reviewer_id)).all()
    engine.dispose()
    assert {application for application, _ in rows} <= free
    assert max(Counter(application for application, _ in rows).values()) == 1, "no place is given twice"
    assert max(Counter(reader for _, reader in rows).values()) == 1, "a double press is one claim"
    assert 1 <= len(rows) <= len(free)
    assert {reader for reader, _ in got} == {reader for _, reader in rows}
