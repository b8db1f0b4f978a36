"""One application as the team reads it: who wrote it, what was chosen and answered, and everything that happened.

``visible`` is always the condition of what the reader may see (grants, no conflict of interest): whoever asks states
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.answer_files import submitted_files
from matsapply.applications.models import (
    Application,
    Extension,
    Reference,
    Snapshot,
    StreamApplication,
    TrackChoice,
)
from matsapply.cohorts.models import Stream, Track
from matsapply.files.models import StoredFile
from matsapply.people.models import Account, Person
from matsapply.people.queries import names_of
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
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen track."""

    id: int
    track_id: int
    name: str
    state: TrackChoiceState
    score_count: int
    score_mean: float | None
    calibrated: float | None
    margin: float | None
    chance: float | None


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
class Submitted:
    """The snapshot in force; ``file_names`` by the public ids of the files in it that are still stored."""

    content: Mapping[str, Any]
    received_at: datetime
    digest: str
    form_version_id: int
    file_names: Mapping[str, str]


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
    public_id: str
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
            TrackChoice.calibrated,
            TrackChoice.calibrated_margin,
            TrackChoice.chance,
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


def submitted_of(session: Session, head: Header) -> Submitted | None:
    """None before the first submission."""
    if head.snapshot_number is None:
        return None
    snapshot = session.execute(
        sa.select(Snapshot.content, Snapshot.received_at, Snapshot.digest, Snapshot.form_version_id).where(
            Snapshot.application_id == head.id, Snapshot.number == head.snapshot_number
        )
    ).one()
    names = {key: file.name for key, file in submitted_files(session, snapshot.content).items()}
    return Submitted(*snapshot, file_names=names)


def submitted_file(session: Session, head: Header, file_id: str) -> StoredFile | None:
    """A file of the snapshot in force by its public id; None where the snapshot holds no such file."""
    held = submitted_of(session, head)
    return submitted_files(session, held.content).get(file_id) if held else None


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
        sa.select(
            Extension.public_id,
            Extension.gate,
            Extension.until,
            Extension.reason_class,
            Extension.reason,
            Person.display_name,
        )
        .join(Person, Person.id == Extension.granted_by_id)
        .where(Extension.person_id == person_id, Extension.cohort_id == cohort_id, Extension.revoked_at.is_(None))
        .order_by(Extension.id)
    )
    return [Extended(key, gate, until, kind.value, reason, by) for key, gate, until, kind, reason, by in rows]


def extension_of(session: Session, person_id: int, cohort_id: int, public_id: str) -> Extension | None:
    """The person's own extension in the cohort that is in force; None for any other."""
    return session.scalar(
        sa.select(Extension).where(
            Extension.public_id == public_id,
            Extension.person_id == person_id,
            Extension.cohort_id == cohort_id,
            Extension.revoked_at.is_(None),
        )
    )
