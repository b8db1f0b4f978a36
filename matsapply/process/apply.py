"""Beginning an application and handing it in: each is one transaction, however often its button is pressed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications import answers as drafts
from matsapply.applications.choices import apply_streams, sync_tracks, within_tracks
from matsapply.applications.editing import Editing, editing
from matsapply.applications.facts import facts_of, has_other_live, letter_to, place_of
from matsapply.applications.forms import form_by_key
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, Snapshot
from matsapply.applications.queries import Work, work
from matsapply.applications.references import request_references
from matsapply.applications.reuse import earlier_answers
from matsapply.cohorts.forms import published_form
from matsapply.people.models import Account, Person
from matsapply.rules.answers import applies, digest, is_empty
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, QuestionType, ReferenceTiming, Role, StreamChoiceMoment
from matsapply.tracking.actions import advance, begin

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.applications.forms import Form
    from matsapply.rules.access import Actor

_NOT_IN_SNAPSHOTS = frozenset(
    {
        QuestionType.FILE,  # listed by what identifies the bytes, see _content
        QuestionType.REFEREES,
        QuestionType.SEPARATE_STORE,
        QuestionType.TRACK_RANK,
        QuestionType.STREAM_INTEREST,
    }
)


def start(session: Session, actor: Actor, *, cohort_id: int, now: datetime, reuse: bool = False) -> Application:
    """A1: an empty application, filled in with what is known; ``reuse`` adds the answers of the person's last one.

    Raises ``Refused``: NOT_OPEN_YET, CLOSED, COHORT_NOT_PUBLISHED, LIVE_APPLICATION_EXISTS, WRONG_ROLE (nobody).
    """
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    form = published_form(session, cohort_id)
    if form is None:
        raise refuse(Code.NOT_OPEN_YET)
    # The person is locked, there being no application yet: two tabs that begin at once begin one.
    erased = sa.select(Person.erased_at).where(Person.id == actor.person_id).with_for_update()
    if session.scalars(erased).one() is not None:
        raise refuse(Code.WRONG_ROLE)
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=cohort_id,
        person_id=actor.person_id,
        other_live_application=has_other_live(session, actor.person_id, cohort_id),
    )
    application = Application(person_id=actor.person_id, cohort_id=cohort_id, form_version_id=form.id)
    begin(session, application, "A1", facts, actor, replace(place_of(application), application_id=None))
    known = _known(session, actor.person_id)
    values = {
        question.key: value
        for question in form.questions
        if (value := known.get(_meaning(question.key, question.type))) is not None
    }
    if reuse:
        earlier = earlier_answers(session, actor.person_id, application.id)
        values |= earlier.for_form(form_by_key(session, form.id), {}) if earlier else {}
    if values:
        drafts.write(session, application.id, values, now)
    application.draft_changed_at = now
    session.flush()
    return application


def _meaning(key: str, kind: QuestionType) -> str:
    return kind.value if kind in {QuestionType.EMAIL, QuestionType.TIMEZONE} else key


def _known(session: Session, person_id: int) -> dict[str, str]:
    name, zone, address = session.execute(
        sa.select(Person.display_name, Person.time_zone, Account.email)
        .join(Account, Account.person_id == Person.id)
        .where(Person.id == person_id)
    ).one()
    # UTC is what an account has before anybody said where they are: that is a question, not an answer.
    zones = {} if zone == "UTC" else {QuestionType.TIMEZONE.value: zone}
    return {"name": name, QuestionType.EMAIL.value: address, **zones}


# Of an application: the snapshot that this very press made before, and the one in force.
_MADE = sa.select(Snapshot).where(
    Snapshot.application_id == sa.bindparam("held"),
    sa.or_(Snapshot.submit_key == sa.bindparam("key"), Snapshot.number == sa.bindparam("last", type_=sa.Integer)),
)


def submit(
    session: Session, actor: Actor, *, submit_key: str, now: datetime, page_opened_at: datetime | None = None
) -> Snapshot:
    """A2, and A3 from the second time on: the drafts become a numbered snapshot, and one receipt goes out.

    A repeat (the same ``submit_key``, or nothing changed since the last snapshot) returns that snapshot and sends
    nothing. Raises ``Refused``: INCOMPLETE, NO_TRACK, CLOSED, NOT_OPEN_YET, STREAM_CLOSED, WRONG_STATE.
    """
    held = editing(session, actor, now, page_opened_at=page_opened_at, lock=True)
    if held is None:
        raise refuse(Code.WRONG_STATE)
    key = f"{held.public_id}:{submit_key}"[:60]
    made_before = session.scalars(_MADE, {"held": held.id, "key": key, "last": held.snapshot_number}).all()
    repeated = next((each for each in made_before if each.submit_key == key), None)
    if repeated is not None:
        return repeated
    held.check()
    present = work(session, held)
    streams = within_tracks(session, held.cohort_id, present.streams, present.picked)
    content = content_of(present, streams)
    last = next((each for each in made_before if each.number == held.snapshot_number), None)
    if last is not None and last.digest == digest(content):
        return last
    number = 1 if last is None else last.number + 1
    if present.problems():
        raise refuse(Code.INCOMPLETE)
    _settle_choices(session, actor, held, present, streams)
    # Read before anything is added: a read afterwards would first write what there is, one by one.
    application = lock_application(session, held.id)
    letter = letter_to(
        session,
        held.person_id,
        cohort_label=held.cohort_label,
        number=number,
        received_at=now,
        digest=digest(content),
        edit_until=held.closes_at,
    )
    made = Snapshot(
        application_id=held.id,
        number=number,
        form_version_id=held.form_version_id,
        received_at=now,
        content=content,
        digest=digest(content),
        submit_key=key,
    )
    session.add(made)
    application.snapshot_number = number
    application.submitted_at = now
    facts = replace(held.facts, complete=True, has_track=bool(present.picked))
    code = "A2" if held.state is ApplicationState.DRAFT else "A3"
    advance(session, application, code, facts, actor, held.place, letter=letter)
    session.flush()
    if held.reference_timing is ReferenceTiming.AT_SUBMIT:
        request_references(session, [application], now)
    return made


def _settle_choices(session: Session, actor: Actor, held: Editing, present: Work, streams: list[str]) -> None:
    """Bring the rows of choices to what is being submitted; streams of tracks no longer picked have gone."""
    sync_tracks(session, actor, held, present.picked)
    if held.stream_choice is not StreamChoiceMoment.AFTER_ADVANCE:
        apply_streams(session, actor, held, streams, present.picked, picked_in_time=True)


def content_of(present: Work, streams: list[str]) -> dict[str, Any]:
    """What a snapshot holds: the answers of the questions that apply, the tracks and the streams in their order.

    Files stand there by identity and digest, not by name: a name may tell who wrote them.
    """
    form: Form = present.form
    answers = {
        question.key: present.values[question.key]
        for question in form.questions
        if question.type not in _NOT_IN_SNAPSHOTS
        and applies(question, present.picked)
        and not is_empty(present.values.get(question.key))
    }
    for file in present.files:
        entry = {"file": file.public_id, "sha256": file.sha256, "size": file.size, "pages": file.pages}
        answers.setdefault(file.question_key, []).append(entry)
    return {"answers": answers, "tracks": present.picked, "streams": streams}
