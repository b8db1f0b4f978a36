"""Rankings: versions, ties, the lock and what a withdrawal does (S8, invariant 45, E35, E36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import StreamApplication, TeamTask
from matsapply.offers.models import StreamRanking
from matsapply.offers.ranking import close_gap, current_ranking, save_ranking
from matsapply.process.stream_round import lock_due_rankings, lock_ranking, take_in
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import Role, StreamApplicationState
from tests.stream_world import DURING_INTERVIEWS, World, at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

LOCK = at("2027-04-14 17:00")
LEAD = Role.STREAM_LEAD


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def refused(code: Code) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, check=lambda error: error.refusal.code is code)


def three(world: World) -> list[StreamApplication]:
    return [world.entry(world.applicant(name), world.red) for name in ("One", "Two", "Three")]


def save(world: World, entries: Sequence[StreamApplication], based_on: int = 0, **more: object) -> None:
    save_ranking(
        world.session,
        world.actor(world.lead),
        world.red.id,
        [entry.id for entry in entries],
        based_on=based_on,
        now=DURING_INTERVIEWS,
        **more,  # type: ignore[arg-type]
    )


def test_each_save_is_a_version_and_the_same_order_is_none(world: World) -> None:
    one, two, _ = entries = three(world)
    save(world, entries)
    save(world, entries, based_on=1)
    assert current_ranking(world.session, world.red.id).number == 1
    save(world, [two, one], based_on=1)
    present = current_ranking(world.session, world.red.id)
    assert (present.number, present.order) == (2, [two.id, one.id])
    assert world.session.scalar(sa.select(sa.func.count()).select_from(StreamRanking)) == 2


def test_two_who_rank_at_once_do_not_overwrite_each_other(world: World) -> None:
    one, two, _ = entries = three(world)
    save(world, entries)
    save(world, [two, one], based_on=1)
    with refused(Code.WRONG_STATE):
        save(world, [one, two], based_on=1)


def test_invariant_45_only_candidates_of_the_stream(world: World) -> None:
    stranger = world.entry(world.applicant("Blue only"), world.blue)
    with refused(Code.WRONG_STATE):
        save(world, [*three(world), stranger])


@pytest.mark.parametrize("already_ranked", [True, False])
def test_invariant_45_nobody_in_conflict_with_the_ranker(world: World, already_ranked: bool) -> None:
    one, two, three_ = entries = three(world)
    if already_ranked:
        save(world, entries)
    world.conflict(world.lead, one.application)
    with refused(Code.CONFLICT):
        save(world, [three_, two] if already_ranked else entries, based_on=int(already_ranked))
    if already_ranked:
        with refused(Code.CONFLICT):
            lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, DURING_INTERVIEWS)


def test_S8_the_lock_assesses_whoever_is_ranked_and_nobody_else(world: World) -> None:
    one, two, left_out = three(world)
    save(world, [one, two])
    locked = lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, LOCK)
    assert locked.locked_at == LOCK
    assert {one.state, two.state} == {StreamApplicationState.ASSESSED}
    assert left_out.state is StreamApplicationState.IN_REVIEW
    with refused(Code.CLOSED):
        save(world, [two, one], based_on=locked.number)


def test_S8_not_after_T12_and_not_while_a_task_runs(world: World) -> None:
    entries = three(world)
    save(world, entries)
    with refused(Code.CLOSED):
        lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, at("2027-04-14 17:01"))
    entries[0].state = StreamApplicationState.EVALUATING
    world.session.flush()
    with refused(Code.NOT_FINISHED):
        lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, LOCK)


def test_E36_tiers_while_open_and_no_ties_at_the_lock(world: World) -> None:
    one, two, last = entries = three(world)
    save(world, entries, tiers={one.id: 1, two.id: 1, last.id: 2})
    with refused(Code.TIES):
        lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, DURING_INTERVIEWS)
    save(world, entries, based_on=1, tiers={})
    locked = lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, DURING_INTERVIEWS)
    assert [place.position for place in locked.places] == [1, 2, 3]
    assert not locked.has_ties


def test_E35_a_withdrawal_closes_the_gap_and_keeps_the_lock(world: World) -> None:
    one, two, last = entries = three(world)
    save(world, entries)
    before = lock_ranking(world.session, world.actor(world.lead), world.red, LEAD, DURING_INTERVIEWS)
    two.state = StreamApplicationState.WITHDRAWN
    close_gap(world.session, two, LOCK)
    after = current_ranking(world.session, world.red.id)
    assert after.number == before.number + 1
    assert after.locked_at == before.locked_at
    assert [(p.stream_application_id, p.position) for p in after.places] == [(one.id, 1), (last.id, 2)]
    close_gap(world.session, two, LOCK)
    assert current_ranking(world.session, world.red.id).number == after.number


def test_at_T12_the_system_locks_what_is_strict_and_asks_about_ties_once(world: World) -> None:
    entries = three(world)
    save(world, entries)
    blue = [world.entry(entry.application, world.blue) for entry in entries[:2]]
    save_ranking(
        world.session,
        world.actor(world.blue_lead),
        world.blue.id,
        [entry.id for entry in blue],
        based_on=0,
        now=DURING_INTERVIEWS,
        tiers={entry.id: 1 for entry in blue},
    )
    assert lock_due_rankings(world.session, world.cohort.id, at("2027-04-14 16:59")) == 0
    assert lock_due_rankings(world.session, world.cohort.id, LOCK) == 1
    assert lock_due_rankings(world.session, world.cohort.id, LOCK) == 0
    assert current_ranking(world.session, world.red.id).locked_at == LOCK
    assert current_ranking(world.session, world.blue.id).locked_at is None
    assert world.session.scalar(sa.select(sa.func.count()).select_from(TeamTask)) == 1


def test_S4_when_the_choice_is_over(world: World) -> None:
    entry = world.entry(world.applicant(), world.red, StreamApplicationState.APPLIED)
    early = world.stream("early", closes_at=at("2027-02-15 12:00"))
    other = world.entry(world.applicant("Early"), early, StreamApplicationState.APPLIED)
    assert take_in(world.session, world.cohort.id, at("2027-02-15 12:00")) == 1
    assert other.state is StreamApplicationState.IN_REVIEW
    assert take_in(world.session, world.cohort.id, at("2027-02-23 11:59")) == 0
    assert take_in(world.session, world.cohort.id, at("2027-02-23 12:00")) == 1
    assert entry.state is StreamApplicationState.IN_REVIEW
