"""What the team reads of applications: the list, and one application with everything.

``visible`` is always the condition of what the reader may see (grants, no conflict of interest): whoever asks states
it. Lists select columns and no essays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import (
    Application,
    Extension,
    Reference,
    Snapshot,
    StreamApplication,
    TeamTask,
    TrackChoice,
)
from matsapply.cohorts.models import Question, Stream, Track
from matsapply.people.models import Account, EmailAddress, Person
from matsapply.platform.db import PUBLIC_ID_LENGTH
from matsapply.platform.keyset import Order, Page, page_of
from matsapply.rules.stages import (
    ApplicationState,
    CloseReason,
    Machine,
    ReferenceState,
    Role,
    StreamApplicationState,
    TrackChoiceState,
)
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

PAGE = 50
LIKE_ESCAPE = "\\"

ORDERS: dict[str, tuple[sa.ColumnElement[Any], bool]] = {
    "score": (Application.score_mean.expression, True),
    "spread": (Application.score_spread.expression, True),
    "submitted": (Application.submitted_at.expression, True),
    "name": (sa.func.lower(Person.display_name, type_=sa.String()), False),
}
"""The sorts of the list, by name; each also with "-" before it. The flag: the column may be empty."""


class UnknownSort(ValueError):
    """A sort that the list does not have."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What was asked for; empty fields ask for nothing."""

    words: str = ""
    track_id: int | None = None
    state: ApplicationState | None = None


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """One line of the list. ``tracks`` are (track key, its state) in the applicant's order."""

    id: int
    public_id: str
    name: str
    state: ApplicationState
    close_reason: CloseReason | None
    submitted_at: datetime | None
    score_count: int
    score_mean: float | None
    score_spread: float | None
    tracks: tuple[tuple[int, TrackChoiceState], ...] = ()


def order_named(sort: str) -> Order:
    """The order of that name; raises ``UnknownSort``."""
    name = sort.removeprefix("-")
    if name not in ORDERS:
        raise UnknownSort(sort)
    column, nullable = ORDERS[name]
    return Order(column, Application.id.expression, down=sort.startswith("-"), nullable=nullable)


def application_page(
    session: Session,
    cohort_id: int,
    visible: sa.ColumnElement[bool],
    *,
    wanted: Filter,
    sort: str = "-score",
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """A page of ``ApplicationRow``: two queries (three where scored and unscored rows meet), however long the list.

    Raises ``UnknownSort`` and ``keyset.BadCursor``.
    """
    statement = (
        sa.select(
            Application.id,
            Application.public_id,
            Person.display_name,
            Application.state,
            Application.close_reason,
            Application.submitted_at,
            Application.score_count,
            Application.score_mean,
            Application.score_spread,
        )
        .join(Person, Person.id == Application.person_id)
        .where(Application.cohort_id == cohort_id, visible)
    )
    if wanted.state is not None:
        statement = statement.where(Application.state == wanted.state)
    if wanted.track_id is not None:
        chose = sa.exists().where(TrackChoice.application_id == Application.id, TrackChoice.track_id == wanted.track_id)
        statement = statement.where(chose)
    if words := wanted.words.strip():
        statement = statement.where(matches(words))
    page = page_of(session, statement, order_named(sort), after=after, before=before, limit=limit)
    tracks: dict[int, list[tuple[int, TrackChoiceState]]] = defaultdict(list)
    ids = [row.id for row in page.rows]
    if ids:
        for application_id, track_id, state in session.execute(
            sa.select(TrackChoice.application_id, TrackChoice.track_id, TrackChoice.state)
            .where(TrackChoice.application_id.in_(ids))
            .order_by(TrackChoice.application_id, TrackChoice.rank)
        ):
            tracks[application_id].append((track_id, state))
    rows = tuple(ApplicationRow(*[*row[:9], tuple(tracks[row.id])]) for row in page.rows)
    return Page(rows, page.next_cursor, page.prev_cursor)


def matches(words: str) -> sa.ColumnElement[bool]:
    """Whether an application is meant by ``words``: its public id, an address, or part of a name. Nothing in
    ``words`` is a pattern."""
    wanted = words.strip().lower()
    if "@" in wanted:
        owner = sa.select(EmailAddress.person_id).where(EmailAddress.address.like(_part(wanted), escape=LIKE_ESCAPE))
        return Application.person_id.in_(owner)
    named = sa.select(Person.id).where(sa.func.lower(Person.display_name).like(_part(wanted), escape=LIKE_ESCAPE))
    by_name = Application.person_id.in_(named)
    looks_like_an_id = len(wanted) == PUBLIC_ID_LENGTH and wanted.isalnum()
    return sa.or_(by_name, Application.public_id == wanted) if looks_like_an_id else by_name


def _part(words: str) -> str:
    return "%" + "".join(LIKE_ESCAPE + each if each in "%_\\" else each for each in words) + "%"


def state_counts(session: Session, cohort_id: int, visible: sa.ColumnElement[bool]) -> dict[ApplicationState, int]:
    """How many applications stand in each state."""
    rows = session.execute(
        sa.select(Application.state, sa.func.count())
        .where(Application.cohort_id == cohort_id, visible)
        .group_by(Application.state)
    )
    return dict(tuple(row) for row in rows)


# --- one application ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen track."""

    id: int
    track_id: int
    name: str
    state: TrackChoiceState
    score_count: int
    score_mean: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream application. The applicant's own rank is for the team's eyes only."""

    id: int
    public_id: str
    stream_key: str
    stream: str
    rank: int | None
    state: StreamApplicationState
    review_mean: float | None
    marks_mean: float | None
    interview_mean: float | None


@dataclass(frozen=True, slots=True)
class Referee:
    name: str
    email: str
    state: ReferenceState
    requested_at: datetime | None
    reminders: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with what was submitted; ``value`` None where nothing was."""

    key: str
    section: str
    label: str
    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history; ``what`` is the machine and ``subject`` the name of its subject, where it has one."""

    at: datetime
    what: Machine
    code: str
    before: str
    after: str
    role: Role
    actor: str
    second: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extended:
    gate: str
    until: datetime
    reason_class: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Header:
    """The application itself and who wrote it."""

    id: int
    public_id: str
    person_id: int
    person_public_id: str
    name: str
    email: str
    time_zone: str
    state: ApplicationState
    close_reason: CloseReason | None
    closed_at: datetime | None
    submitted_at: datetime | None
    snapshot_number: int | None
    reopened_until: datetime | None
    form_version_id: int
    score_count: int
    score_mean: float | None
    score_spread: float | None


def header(session: Session, cohort_id: int, public_id: str, visible: sa.ColumnElement[bool]) -> Header | None:
    """None where there is none to see."""
    row: Any = session.execute(
        sa.select(
            Application.id,
            Application.public_id,
            Person.id,
            Person.public_id,
            Person.display_name,
            Account.email,
            Person.time_zone,
            Application.state,
            Application.close_reason,
            Application.closed_at,
            Application.submitted_at,
            Application.snapshot_number,
            Application.reopened_until,
            Application.form_version_id,
            Application.score_count,
            Application.score_mean,
            Application.score_spread,
        )
        .join(Person, Person.id == Application.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(Application.cohort_id == cohort_id, Application.public_id == public_id, visible)
    ).first()
    return Header(*row) if row else None


def choices_of(session: Session, application_id: int) -> list[Choice]:
    rows = session.execute(
        sa.select(
            TrackChoice.id,
            Track.id,
            Track.name,
            TrackChoice.state,
            TrackChoice.score_count,
            TrackChoice.score_mean,
        )
        .join(Track, Track.id == TrackChoice.track_id)
        .where(TrackChoice.application_id == application_id)
        .order_by(TrackChoice.rank)
    )
    return [Choice(*row) for row in rows]


def entries_of(session: Session, application_id: int) -> list[Entry]:
    rows = session.execute(
        sa.select(
            StreamApplication.id,
            StreamApplication.public_id,
            Stream.key,
            Stream.name,
            StreamApplication.rank,
            StreamApplication.state,
            StreamApplication.review_mean,
            StreamApplication.marks_mean,
            StreamApplication.interview_mean,
        )
        .join(Stream, Stream.id == StreamApplication.stream_id)
        .where(StreamApplication.application_id == application_id)
        .order_by(StreamApplication.rank.is_(None), StreamApplication.rank, StreamApplication.id)
    )
    return [Entry(*row) for row in rows]


def referees_of(session: Session, application_id: int) -> list[Referee]:
    rows = session.execute(
        sa.select(Reference.name, Reference.email, Reference.state, Reference.requested_at, Reference.reminders)
        .where(Reference.application_id == application_id)
        .order_by(Reference.position)
    )
    return [Referee(*row) for row in rows]


def answers_of(session: Session, head: Header) -> tuple[list[Answer], datetime | None, str]:
    """The snapshot in force question by question, when it was received and its digest; no answers before one."""
    if head.snapshot_number is None:
        return [], None, ""
    snapshot = session.execute(
        sa.select(Snapshot.content, Snapshot.received_at, Snapshot.digest, Snapshot.form_version_id).where(
            Snapshot.application_id == head.id, Snapshot.number == head.snapshot_number
        )
    ).one()
    given = snapshot.content.get("answers", {})
    rows = session.execute(
        sa.select(Question.key, Question.section, Question.label, Question.type)
        .where(Question.form_version_id == snapshot.form_version_id)
        .order_by(Question.position)
    )
    answers = [Answer(key, section, label, kind.value, given.get(key)) for key, section, label, kind in rows]
    return answers, snapshot.received_at, snapshot.digest


def history_of(session: Session, application_id: int) -> list[Step]:
    """Every step of the application and of what belongs to it, the newest first."""
    rows = session.execute(
        sa.select(
            StateChange.at,
            StateChange.machine,
            StateChange.code,
            StateChange.before,
            StateChange.after,
            StateChange.role,
            StateChange.actor_id,
            StateChange.second_actor_id,
            StateChange.reason,
        )
        .where(StateChange.application_id == application_id)
        .order_by(StateChange.id.desc())
        .limit(300)
    ).all()
    names = names_of(session, [key for row in rows for key in (row.actor_id, row.second_actor_id)])
    return [
        Step(
            row.at,
            row.machine,
            row.code,
            row.before,
            row.after,
            row.role,
            names.get(row.actor_id, ""),
            names.get(row.second_actor_id, ""),
            row.reason,
        )
        for row in rows
    ]


def extensions_of(session: Session, person_id: int, cohort_id: int) -> list[Extended]:
    rows = session.execute(
        sa.select(Extension.gate, Extension.until, Extension.reason_class, Extension.reason, Person.display_name)
        .join(Person, Person.id == Extension.granted_by_id)
        .where(Extension.person_id == person_id, Extension.cohort_id == cohort_id, Extension.revoked_at.is_(None))
        .order_by(Extension.id)
    )
    return [Extended(gate, until, kind.value, reason, by) for gate, until, kind, reason, by in rows]


def names_of(session: Session, person_ids: Iterable[int | None]) -> dict[int | None, str]:
    """Display names by internal key; one query."""
    wanted = {key for key in person_ids if key is not None}
    if not wanted:
        return {}
    rows = session.execute(sa.select(Person.id, Person.display_name).where(Person.id.in_(wanted)))
    return dict(tuple(row) for row in rows)


# --- tasks of the team --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskRow:
    public_id: str
    kind: str
    text: str
    due_at: datetime | None
    application: str | None


def open_tasks(session: Session, cohort_id: int, limit: int = 20) -> list[TaskRow]:
    """What a coordinator has to see to, the most pressing first."""
    rows = session.execute(
        sa.select(TeamTask.public_id, TeamTask.kind, TeamTask.text, TeamTask.due_at, Application.public_id)
        .outerjoin(Application, Application.id == TeamTask.application_id)
        .where(TeamTask.cohort_id == cohort_id, TeamTask.done_at.is_(None))
        .order_by(TeamTask.due_at.is_(None), TeamTask.due_at, TeamTask.id)
        .limit(limit)
    )
    return [TaskRow(*row) for row in rows]
