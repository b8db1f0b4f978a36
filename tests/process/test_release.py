"""What a release sends is what was shown before it, and whatever would have stopped the sealing stops the release."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.audit.models import AuditEvent
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import ReleaseBatch
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.people.models import Person
from matsapply.process import release as releasing
from matsapply.process.release_letters import preview
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    BatchState,
    CloseReason,
    Outcome,
    Role,
    TrackChoiceState,
)
from matsapply.tracking.models import StateChange
from tests.process.ranked import RECORDED, RELEASED, Ranked, S

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def submitted(ranked: Ranked, name: str, outcome: Outcome) -> Application:
    """Somebody before the first result with two tracks; the second is never advanced."""
    session, world = ranked.session, ranked.world
    application = world.applicant(name)
    application.state, application.score_count = ApplicationState.SUBMITTED, 9
    first = session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == application.id)).one()
    first.state = TrackChoiceState.CHOSEN
    second = TrackChoice(application_id=application.id, track_id=world.other_track.id, rank=2)
    session.add(second)
    world.entry(application, world.red, S.CHOSEN)
    session.flush()
    wanted = [(None, outcome)] if outcome is Outcome.INELIGIBLE else [(first, outcome), (second, Outcome.NOT_ADVANCE)]
    for choice, what in wanted:
        decisions.record_decision(
            session,
            ranked.first,
            role=Role.TRACK_LEAD,
            application=application,
            track_choice=choice,
            outcome=what,
            feedback=f"About {name}.",
            now=RECORDED,
        )
    return application


def sent(session: Session, kind: Mail) -> dict[int | None, tuple[str, str]]:
    rows = session.scalars(sa.select(Notification).where(Notification.kind == kind))
    return {row.person_id: (row.subject, row.body_text) for row in rows}


def shown(session: Session, batch: ReleaseBatch, applications: list[Application]) -> dict[int | None, tuple[str, str]]:
    made = preview(session, batch, [one.id for one in applications], RELEASED)
    people = {one.id: one.person_id for one in applications}
    return {people[one.application_id]: (one.subject, one.text) for one in made}


def test_the_first_result_is_sent_as_it_was_shown(session: Session) -> None:
    ranked = Ranked(session, 0)
    outcomes = (Outcome.ADVANCE, Outcome.NOT_ADVANCE, Outcome.INELIGIBLE)
    people = [submitted(ranked, f"P {outcome.value}", outcome) for outcome in outcomes]
    batch = ranked.batch(BatchScope.FIRST_RESULT)
    before = shown(session, batch, people)
    ranked.seal(batch)
    assert ranked.release(batch) == 3
    assert len(before) == 3
    assert sent(session, Mail.FIRST_RESULT) == before
    assert [one.close_reason for one in people] == [None, CloseReason.NOT_ADVANCED, CloseReason.INELIGIBLE]
    ranked.check()


def test_the_streams_results_are_sent_as_they_were_shown(session: Session) -> None:
    ranked = Ranked(session, 3)
    ranked.offer(ranked.entries[0])
    batch = ranked.decide(Outcome.OFFER, Outcome.WAITLIST, Outcome.NOT_SELECT)
    before = shown(session, batch, ranked.applications)
    ranked.seal(batch)
    assert ranked.release(batch) == 3
    assert len(before) == 3
    assert sent(session, Mail.DECISION) == before
    ranked.check()


def written(session: Session) -> list[list[tuple[object, ...]]]:
    """Everything that the steps of a release write, but for keys and counters."""
    log, told, now = AuditEvent, Notification, StateChange
    subject = sa.case((now.machine == "waitlist", 0), else_=now.subject_id)  # made by the release itself
    logged = sa.case((log.subject_type == "waitlist", 0), else_=log.subject_id)
    queries: list[sa.Select[Any]] = [
        sa.select(now.machine, subject, now.application_id, now.cohort_id, now.code, now.before, now.after, now.role,
                  now.actor_id, now.reason, now.at),
        sa.select(log.action, log.subject_type, logged, log.actor_id, log.actor_role, log.cohort_id, log.before,
                  log.after, log.reason, log.at),
        sa.select(told.kind, told.person_id, told.recipient, told.cause, told.subject, told.body_text, told.state),
        sa.select(Application.id, Application.state, Application.close_reason, Application.closed_at),
        sa.select(StreamApplication.id, StreamApplication.state, StreamApplication.rank, StreamApplication.exited_at),
        sa.select(TrackChoice.id, TrackChoice.state),
        sa.select(Offer.id, Offer.state, Offer.expires_at, Offer.batch_id),
        sa.select(WaitlistEntry.stream_application_id, WaitlistEntry.position, WaitlistEntry.state),
    ]  # fmt: skip
    return [sorted((tuple(row) for row in session.execute(query)), key=repr) for query in queries]


def test_steps_that_are_written_together_write_what_they_would_one_by_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = Ranked(session, 3)
    for outcome in (Outcome.ADVANCE, Outcome.NOT_ADVANCE, Outcome.INELIGIBLE):
        submitted(ranked, f"P {outcome.value}", outcome)
    first = ranked.batch(BatchScope.FIRST_RESULT)
    ranked.seal(first)
    ranked.offer(ranked.entries[0])
    streams = ranked.decide(Outcome.OFFER, Outcome.WAITLIST, Outcome.NOT_SELECT)
    session.flush()
    found = []
    for together in (True, False):
        kept = session.begin_nested()
        if not together:
            monkeypatch.setattr(releasing, "gathering", nullcontext)
        ranked.release(first)
        decisions.exclude(session, ranked.first, streams, key_of(session, "P advance"), "Later.", RECORDED)
        ranked.seal(streams)
        ranked.release(streams)
        found.append(written(session))
        kept.rollback()
        session.expire_all()
    assert found[0] == found[1]
    assert len(found[0][0]) > 15


def key_of(session: Session, name: str) -> int:
    return session.scalars(
        sa.select(Application.id).join(Person, Person.id == Application.person_id).where(Person.display_name == name)
    ).one()


def test_a_preview_names_nobody_who_has_left(session: Session) -> None:
    ranked = Ranked(session, 2)
    batch = ranked.decide(Outcome.NOT_SELECT, Outcome.NOT_SELECT)
    ranked.seal(batch)
    ranked.leave(0)
    assert list(shown(session, batch, ranked.applications)) == [ranked.applications[1].person_id]


def test_32_somebody_who_comes_into_scope_after_the_sealing_stops_the_release(session: Session) -> None:
    ranked = Ranked(session, 1)
    batch = ranked.decide(Outcome.NOT_SELECT)
    ranked.seal(batch)
    late = ranked.world.applicant("Late")
    ranked.world.entry(late, ranked.world.red, S.IN_REVIEW)
    with pytest.raises(Refused) as refused:
        ranked.release(batch)
    assert refused.value.refusal.code is Code.INCOMPLETE_BATCH


def test_a_conflict_found_after_the_sealing_stops_the_release(session: Session) -> None:
    ranked = Ranked(session, 1)
    batch = ranked.decide(Outcome.NOT_SELECT)
    ranked.seal(batch)
    person = ranked.first.person_id
    assert person is not None
    ranked.world.conflict(session.get_one(type(ranked.world.lead), person), ranked.applications[0])
    with pytest.raises(Refused) as refused:
        ranked.release(batch)
    assert refused.value.refusal.code is Code.CONFLICT


def test_RB3_a_second_release_of_the_same_batch_is_refused(session: Session) -> None:
    ranked = Ranked(session, 1)
    batch = ranked.decide(Outcome.NOT_SELECT)
    ranked.seal(batch)
    ranked.release(batch)
    with pytest.raises(Refused) as refused:
        ranked.release(batch)
    assert refused.value.refusal.code is Code.WRONG_STATE
    assert batch.state is BatchState.RELEASED
    assert len(sent(session, Mail.DECISION)) == 1
