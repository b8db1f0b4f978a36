"""Who an application's texts are searched for, what the team decided to hide, and what waits for a decision.

The names are read together with the answers whenever a blind reader is given them, so that nothing has to have run
before for a name to be hidden; ``look_through`` only tells the team where a decision is wanted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Reference, Snapshot, TeamTask
from matsapply.audit import actions as audit
from matsapply.cohorts.forms import form_version, rubric_in_force
from matsapply.people.models import Account, EmailAddress, Person
from matsapply.platform.db import fetch
from matsapply.reviews.models import AnswerRedaction, NameCheck
from matsapply.rules.redaction import Mention, Names, Redaction, blinded, blinded_value, digest_of, find, names_of
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, QuestionType, RubricKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.forms import QuestionView
    from matsapply.rules.access import Actor

NAMED = "named_in_answers"
NAMED_TEXT = "some name their author. Decide under Assignments what blind readers are given."
AT_ONCE = 50  # applications looked through in one piece of due work
LONGEST_NAME = 200
# A blind reading shows none of these, whatever the form says: files and links carry the name of their author.
TELLING = frozenset({QuestionType.EMAIL, QuestionType.FILE, QuestionType.URLS, QuestionType.REFEREES})
NAMING = TELLING - {QuestionType.FILE}
# Not part of any reading: referees' names, what was agreed to, what is kept apart; and the choices, shown on their own.
SECTIONS_NOT_READ = frozenset({"references", "consent", "separate"})
TYPES_NOT_READ = frozenset(
    {QuestionType.REFEREES, QuestionType.SEPARATE_STORE, QuestionType.TRACK_RANK, QuestionType.STREAM_INTEREST}
)


@dataclass(frozen=True, slots=True)
class Sifted:
    """The questions of a form as one reading takes them: whose answers are shown, which are left out because they
    tell who wrote them, and whose answers are names, addresses and links to search the shown ones for."""

    shown: tuple[QuestionView, ...]
    left_out: tuple[QuestionView, ...] = ()
    naming: tuple[QuestionView, ...] = ()


@dataclass(frozen=True, slots=True)
class Blinding:
    """What stands between the texts of one application and a blind reader."""

    names: Names
    decided: Mapping[str, Redaction]

    def of(self, key: str, value: Any) -> Any:
        """The answer to the question ``key`` as a blind reader has it."""
        if isinstance(value, str):
            return blinded(value, self.names, self.decided.get(key))
        return blinded_value(value, self.names)

    def text(self, text: str) -> str:
        """The same for what others wrote about the application."""
        return blinded(text, self.names)


@dataclass(frozen=True, slots=True)
class Looked:
    """One answer as the team decides on it. ``decided`` is None where there is no decision on this wording."""

    question: QuestionView
    text: str
    mentions: tuple[Mention, ...]
    decided: Redaction | None


def sift(questions: Sequence[QuestionView], blind_keys: Sequence[str], tracks: set[str], *, blind: bool) -> Sifted:
    """Sort a form's questions for a reading; ``blind_keys`` are those the rubric names, ``tracks`` the applicant's."""
    asked = [
        question
        for question in questions
        if question.section not in SECTIONS_NOT_READ
        and question.type not in TYPES_NOT_READ
        and (not question.when_track or question.when_track in tracks)
    ]
    if not blind:
        return Sifted(tuple(asked))
    telling = {q.key for q in asked if q.blind or q.type in TELLING or q.key in blind_keys}
    return Sifted(
        tuple(q for q in asked if q.key not in telling),
        tuple(q for q in asked if q.key in telling),
        tuple(q for q in questions if q.type in NAMING or (q.key in telling and q.type is QuestionType.TEXT)),
    )


# --- reading ----------------------------------------------------------------------------------------------------------


def rows_of(what: str, text: Any, more: Any = None, number: Any = None) -> sa.Select[Any]:
    """Rows of a statement that reads several things of one application at once: ``what`` they are, and their values."""
    return sa.select(
        sa.literal_column(f"'{what}'", sa.String).label("what"),
        text.label("text"),
        (sa.literal_column("''", sa.String) if more is None else more).label("more"),
        (sa.literal_column("0", sa.Integer) if number is None else number).label("number"),
    )


def known() -> tuple[sa.Select[Any], ...]:
    """What ``blinding`` goes by, as parts of a statement with ``person_id`` and ``application_id``: everything the
    application's people are called, and the decisions. The rows are wanted in the order of ``number``."""
    person, application = sa.bindparam("person_id"), sa.bindparam("application_id")
    return (
        rows_of("name", Person.display_name, sa.cast(Person.aliases, sa.Text)).where(Person.id == person),
        rows_of("address", Account.email).where(Account.person_id == person),
        rows_of("address", EmailAddress.address).where(EmailAddress.person_id == person),
        rows_of("referee", Reference.name).where(Reference.application_id == application),
        rows_of("address", Reference.email).where(Reference.application_id == application),
        rows_of(
            "decision",
            AnswerRedaction.question_key,
            sa.cast(AnswerRedaction.decision, sa.Text),
            AnswerRedaction.number,
        ).where(AnswerRedaction.application_id == application),
    )


_KNOWN = sa.union_all(*known()).order_by("number")


def blinding(rows: Sequence[Any], naming: Sequence[tuple[QuestionView, Any]]) -> Blinding:
    """From the rows of ``known``: the decisions in force and whom to look for.

    ``naming`` are the snapshot's own answers to ``Sifted.naming``: what somebody calls themselves there counts too.
    """
    called: dict[str, list[str]] = {"name": [], "address": [], "link": [], "referee": []}
    decided: dict[str, Redaction] = {}
    for row in rows:
        if row.what == "decision":
            decided[row.text] = Redaction.from_json(json.loads(row.more))
        else:
            for text in (row.text, *json.loads(row.more or "[]")):
                called["address" if "@" in text else row.what].append(text)
    for question, value in naming:
        for text in _strings(value):
            called[_what(question.type, text)].append(text)
    return Blinding(names_of(called["name"], called["address"], called["link"], called["referee"]), decided)


def _what(kind: QuestionType, text: str) -> str:
    """What an answer to such a question calls somebody by."""
    if kind is QuestionType.URLS:
        return "link"
    if "@" in text:
        return "address"
    return "name" if kind is QuestionType.TEXT and len(text) <= LONGEST_NAME else "referee"


def _strings(value: Any) -> list[str]:
    """Every text within an answer."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in _strings(each)]
    return [text for each in value for text in _strings(each)] if isinstance(value, list) else []


# --- deciding ---------------------------------------------------------------------------------------------------------


def looked_at(session: Session, application: Application) -> tuple[Looked, ...]:
    """The texts of the snapshot in force that blind readers get, with what names somebody in them."""
    if application.snapshot_number is None:
        return ()
    snapshot = session.scalars(
        sa.select(Snapshot).where(
            Snapshot.application_id == application.id, Snapshot.number == application.snapshot_number
        )
    ).one()
    form = form_version(session, snapshot.form_version_id)
    rubric = rubric_in_force(session, application.cohort_id, RubricKind.CENTRAL_SCORE)
    given, tracks = snapshot.content.get("answers", {}), set(snapshot.content.get("tracks", ()))
    sifted = sift(form.questions if form else (), rubric.blind if rubric else (), tracks, blind=True)
    naming = [(question, given.get(question.key)) for question in sifted.naming]
    rows = fetch(session, _KNOWN, application_id=application.id, person_id=application.person_id)
    around = blinding(rows, naming)
    found = []
    for question in sifted.shown:
        text = given.get(question.key)
        if isinstance(text, str) and text and question.type in {QuestionType.LONG, QuestionType.TEXT}:
            decided = around.decided.get(question.key)
            in_force = decided if decided is not None and decided.digest == digest_of(text) else None
            found.append(Looked(question, text, find(text, around.names), in_force))
    return tuple(found)


def decide(
    session: Session, actor: Actor, application: Application, decisions: Mapping[str, Redaction], now: datetime
) -> int:
    """Keep what is to be hidden from now on; returns how many answers have another decision than before.

    Refuses WRONG_STATE where a decision was taken on a wording that is no longer in force.
    """
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    session.execute(sa.select(Application.id).where(Application.id == application.id).with_for_update())
    seen = {each.question.key: each for each in looked_at(session, application)}
    changed = 0
    for key, wanted in decisions.items():
        if key not in seen or wanted.digest != digest_of(seen[key].text):
            raise refuse(Code.WRONG_STATE)
        nothing = not (seen[key].decided or seen[key].mentions or wanted.spans or wanted.whole)
        if nothing or wanted == seen[key].decided:
            continue
        number = session.scalar(
            sa.select(sa.func.coalesce(sa.func.max(AnswerRedaction.number), 0)).where(
                AnswerRedaction.application_id == application.id, AnswerRedaction.question_key == key
            )
        )
        session.add(
            AnswerRedaction(
                application_id=application.id,
                question_key=key,
                number=(number or 0) + 1,
                decision=wanted.as_json(),
                decided_by_id=actor.person_id,
                decided_at=now,
            )
        )
        changed += 1
    if changed:
        audit.record(
            session, actor, "answers.redacted", now, subject_type="application", subject_id=application.id,
            cohort_id=application.cohort_id, detail={"answers": sorted(decisions)},
        )  # fmt: skip
    session.flush()
    _note(session, application, now)
    if not _waiting(session, application.cohort_id):
        for task in _open_tasks(session, application.cohort_id):
            task.done_at, task.done_by_id = now, actor.person_id
        session.flush()
    return changed


def look_through(session: Session, cohort_id: int, now: datetime) -> int:
    """Look through what was submitted since the last time, a bounded number of applications; returns how many."""
    waiting = session.scalars(
        sa.select(Application)
        .outerjoin(NameCheck, NameCheck.application_id == Application.id)
        .where(
            Application.cohort_id == cohort_id,
            Application.state == ApplicationState.SUBMITTED,
            Application.snapshot_number != sa.func.coalesce(NameCheck.snapshot_number, 0),
        )
        .order_by(Application.id)
        .limit(AT_ONCE)
    ).all()
    for application in waiting:
        _note(session, application, now)
    if waiting and _waiting(session, cohort_id) and not _open_tasks(session, cohort_id):
        session.add(TeamTask(cohort_id=cohort_id, kind=NAMED, text=NAMED_TEXT))
        session.flush()
    return len(waiting)


def _waiting(session: Session, cohort_id: int) -> bool:
    """Whether an application of the cohort waits for a decision."""
    found = session.scalar(
        sa.select(NameCheck.id)
        .join(Application, Application.id == NameCheck.application_id)
        .where(
            Application.cohort_id == cohort_id,
            Application.state == ApplicationState.SUBMITTED,
            NameCheck.decided_at.is_(None),
            sa.cast(NameCheck.mentions, sa.Text) != "{}",
        )
        .limit(1)
    )
    return found is not None


def _open_tasks(session: Session, cohort_id: int) -> Sequence[TeamTask]:
    """The team's task of deciding, one for the whole cohort."""
    return session.scalars(
        sa.select(TeamTask).where(TeamTask.cohort_id == cohort_id, TeamTask.kind == NAMED, TeamTask.done_at.is_(None))
    ).all()


def _note(session: Session, application: Application, now: datetime) -> None:
    """Keep for the team's list which answers of the snapshot in force name somebody, and whether all are decided."""
    looked = looked_at(session, application)
    check = session.scalars(sa.select(NameCheck).where(NameCheck.application_id == application.id)).one_or_none()
    if check is None:
        check = NameCheck(application_id=application.id, snapshot_number=0)
        session.add(check)
    check.snapshot_number = application.snapshot_number or 0
    check.mentions = {each.question.key: len(each.mentions) for each in looked if each.mentions}
    done = all(each.decided is not None for each in looked if each.mentions)
    check.decided_at = (check.decided_at or now) if check.mentions and done else None
    session.flush()


# --- the team's list --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flagged:
    """One application in which somebody is named. ``mentions`` counts them over its answers."""

    public_id: str
    mentions: int
    answers: int
    decided_at: datetime | None


def flagged(session: Session, cohort_id: int, visible: sa.ColumnElement[bool], limit: int) -> list[Flagged]:
    """The applications whose answers name somebody, those that wait for a decision first. One query."""
    rows = session.execute(
        sa.select(Application.public_id, NameCheck.mentions, NameCheck.decided_at)
        .join(Application, Application.id == NameCheck.application_id)
        .where(
            Application.cohort_id == cohort_id,
            Application.state == ApplicationState.SUBMITTED,
            sa.cast(NameCheck.mentions, sa.Text) != "{}",
            visible,
        )
        .order_by(NameCheck.decided_at.is_not(None), NameCheck.decided_at.desc(), NameCheck.id)
        .limit(limit)
    )
    return [Flagged(ref, sum(mentions.values()), len(mentions), at) for ref, mentions, at in rows]
