"""Somebody takes a withdrawal back while everybody else has moved on: S21, A9u and what they find."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TrackChoice
from matsapply.decisions import actions as decisions
from matsapply.evaluations.models import EvaluationInvite
from matsapply.evaluations.upkeep import expire_tasks, extend
from matsapply.offers.ranking import current_ranking
from matsapply.process import placement, release, withdraw
from matsapply.process.due import run_due
from matsapply.process.stream_round import invite_to_task, lock_ranking, offer_interview
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    CloseReason,
    EvaluationState,
    ExtensionReason,
    Outcome,
    Role,
    StreamChoiceMoment,
    StreamState,
    TrackChoiceState,
)
from tests.process.ranked import CO, LATER, RECORDED, RELEASED, Ranked, S
from tests.stream_world import DURING_INTERVIEWS, DURING_TASKS, TASKS_DUE, at

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application, StreamApplication


def back(ranked: Ranked, entry: StreamApplication, now: datetime = RECORDED) -> None:
    application = next(one for one in ranked.applications if one.id == entry.application_id)
    withdraw.undo_stream_withdrawal(ranked.session, Actor(application.person_id), entry, now=now)


def order(ranked: Ranked) -> list[int]:
    return current_ranking(ranked.session, ranked.world.red.id).order


def test_S21_gives_the_place_in_the_ranking_back(session: Session) -> None:
    """E35 the other way round: the gap that was closed opens again, and the lock stays."""
    ranked = Ranked(session, 4)
    before = order(ranked)
    ranked.leave(1)
    ranked.leave(2)
    back(ranked, ranked.entries[2])
    assert order(ranked) == [before[0], before[2], before[3]]
    back(ranked, ranked.entries[1])
    assert order(ranked) == before
    assert current_ranking(session, ranked.world.red.id).locked_at == RECORDED
    ranked.check()


def test_A9u_gives_the_place_in_the_ranking_back(session: Session) -> None:
    ranked = Ranked(session, 3)
    before, application = order(ranked), ranked.applications[0]
    actor = Actor(application.person_id)
    withdraw.withdraw_application(session, actor, application, role=Role.APPLICANT, now=RECORDED)
    assert order(ranked) == before[1:]
    withdraw.undo_withdrawal(session, actor, application, role=Role.APPLICANT, now=RECORDED)
    assert order(ranked) == before
    ranked.check()


def test_S21_after_the_lock_stands_in_the_ranking_and_is_assessed(session: Session) -> None:
    """Whoever was away while the ranking was locked has lost nothing."""
    ranked = Ranked(session, 0)
    world = ranked.world
    ranked.applications = [world.applicant(name) for name in ("Ada", "Bo")]
    ranked.entries = [world.entry(one, world.red, S.IN_REVIEW) for one in ranked.applications]
    ranked.rank(2, None)
    session.execute(sa.text("UPDATE stream_ranking SET locked_at = NULL"))
    ranked.leave(0)
    lock_ranking(session, world.actor(world.lead), world.red, Role.STREAM_LEAD, at("2027-04-14 12:00"))
    back(ranked, ranked.entries[0])
    assert order(ranked) == [entry.id for entry in ranked.entries]
    assert [entry.state for entry in ranked.entries] == [S.ASSESSED, S.ASSESSED]


def undecided(ranked: Ranked, name: str) -> Application:
    """Somebody before the first result: submitted, one track chosen, one stream chosen."""
    application = ranked.world.applicant(name)
    application.state = ApplicationState.SUBMITTED
    choice = session_choice(ranked, application)
    choice.state = TrackChoiceState.CHOSEN
    ranked.applications.append(application)
    ranked.entries.append(ranked.world.entry(application, ranked.world.red, S.CHOSEN))
    ranked.session.flush()
    return application


def session_choice(ranked: Ranked, application: Application) -> TrackChoice:
    query = sa.select(TrackChoice).where(
        TrackChoice.application_id == application.id, TrackChoice.track_id == ranked.world.track.id
    )
    return ranked.session.scalars(query).one()


def first_result(ranked: Ranked, application: Application, *outcomes: tuple[TrackChoice, Outcome]) -> None:
    for choice, outcome in outcomes:
        decisions.record_decision(
            ranked.session,
            ranked.first,
            role=Role.TRACK_LEAD,
            application=application,
            track_choice=choice,
            outcome=outcome,
            now=RECORDED,
        )
    batch = ranked.batch(BatchScope.FIRST_RESULT)
    ranked.seal(batch)
    release.release(ranked.session, ranked.first, batch, role=CO, now=RECORDED)


def test_E27_S21_does_not_lead_into_a_track_that_was_not_advanced(session: Session) -> None:
    ranked = Ranked(session, 0)
    application = undecided(ranked, "Ada")
    application.score_count = 9
    other = TrackChoice(application_id=application.id, track_id=ranked.world.other_track.id, rank=2)
    session.add(other)
    session.flush()
    ranked.leave(0)
    own = session_choice(ranked, application)
    first_result(ranked, application, (own, Outcome.NOT_ADVANCE), (other, Outcome.ADVANCE))
    assert application.state is ApplicationState.IN_STREAMS
    with pytest.raises(Refused) as refused:
        back(ranked, ranked.entries[0])
    assert refused.value.refusal.code is Code.TRACK_NOT_ADVANCED
    assert ranked.entries[0].state is S.WITHDRAWN


@pytest.mark.parametrize("moment", list(StreamChoiceMoment))
def test_S21_after_the_first_result_is_applied_where_the_choice_is_final(
    session: Session, moment: StreamChoiceMoment
) -> None:
    """At ``RECORDED`` every window for choosing is over, and with ``at_general`` there never was a second one."""
    ranked = Ranked(session, 0)
    ranked.world.cohort.stream_choice = moment
    application = undecided(ranked, "Ada")
    ranked.leave(0)
    first_result(ranked, application, (session_choice(ranked, application), Outcome.ADVANCE))
    back(ranked, ranked.entries[0])
    assert ranked.entries[0].state is S.APPLIED
    ranked.check()


def test_S21_is_refused_in_a_track_that_was_dropped_from_the_choice(session: Session) -> None:
    ranked = Ranked(session, 0)
    application = undecided(ranked, "Ada")
    ranked.leave(0)
    session_choice(ranked, application).state = TrackChoiceState.WITHDRAWN
    with pytest.raises(Refused) as refused:
        back(ranked, ranked.entries[0])
    assert refused.value.refusal.code is Code.TRACK_NOT_CHOSEN


def test_S21_is_refused_where_the_stream_was_cancelled(session: Session) -> None:
    ranked = Ranked(session, 1)
    ranked.leave(0)
    ranked.world.red.state = StreamState.CANCELLED
    with pytest.raises(Refused) as refused:
        back(ranked, ranked.entries[0])
    assert refused.value.refusal.code is Code.STREAM_CLOSED


def test_A9u_ends_what_was_cancelled_meanwhile(session: Session) -> None:
    """S18 follows S21: the other streams come back, the cancelled one does not."""
    ranked = Ranked(session, 1)
    application = ranked.applications[0]
    blue = ranked.world.entry(application, ranked.world.blue, S.IN_REVIEW)
    actor = Actor(application.person_id)
    withdraw.withdraw_application(session, actor, application, role=Role.APPLICANT, now=RECORDED)
    ranked.world.red.state = StreamState.CANCELLED
    withdraw.undo_withdrawal(session, actor, application, role=Role.APPLICANT, now=RECORDED)
    assert [ranked.entries[0].state, blue.state] == [S.CANCELLED_BY_STREAM, S.IN_REVIEW]


def test_A9u_is_refused_where_no_stream_would_come_back(session: Session) -> None:
    """Closed at T13 for want of streams, left a day earlier: there is nothing to take back."""
    ranked = Ranked(session, 1)
    ranked.leave(0)
    while run_due(session, RELEASED):
        session.flush()
    application = ranked.applications[0]
    assert application.close_reason is CloseReason.WITHDRAWN
    with pytest.raises(Refused) as refused:
        withdraw.undo_withdrawal(session, Actor(application.person_id), application, role=Role.APPLICANT, now=LATER)
    assert refused.value.refusal.code is Code.UNDO_TOO_LATE


def task_of(session: Session, ranked: Ranked) -> tuple[Application, StreamApplication, EvaluationInvite]:
    application = ranked.world.applicant("Ada")
    entry = ranked.world.entry(application, ranked.world.red, S.IN_REVIEW)
    lead = ranked.world.actor(ranked.world.lead)
    task = invite_to_task(session, lead, entry, ranked.world.own, Role.STREAM_LEAD, DURING_TASKS)
    return application, entry, task


def test_V5x_opens_a_task_that_was_never_begun(session: Session) -> None:
    ranked = Ranked(session, 0)
    _, _, task = task_of(session, ranked)
    assert expire_tasks(session, TASKS_DUE) == 1
    later = TASKS_DUE + timedelta(days=2)
    extend(session, ranked.first, CO, task, later, ExtensionReason.OTHER, TASKS_DUE, reason="An illness.")
    assert task.state is EvaluationState.INVITED
    ranked.check()


def test_V5x_is_refused_once_the_application_is_closed(session: Session) -> None:
    """12: a closed application has no open task."""
    ranked = Ranked(session, 0)
    application, _, task = task_of(session, ranked)
    expire_tasks(session, TASKS_DUE)
    withdraw.withdraw_application(
        session, Actor(application.person_id), application, role=Role.APPLICANT, now=TASKS_DUE
    )
    later = TASKS_DUE + timedelta(days=2)
    with pytest.raises(Refused) as refused:
        extend(session, ranked.first, CO, task, later, ExtensionReason.OTHER, TASKS_DUE, reason="An illness.")
    assert refused.value.refusal.code is Code.WRONG_STATE


def test_V7u_a_reopened_task_comes_back_with_its_stream(session: Session) -> None:
    """The extension left the stream application in review with a task open: leaving and returning keeps the task."""
    ranked = Ranked(session, 0)
    application, entry, task = task_of(session, ranked)
    ranked.world.entry(application, ranked.world.blue, S.IN_REVIEW)
    expire_tasks(session, TASKS_DUE)
    assert entry.state is S.IN_REVIEW
    later = TASKS_DUE + timedelta(days=2)
    extend(session, ranked.first, CO, task, later, ExtensionReason.OTHER, TASKS_DUE, reason="An illness.")
    actor = Actor(application.person_id)
    withdraw.withdraw_stream(session, actor, entry, now=TASKS_DUE)
    assert task.state is EvaluationState.WITHDRAWN
    withdraw.undo_stream_withdrawal(session, actor, entry, now=TASKS_DUE)
    assert task.state is EvaluationState.INVITED
    ranked.check()


def test_A9u_of_a_placed_application_opens_no_task(session: Session) -> None:
    ranked = Ranked(session, 1)
    offer = ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER)
    ranked.seal(batch)
    ranked.release(batch)
    application = ranked.applications[0]
    actor = Actor(application.person_id)
    placement.accept_offer(session, actor, offer, now=LATER, eligibility_confirmed=True)
    withdraw.withdraw_application(session, actor, application, role=Role.APPLICANT, now=LATER)
    withdraw.undo_withdrawal(session, actor, application, role=Role.APPLICANT, now=LATER)
    assert application.close_reason is CloseReason.PLACED
    ranked.check()


def test_S21_without_its_interview_goes_back_to_review(session: Session) -> None:
    ranked = Ranked(session, 0)
    application = ranked.world.applicant("Ada")
    entry = ranked.world.entry(application, ranked.world.red, S.IN_REVIEW)
    lead = ranked.world.actor(ranked.world.lead)
    offer_interview(session, lead, entry, Role.STREAM_LEAD, DURING_INTERVIEWS)
    actor = Actor(application.person_id)
    withdraw.withdraw_stream(session, actor, entry, now=DURING_INTERVIEWS)
    withdraw.undo_stream_withdrawal(session, actor, entry, now=DURING_INTERVIEWS)
    assert entry.state is S.IN_REVIEW
    ranked.check()
