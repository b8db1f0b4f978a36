"""A date that moves tells each holder of a draft or an open task once, and touches nothing already sent in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.applications.models import Application, Snapshot
from matsapply.cohorts import actions, editing
from matsapply.cohorts.date_changes import DateChange, DateRefused
from matsapply.cohorts.file_types import CohortFile, Moment
from matsapply.evaluations.models import EvaluationInvite
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.process import placement
from matsapply.process.key_dates import tell_holders
from matsapply.rules.access import Actor
from matsapply.rules.date_moves import MoveProblem
from matsapply.rules.stages import ApplicationState, CloseReason, EvaluationState, Outcome, StreamApplicationState
from tests.process.ranked import CO, RELEASED, Ranked
from tests.stream_world import DATES, World, at

NOW = at("2027-01-12 09:00")
DAY = timedelta(days=1)


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def told(session: Session) -> list[int]:
    rows = session.scalars(sa.select(Notification.person_id).where(Notification.kind == Mail.DEADLINE_MOVED))
    return sorted(person_id for person_id in rows if person_id is not None)


def in_state(world: World, state: ApplicationState) -> Application:
    application = world.applicant(f"A person in {state}")
    application.state = state
    if state is ApplicationState.DRAFT:
        application.snapshot_number = application.submitted_at = None
    if state is ApplicationState.CLOSED:
        application.close_reason, application.closed_at = CloseReason.WITHDRAWN, NOW
    world.session.flush()
    return application


def test_a_moved_deadline_is_told_to_drafts_and_submitted_ones_once(session: Session, world: World) -> None:
    draft, submitted = in_state(world, ApplicationState.DRAFT), in_state(world, ApplicationState.SUBMITTED)
    in_state(world, ApplicationState.CLOSED)
    world.applicant("In the streams")
    admin = world.actor(world.lead)
    before = session.execute(sa.select(Snapshot.id, Snapshot.digest, Snapshot.received_at).order_by(Snapshot.id)).all()
    states = session.execute(sa.select(Application.id, Application.state).order_by(Application.id)).all()
    later = at(DATES["T2"]) + DAY
    change = actions.set_key_date(
        session, admin, world.cohort, "T2", later, "", "a secret reason", False, NOW, tell=tell_holders
    )
    assert change is not None
    assert told(session) == sorted([draft.person_id, submitted.person_id])
    body = session.scalars(sa.select(Notification.body_text)).first()
    assert body is not None
    assert "secret" not in body  # the reason is for the log
    tell_holders(session, (change,), NOW)
    assert len(told(session)) == 2  # the same move, told again, tells nobody twice
    actions.set_key_date(session, admin, world.cohort, "T2", later + DAY, "", "", False, NOW + DAY, tell=tell_holders)
    assert len(told(session)) == 4  # another move is another message
    # invariant 7: nothing that was sent in has changed
    rows = session.execute(sa.select(Snapshot.id, Snapshot.digest, Snapshot.received_at).order_by(Snapshot.id)).all()
    assert rows == before
    assert session.execute(sa.select(Application.id, Application.state).order_by(Application.id)).all() == states


def test_a_date_that_only_staff_see_tells_no_applicant(session: Session, world: World) -> None:
    world.applicant()
    later = at(DATES["T12"]) + DAY
    admin = world.actor(world.lead)
    change = actions.set_key_date(session, admin, world.cohort, "T12", later, "", "", False, NOW, tell=tell_holders)
    assert change is not None
    assert told(session) == []


def test_a_streams_own_close_is_told_to_those_who_chose_it(session: Session, world: World) -> None:
    red, blue, left = (world.applicant(name) for name in ("Red", "Blue", "Left"))
    world.entry(red, world.red, StreamApplicationState.CHOSEN)
    world.entry(blue, world.blue, StreamApplicationState.CHOSEN)
    world.entry(left, world.red, StreamApplicationState.WITHDRAWN)
    admin = world.actor(world.lead)

    def close(text: str, **terms: Any) -> None:
        moment = Moment(at(text), f"{text} UTC")

        def change(file: CohortFile) -> CohortFile:
            entry = next(one for one in file.streams if one.key == "red")
            return editing.with_stream(file, replace(entry, closes=moment))

        editing.edit(session, admin, world.cohort.key, change, NOW, tell=tell_holders, **terms)

    close("2027-02-25 12:00", reason="agreed with the mentors", confirmed=True)
    assert told(session) == [red.person_id]
    close("2027-02-26 12:00")
    assert told(session) == [red.person_id] * 2


def test_a_tasks_due_date_is_told_to_those_who_have_not_handed_in(session: Session, world: World) -> None:
    people = {}
    for state in (EvaluationState.INVITED, EvaluationState.WAIVED, EvaluationState.EXPIRED):
        people[state] = world.applicant(f"Somebody {state}")
        session.add(EvaluationInvite(application_id=people[state].id, evaluation_id=world.shared.id, state=state))
    session.flush()
    due = world.shared.due_at
    assert due is not None
    move = DateChange(
        cohort_id=world.cohort.id,
        code=f"T9:{world.shared.key}",
        label="Evaluation due: Code screen",
        old=due,
        new=due + DAY,
        reopened=False,
        tells=True,
        cause="key_date:test",
    )
    tell_holders(session, (move,), NOW)
    assert told(session) == [people[EvaluationState.INVITED].person_id]


def test_43_the_waitlist_may_not_close_before_an_open_offer_ends(session: Session) -> None:
    """Neither by its page nor by a file; up to the offer's end it may move."""
    ranked = Ranked(session, 1)
    offer = ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER)
    ranked.seal(batch)
    ranked.release(batch)
    world, now = ranked.world, RELEASED + timedelta(hours=1)
    assert offer.expires_at == at(DATES["T14"])
    placement.extend_offer(session, ranked.first, offer, role=CO, until=at(DATES["T15"]) - 2 * DAY, now=now)

    def close(closing: datetime) -> None:
        actions.set_key_date(
            session, ranked.first, world.cohort, "T15", closing, "", "for a reason", True, now, tell=tell_holders
        )

    with (
        pytest.raises(DateRefused, match="T15 may not lie before 2027-05-13 12:00 UTC") as refused,
        session.begin_nested(),
    ):
        close(offer.expires_at - timedelta(minutes=1))
    assert refused.value.refusal.problem is MoveProblem.OPEN_OFFERS
    ranked.check()
    close(offer.expires_at)
    placement.decline_offer(session, Actor(offer.person_id), offer, now=now)
    close(at("2027-05-06 12:00"))
    ranked.check()
