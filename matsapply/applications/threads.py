"""Threads and requests for accommodation, as their owner and the team read them; nobody else has a way here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import AccommodationRequest, Application, Message, MessageFile, Thread
from matsapply.files.models import StoredFile
from matsapply.people.models import Person
from matsapply.platform.db import fetch
from matsapply.platform.keyset import Order, Page, page_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MOST_SUBJECT = 120  # characters
MOST_TEXT = 5000  # characters
MOST_SHOWN = 200  # threads, messages of a thread, requests of one person


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """A thread in its owner's list. ``last_by_team`` says whose the last message is."""

    public_id: str
    subject: str
    closed: bool
    last_at: datetime
    last_by_team: bool


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message; the team answers as one, so its owner reads no name of a person of the team."""

    at: datetime
    text: str
    by_team: bool
    author: str
    file_id: str | None
    file_name: str | None


_LAST = sa.select(sa.func.max(Message.id)).where(Message.thread_id == Thread.id).correlate(Thread).scalar_subquery()
_OWN_THREADS = (
    sa.select(
        Thread.public_id,
        Thread.subject,
        Thread.closed_at.is_not(None).label("closed"),
        Message.sent_at,
        (Message.author_id != Application.person_id).label("by_team"),
    )
    .join(Application, Application.id == Thread.application_id)
    .join(Message, Message.id == _LAST)
    .where(Application.person_id == sa.bindparam("person_id"))
    .order_by(Message.id.desc())
    .limit(MOST_SHOWN)
)


def own_threads(session: Session, person_id: int) -> list[ThreadLine]:
    """All threads of a person, of every cohort, the one last written in first."""
    return [ThreadLine(*row[:4], bool(row[4])) for row in fetch(session, _OWN_THREADS, person_id=person_id)]


def own_thread(session: Session, person_id: int | None, public_id: str) -> Thread | None:
    """A thread of the person's own; None for anybody else's, as for one that does not exist."""
    return session.scalar(
        sa.select(Thread)
        .join(Application, Application.id == Thread.application_id)
        .where(Application.person_id == person_id, Thread.public_id == public_id)
    )


def messages(session: Session, thread_id: int) -> list[MessageView]:
    """What was written, the oldest first."""
    rows = session.execute(
        sa.select(
            Message.sent_at,
            Message.text,
            Message.author_id != Application.person_id,
            Person.display_name,
            StoredFile.public_id,
            StoredFile.name,
        )
        .join(Thread, Thread.id == Message.thread_id)
        .join(Application, Application.id == Thread.application_id)
        .join(Person, Person.id == Message.author_id)
        .outerjoin(MessageFile, MessageFile.message_id == Message.id)
        .outerjoin(StoredFile, sa.and_(StoredFile.id == MessageFile.file_id, StoredFile.removed_at.is_(None)))
        .where(Message.thread_id == thread_id)
        .order_by(Message.id)
        .limit(MOST_SHOWN)
    )
    return [MessageView(*row) for row in rows]


def message_file(session: Session, thread_id: int, public_id: str) -> StoredFile | None:
    """A document sent in the thread."""
    return session.scalar(
        sa.select(StoredFile)
        .join(MessageFile, MessageFile.file_id == StoredFile.id)
        .join(Message, Message.id == MessageFile.message_id)
        .where(Message.thread_id == thread_id, StoredFile.public_id == public_id, StoredFile.removed_at.is_(None))
    )


# --- the team -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A thread in the team's list. ``waits_since``: since when an answer is owed."""

    id: int
    public_id: str
    subject: str
    name: str
    application: str
    waits_since: datetime | None
    closed_at: datetime | None
    created_at: datetime


def team_threads(
    session: Session,
    cohort_id: int,
    seen: sa.ColumnElement[bool],
    *,
    waiting: bool,
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """A page of ``TeamLine``: those that wait for an answer, the longest first, or all, the newest first.

    ``seen`` is the reader's condition over ``Application``. Raises ``keyset.BadCursor``.
    """
    columns: tuple[Any, ...] = (
        Thread.id,
        Thread.public_id,
        Thread.subject,
        Person.display_name,
        Application.public_id,
        Thread.waits_since,
        Thread.closed_at,
        Thread.created_at,
    )
    statement = (
        sa.select(*columns)
        .join(Application, Application.id == Thread.application_id)
        .join(Person, Person.id == Application.person_id)
        .where(Application.cohort_id == cohort_id, seen)
    )
    if waiting:
        statement = statement.where(Thread.waits_since.is_not(None))
    column = Thread.waits_since.expression if waiting else Thread.created_at.expression
    order = Order(column, Thread.id.expression, down=not waiting)
    page = page_of(session, statement, order, after=after, before=before)
    return Page(tuple(TeamLine(*tuple(row)[:8]) for row in page.rows), page.next_cursor, page.prev_cursor)


def team_thread(session: Session, cohort_id: int, seen: sa.ColumnElement[bool], public_id: str) -> Thread | None:
    """A thread of the cohort that the reader may see."""
    return session.scalar(
        sa.select(Thread)
        .join(Application, Application.id == Thread.application_id)
        .where(Application.cohort_id == cohort_id, seen, Thread.public_id == public_id)
    )


# --- accommodation ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request for accommodation and its answer, as its owner reads it."""

    public_id: str
    text: str
    created_at: datetime
    granted: bool | None
    answer: str
    answered_at: datetime | None
    extends: str
    extended_until: datetime | None


_REQUEST: tuple[Any, ...] = (
    AccommodationRequest.public_id,
    AccommodationRequest.text,
    AccommodationRequest.created_at,
    AccommodationRequest.granted,
    AccommodationRequest.answer,
    AccommodationRequest.answered_at,
    AccommodationRequest.extends,
    AccommodationRequest.extended_until,
)


def own_requests(session: Session, person_id: int) -> list[RequestView]:
    """All requests of a person, of every cohort, the newest first."""
    rows = session.execute(
        sa.select(*_REQUEST)
        .join(Application, Application.id == AccommodationRequest.application_id)
        .where(Application.person_id == person_id)
        .order_by(AccommodationRequest.id.desc())
        .limit(MOST_SHOWN)
    )
    return [RequestView(*row) for row in rows]


def own_open_request(session: Session, person_id: int | None, public_id: str) -> AccommodationRequest | None:
    """A request of the person's own that nobody has answered yet."""
    return session.scalar(
        sa.select(AccommodationRequest)
        .join(Application, Application.id == AccommodationRequest.application_id)
        .where(
            Application.person_id == person_id,
            AccommodationRequest.public_id == public_id,
            AccommodationRequest.answered_at.is_(None),
        )
    )


@dataclass(frozen=True, slots=True)
class TeamRequest:
    """A request in the team's list."""

    id: int
    public_id: str
    text: str
    name: str
    application: str
    created_at: datetime
    granted: bool | None
    answered_at: datetime | None
    extended_until: datetime | None


def team_requests(
    session: Session,
    cohort_id: int,
    seen: sa.ColumnElement[bool],
    *,
    waiting: bool,
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """A page of ``TeamRequest``: the unanswered, the oldest first, or all, the newest first. ``keyset.BadCursor``."""
    columns: tuple[Any, ...] = (
        AccommodationRequest.id,
        AccommodationRequest.public_id,
        AccommodationRequest.text,
        Person.display_name,
        Application.public_id,
        AccommodationRequest.created_at,
        AccommodationRequest.granted,
        AccommodationRequest.answered_at,
        AccommodationRequest.extended_until,
    )
    statement = (
        sa.select(*columns)
        .join(Application, Application.id == AccommodationRequest.application_id)
        .join(Person, Person.id == Application.person_id)
        .where(Application.cohort_id == cohort_id, seen)
    )
    if waiting:
        statement = statement.where(AccommodationRequest.answered_at.is_(None))
    order = Order(AccommodationRequest.created_at.expression, AccommodationRequest.id.expression, down=not waiting)
    page = page_of(session, statement, order, after=after, before=before)
    return Page(tuple(TeamRequest(*tuple(row)[:9]) for row in page.rows), page.next_cursor, page.prev_cursor)


def team_request(
    session: Session, cohort_id: int, seen: sa.ColumnElement[bool], public_id: str
) -> AccommodationRequest | None:
    """A request of the cohort that the reader may see."""
    return session.scalar(
        sa.select(AccommodationRequest)
        .join(Application, Application.id == AccommodationRequest.application_id)
        .where(Application.cohort_id == cohort_id, seen, AccommodationRequest.public_id == public_id)
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for the team in a cohort."""

    threads: int
    requests: int


def waiting(session: Session, cohort_id: int, seen: sa.ColumnElement[bool]) -> Waiting:
    """One query for the two tabs."""
    mine = sa.and_(Application.cohort_id == cohort_id, seen)
    threads = (
        sa.select(sa.func.count())
        .select_from(Thread)
        .join(Application, Application.id == Thread.application_id)
        .where(mine, Thread.waits_since.is_not(None))
    )
    requests = (
        sa.select(sa.func.count())
        .select_from(AccommodationRequest)
        .join(Application, Application.id == AccommodationRequest.application_id)
        .where(mine, AccommodationRequest.answered_at.is_(None))
    )
    return Waiting(*session.execute(sa.select(threads.scalar_subquery(), requests.scalar_subquery())).one())
