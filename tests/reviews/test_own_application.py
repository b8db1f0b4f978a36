"""Somebody who reads or decides in a cohort and applies to it as well: their own application is not theirs to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TrackChoice
from matsapply.decisions.actions import record_decision
from matsapply.reviews import planning, queries, rounds
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import Outcome, Role
from tests.reviews.builders import NOW, Reviewing

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = planning.Options(2, True, 0, 5, 1, 0, 1, True)


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(Refused) as error:
        act()
    return error.value.refusal.code


def test_nobody_is_given_reads_or_decides_on_their_own_application(world: Reviewing) -> None:
    session, person = world.session, world.person("Zephyrine Quux")
    reader, other, team = world.actor(person=person), world.actor(), world.actor(Role.COORDINATOR)
    own, round_ = world.application(person=person), world.round()
    inputs = planning.gather(session, world.cohort.id, NOW)
    plan = planning.work_out(inputs, OPTIONS)
    assert plan["added"] == [[own.id, other.person_id]]
    assert [key for key, *_ in plan["unplaced"]] == [own.id]

    pair = (own.id, person.id)
    assert refused(lambda: rounds.apply_plan(session, team, round_, [pair], NOW)) is Code.CONFLICT
    assert refused(lambda: rounds.assign(session, team, round_, own, person.id, NOW)) is Code.CONFLICT

    # One that was given before anybody knew is not there.
    given = ReviewAssignment(
        round_id=round_.id, reviewer_id=person.id, application_id=own.id, target_key=rounds.target_key(own.id)
    )
    session.add(given)
    session.flush()
    assert queries.own_assignment(session, reader, given.public_id) is None
    assert queries.queue(session, reader).rows == ()

    choice = session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == own.id)).one()
    lead = world.actor(Role.TRACK_LEAD, person=person)
    assert (
        refused(
            lambda: record_decision(
                session, lead, role=Role.TRACK_LEAD, application=own, outcome=Outcome.ADVANCE, now=NOW,
                track_choice=choice,
            )
        )
        is Code.CONFLICT
    )  # fmt: skip
