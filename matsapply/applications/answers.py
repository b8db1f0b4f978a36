"""Answers in the making: one row a question with a version of its own, so that two tabs never overwrite each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from matsapply.applications.choices import (
    apply_streams,
    live_streams,
    set_streams,
    stream_wish,
    sync_tracks,
    within_tracks,
)
from matsapply.applications.models import AnswerDraft, Application, DemographicAnswers
from matsapply.applications.pace import seconds_spent
from matsapply.cohorts.models import Question, Stream
from matsapply.platform.db import fetch
from matsapply.rules.answers import ELSEWHERE
from matsapply.rules.stages import ApplicationState, QuestionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from matsapply.applications.editing import Editing
    from matsapply.applications.forms import Form
    from matsapply.rules.access import Actor

# Streams are chosen under gates of their own, by choices.set_streams.
NOT_BY_FORM = ELSEWHERE | {QuestionType.STREAM_INTEREST}
# The application's own row need not be written at every pause in typing.
MARK_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """One answer as it is kept. Version 0 is an answer nobody has given yet."""

    value: Any = None
    version: int = 0
    saved_at: datetime | None = None


NOTHING = Stored()


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a save, with the versions kept now.

    ``conflicts`` holds what is kept on the server for the answers that were not written.
    """

    saved_at: datetime
    versions: dict[str, int]
    conflicts: dict[str, Any] = field(default_factory=dict)


_ANSWERS = sa.select(AnswerDraft.question_key, AnswerDraft.value, AnswerDraft.version, AnswerDraft.saved_at).where(
    AnswerDraft.application_id == sa.bindparam("application_id")
)
_NAMED_ANSWERS = _ANSWERS.where(AnswerDraft.question_key.in_(sa.bindparam("keys", expanding=True)))


def stored_answers(session: Session, application_id: int, keys: Iterable[str] | None = None) -> dict[str, Stored]:
    """The answers by question key; all of them, or those named."""
    if keys is None:
        rows = fetch(session, _ANSWERS, application_id=application_id)
    else:
        rows = fetch(session, _NAMED_ANSWERS, application_id=application_id, keys=list(keys))
    return {key: Stored(value, version, saved_at) for key, value, version, saved_at in rows}


def save_answers(
    session: Session,
    actor: Actor,
    application: Editing,
    form: Form,
    values: Mapping[str, Any],
    base_versions: Mapping[str, int],
    now: datetime,
    opened_at: datetime | None = None,
) -> Saved:
    """Keep ``values`` (by question key, as ``rules.answers.read`` gives them), finished or not.

    ``opened_at`` is when the page was fetched: from then, or from the last save, counts the time that was written.

    ``application`` must be locked. An answer that was changed since ``base_versions`` by another page, to something
    else than what is sent, is a conflict and stays as it is; the others are kept all the same. Raises ``Refused``:
    CLOSED, NOT_OPEN_YET.
    """
    application.check()
    known = {question.key: question for question in form.questions if question.type not in NOT_BY_FORM}
    values = {key: value for key, value in values.items() if key in known}
    before = stored_answers(session, application.id, values)
    versions = {key: before.get(key, NOTHING).version for key in values}
    changed = {key: value for key, value in values.items() if value != before.get(key, NOTHING).value}
    conflicts = {
        key: before[key].value for key in changed if key in before and base_versions.get(key, 0) != before[key].version
    }
    changed = {key: value for key, value in changed.items() if key not in conflicts}
    if changed:
        spent = seconds_spent((each.saved_at for each in before.values()), opened_at, now) // len(changed)
        write(session, application.id, changed, now, seconds=spent)
        for key in changed:
            versions[key] += 1
        _mark(session, application, now)
        ranking = next((key for key in changed if known[key].type is QuestionType.TRACK_RANK), None)
        if ranking is not None and application.snapshot_number is None:
            _follow_tracks(session, actor, application, form, changed[ranking] or [])
    return Saved(now, versions, conflicts)


def _follow_tracks(session: Session, actor: Actor, application: Editing, form: Form, tracks: list[str]) -> None:
    """The rows of choices follow the draft; streams whose track is no longer picked leave, their wish stays written."""
    sync_tracks(session, actor, application, tracks)
    question = form.of_type(QuestionType.STREAM_INTEREST)
    wish = stream_wish(session, application.id, question.key) if question else []
    if wish:
        fitting = within_tracks(session, application.cohort_id, wish, tracks)
        live = [key for key in fitting if key in live_streams(session, application.id)]
        apply_streams(session, actor, application, live, tracks)


def choose_streams(
    session: Session,
    actor: Actor,
    application: Editing,
    form: Form,
    keys: Sequence[str],
    tracks: Sequence[str],
    now: datetime,
) -> None:
    """Let the applicant's streams be ``keys``, in that order; see ``choices.set_streams`` for what is refused.

    The wish is also written down as the draft's answer, from which the next submission takes it.
    """
    question = form.of_type(QuestionType.STREAM_INTEREST)
    most = question.maximum if question else None
    set_streams(session, actor, application, keys, tracks, most=most)
    if question is not None and application.state is not ApplicationState.IN_STREAMS:
        write(session, application.id, {question.key: list(keys) or None}, now)
        _mark(session, application, now)


def wish(session: Session, application: Application, stream_id: int, now: datetime, *, wanted: bool) -> None:
    """Write a stream down in the draft's choice, last, or take it out: so that the next submission brings nothing back
    that was left, and keeps what was returned to."""
    question_key = session.scalar(
        sa.select(Question.key).where(
            Question.form_version_id == application.form_version_id, Question.type == QuestionType.STREAM_INTEREST
        )
    )
    if question_key is None:
        return
    stream_key = session.scalars(sa.select(Stream.key).where(Stream.id == stream_id)).one()
    before = stream_wish(session, application.id, question_key)
    after = [key for key in before if key != stream_key] + ([stream_key] if wanted else [])
    if (stream_key in before) is not wanted:
        write(session, application.id, {question_key: after or None}, now)


def write(session: Session, application_id: int, values: Mapping[str, Any], now: datetime, *, seconds: int = 0) -> None:
    """Put answers down in one statement; the version of each counts up, and ``seconds`` are added to each."""
    same = {"application_id": application_id, "version": 1, "saved_at": now, "seconds": seconds}
    rows = [same | {"question_key": key, "value": value} for key, value in values.items()]
    session.flush()
    session.connection().execute(_put_down(session.get_bind().dialect.name), rows)


@cache
def _put_down(dialect_name: str) -> Any:
    """Put together once: a statement that carries its values is made anew for every save."""
    drafts = sa.inspect(AnswerDraft).local_table
    statement = (sqlite if dialect_name == "sqlite" else postgresql).insert(drafts)
    return statement.on_conflict_do_update(
        index_elements=["application_id", "question_key"],
        set_={
            "value": statement.excluded.value,
            "version": drafts.c.version + 1,
            "saved_at": statement.excluded.saved_at,
            "seconds": drafts.c.seconds + statement.excluded.seconds,
        },
    )


def _mark(session: Session, application: Editing, now: datetime) -> None:
    last = application.draft_changed_at
    if last is not None and now - last < MARK_EVERY:
        return
    session.execute(sa.update(Application).where(Application.id == application.id).values(draft_changed_at=now))


def demographics(session: Session, application_id: int) -> dict[str, Any]:
    """The optional answers that are kept apart; for their owner's eyes only."""
    found = session.scalar(
        sa.select(DemographicAnswers.answers).where(DemographicAnswers.application_id == application_id)
    )
    return dict(found or {})


def save_demographics(session: Session, application: Editing, answers: Mapping[str, Any], now: datetime) -> None:
    """Keep the optional answers; an empty set removes the row, so that nothing stays of what was taken back."""
    application.check()
    given = {key: value for key, value in answers.items() if value}
    row = session.scalar(sa.select(DemographicAnswers).where(DemographicAnswers.application_id == application.id))
    if not given:
        if row is not None:
            session.delete(row)
        return
    if row is None:
        row = DemographicAnswers(application_id=application.id)
        session.add(row)
    row.answers = given
    row.saved_at = now
