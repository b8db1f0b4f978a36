"""The choke point: the only writer of a state.

``advance`` asks the rules, sets the state, and adds history, audit and mail to the running transaction, so that either
all of them happen or none. ``begin`` does the same for a subject that does not exist yet.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.platform.db import write_changes
from matsapply.rules.refusals import Refusal, Refused
from matsapply.rules.stages import Machine
from matsapply.rules.workflow import NONE, Facts, plan
from matsapply.rules.workflow_tables import TABLE
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from enum import StrEnum

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


GATHERED = "tracking.gathered"  # in session.info, while a block gathers steps


class Tracked(Protocol):
    """An entity with a state of one of the machines."""

    id: Any
    state: Any


@dataclass(frozen=True, slots=True)
class Letter:
    """The message a transition sends to its subject's person: who, where, and what the template needs."""

    person_id: int | None
    recipient: str
    context: dict[str, Any] = field(default_factory=dict)
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject belongs, for the history of one application and of one cohort."""

    cohort_id: int | None = None
    application_id: int | None = None


# A transition that names a mail must be given its letter; a batch that writes to everyone itself says so with this.
BY_BATCH = Letter(None, "")


def advance(
    session: Session,
    subject: Tracked,
    code: str,
    facts: Facts,
    actor: Actor,
    place: Place,
    *,
    letter: Letter | None = None,
) -> None:
    """Make transition ``code`` of ``subject``, or raise ``Refused`` and change nothing.

    The subject must have been loaded in this transaction; its version counter turns a lost race into a conflict.
    """
    row = TABLE[code]
    state_type: type[StrEnum] = type(subject.state)
    decided = plan(row, subject.state.value, facts)
    if isinstance(decided, Refusal):
        raise Refused(decided)
    subject.state = state_type(decided.after)
    _write(session, subject, code, decided.before, decided.after, facts, actor, place, letter)


def begin(
    session: Session,
    subject: Tracked,
    code: str,
    facts: Facts,
    actor: Actor,
    place: Place,
    *,
    letter: Letter | None = None,
) -> None:
    """Let a new ``subject`` enter its machine by ``code``; adds it to the session, or raises ``Refused``."""
    check(code, facts)
    row = TABLE[code]
    states: type[StrEnum] = type(subject).__mapper__.columns["state"].type.enum_class  # type: ignore[attr-defined]
    subject.state = states(row.to)
    session.add(subject)
    session.flush()
    _write(session, subject, code, NONE, row.to, facts, actor, place, letter)


def begin_many(
    session: Session,
    subjects: Sequence[Tracked],
    code: str,
    facts: Facts,
    actor: Actor,
    places: Sequence[Place],
) -> None:
    """Let many subjects of one kind enter by one ``code`` that sends no mail, on facts that hold for each of them.

    The same rows as ``begin`` for each, in three flushes instead of three for every subject.
    """
    check(code, facts)
    if not subjects:
        return
    row = TABLE[code]
    if row.mail:
        raise ValueError(f"{code} tells its person by mail: begin its subjects one by one")
    states: type[StrEnum] = type(subjects[0]).__mapper__.columns["state"].type.enum_class  # type: ignore[attr-defined]
    for subject in subjects:
        subject.state = states(row.to)
    session.add_all(subjects)
    session.flush()
    for subject, place in zip(subjects, places, strict=True):
        _write(session, subject, code, NONE, row.to, facts, actor, place, None)
    session.flush()


def check(code: str, facts: Facts, state: str = NONE) -> None:
    """Raise ``Refused`` where ``code`` would be refused; for actions that must know before they prepare anything."""
    decided = plan(TABLE[code], state, facts)
    if isinstance(decided, Refusal):
        raise Refused(decided)


def allowed(code: str, facts: Facts, state: str) -> bool:
    """Whether ``code`` could be made now: what a page asks before it shows a button."""
    return not isinstance(plan(TABLE[code], state, facts), Refusal)


@contextmanager
def gathering(session: Session) -> Iterator[None]:
    """Within the block history, audit and mail of every step are gathered, and written in a few statements at its end.

    The same rows as without it, for acts that move thousands. States are set at once, so rules see them as ever;
    nothing of what was gathered is written where the block ends in an exception.
    """
    changes: list[dict[str, Any]] = []
    letters: list[tuple[Mail, outbox.Message, datetime]] = []
    session.info[GATHERED] = (changes, letters)
    try:
        with audit.gathering(session):
            yield
            write_changes(session)
            session.flush()
    finally:
        del session.info[GATHERED]
    if changes:
        session.connection().execute(sa.insert(StateChange), changes)
    for (kind, now), some in groupby(sorted(letters, key=_sending), key=_sending):
        outbox.queue_many(session, Mail(kind), [message for _, message, _ in some], now)


def _sending(letter: tuple[Mail, outbox.Message, datetime]) -> tuple[str, datetime]:
    return letter[0].value, letter[2]


def _write(
    session: Session,
    subject: Tracked,
    code: str,
    before: str,
    after: str,
    facts: Facts,
    actor: Actor,
    place: Place,
    letter: Letter | None,
) -> None:
    row = TABLE[code]
    change = {
        "machine": row.machine,
        "subject_id": subject.id,
        "application_id": subject.id if row.machine is Machine.APPLICATION else place.application_id,
        "cohort_id": place.cohort_id,
        "code": code,
        "before": before,
        "after": after,
        "role": facts.role,
        "actor_id": actor.person_id,
        "second_actor_id": facts.second_actor_id,
        "reason": facts.reason,
        "at": facts.now,
    }
    gathered = session.info.get(GATHERED)
    if gathered is None:
        session.add(StateChange(**change))
    else:
        gathered[0].append(change)
    audit.record(
        session,
        actor,
        f"{row.machine.value}.{code}",
        facts.now,
        subject_type=row.machine.value,
        subject_id=subject.id,
        actor_role=facts.role.value,
        second_actor_id=facts.second_actor_id,
        cohort_id=place.cohort_id,
        before=before,
        after=after,
        reason=facts.reason,
    )
    if row.mail:
        _send(session, row.mail, letter, subject, code, facts)


def _send(session: Session, kind: str, letter: Letter | None, subject: Tracked, code: str, facts: Facts) -> None:
    if letter is None:
        raise ValueError(f"{code} tells its person by mail: give it a letter (or BY_BATCH)")
    if letter is BY_BATCH:
        return
    # The instant makes the cause unique when the same step is legitimately taken again.
    cause = f"{TABLE[code].machine.value}:{subject.id}:{code}:{facts.now.isoformat()}"
    gathered = session.info.get(GATHERED)
    if gathered is None:
        outbox.queue(
            session,
            Mail(kind),
            cause=cause,
            now=facts.now,
            person_id=letter.person_id,
            recipient=letter.recipient,
            context=letter.context,
            calendar=letter.calendar,
        )
    else:
        message = outbox.Message(letter.person_id, letter.recipient, letter.context, cause, letter.calendar)
        gathered[1].append((Mail(kind), message, facts.now))
