"""What an applicant's own pages read. Everything here belongs to the asking person; released facts only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.answer_files import FileRow, answer_files, snapshot_files
from matsapply.applications.answers import Stored, stored_answers
from matsapply.applications.choices import chosen_tracks
from matsapply.applications.forms import form_by_key, track_options
from matsapply.applications.models import (
    Application,
    Reference,
    ReferenceLetter,
    Snapshot,
    StreamApplication,
)
from matsapply.cohorts.models import Cohort, Evaluation, KeyDate, StreamEvaluation
from matsapply.people.models import Person
from matsapply.platform.db import fetch, fixed
from matsapply.rules.answers import check, progress
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    CloseReason,
    QuestionType,
    ReferenceState,
    StreamApplicationState,
    TrackChoiceState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from matsapply.applications.editing import Editing
    from matsapply.applications.forms import Form, TrackOption
    from matsapply.rules.answers import Problem, SectionState


@dataclass(frozen=True, slots=True)
class OwnApplication:
    """One application of a person, as a line in a list."""

    id: int
    public_id: str
    cohort_id: int
    cohort_label: str
    state: ApplicationState
    close_reason: CloseReason | None
    submitted_at: datetime | None
    snapshot_number: int | None


def _own() -> Any:
    return sa.select(
        Application.id,
        Application.public_id,
        Application.cohort_id,
        Cohort.label,
        Application.state,
        Application.close_reason,
        Application.submitted_at,
        Application.snapshot_number,
    ).join(Cohort, Cohort.id == Application.cohort_id)


def own_applications(session: Session, person_id: int) -> list[OwnApplication]:
    """All of a person's applications, the newest first."""
    rows = session.execute(_own().where(Application.person_id == person_id).order_by(Application.id.desc()))
    return [OwnApplication(*row) for row in rows]


def own_application(session: Session, person_id: int, public_id: str) -> OwnApplication | None:
    """One of them; None for anybody else's, as for one that does not exist."""
    row = session.execute(
        _own().where(Application.person_id == person_id, Application.public_id == public_id)
    ).one_or_none()
    return OwnApplication(*row) if row else None


@dataclass(frozen=True, slots=True)
class RefereeRow:
    """A referee as the applicant sees one: who, and how far; never what was written."""

    public_id: str
    name: str
    email: str
    state: ReferenceState
    requested_at: datetime | None
    reminders: int
    reminded_at: datetime | None


_REFEREES = (
    sa.select(
        Reference.public_id,
        Reference.name,
        Reference.email,
        Reference.state,
        Reference.requested_at,
        Reference.reminders,
        Reference.reminded_at,
    )
    .where(Reference.application_id == sa.bindparam("application_id"), Reference.state != ReferenceState.REPLACED)
    .order_by(Reference.position, Reference.id)
)


def referees(session: Session, application_id: int) -> list[RefereeRow]:
    return [RefereeRow(*row) for row in fetch(session, _REFEREES, application_id=application_id)]


def own_referee(session: Session, application_id: int, public_id: str) -> Reference | None:
    return session.scalar(
        sa.select(Reference).where(Reference.application_id == application_id, Reference.public_id == public_id)
    )


@dataclass(frozen=True, slots=True)
class LetterView:
    """What a referee sees: who asks, until when, and their own last letter. Nothing of the application."""

    applicant: str
    cohort_id: int
    cohort_label: str
    due_at: datetime | None
    live: bool
    text: str
    scores: dict[str, Any]
    saved_at: datetime | None


def letter_of(session: Session, reference: Reference) -> LetterView:
    name, cohort_id, label, state = session.execute(
        sa.select(Person.display_name, Cohort.id, Cohort.label, Application.state)
        .join(Application, Application.person_id == Person.id)
        .join(Cohort, Cohort.id == Application.cohort_id)
        .where(Application.id == reference.application_id)
    ).one()
    due = session.scalar(sa.select(KeyDate.at).where(KeyDate.cohort_id == cohort_id, KeyDate.code == "T3"))
    last = session.scalar(
        sa.select(ReferenceLetter)
        .where(ReferenceLetter.reference_id == reference.id)
        .order_by(ReferenceLetter.number.desc())
        .limit(1)
    )
    return LetterView(
        applicant=name,
        cohort_id=cohort_id,
        cohort_label=label,
        due_at=due,
        live=state is not ApplicationState.CLOSED,
        text=last.text if last else "",
        scores=dict(last.scores) if last else {},
        saved_at=last.received_at if last else None,
    )


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    number: int
    received_at: datetime
    digest: str
    content: dict[str, Any]
    form_version_id: int


_SNAPSHOT = sa.select(
    Snapshot.number, Snapshot.received_at, Snapshot.digest, Snapshot.content, Snapshot.form_version_id
)


def snapshot(session: Session, application_id: int, number: int | None = None) -> SnapshotRow | None:
    """A snapshot by its number, or the last one."""
    query = _SNAPSHOT.where(Snapshot.application_id == application_id)
    if number is not None:
        query = query.where(Snapshot.number == number)
    row = session.execute(query.order_by(Snapshot.number.desc()).limit(1)).one_or_none()
    return SnapshotRow(*row) if row else None


def snapshots(session: Session, application_id: int) -> list[SnapshotRow]:
    """All snapshots, the newest first."""
    rows = session.execute(_SNAPSHOT.where(Snapshot.application_id == application_id).order_by(Snapshot.number.desc()))
    return [SnapshotRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class StreamPick:
    """A stream in the applicant's order, as far as it is chosen now."""

    public_id: str
    key: str
    name: str
    rank: int | None
    state: StreamApplicationState
    exited_at: datetime | None

    @property
    def live(self) -> bool:
        return self.state in LIVE_STREAM_APPLICATION


def own_stream_application(session: Session, application_id: int, public_id: str) -> StreamApplication | None:
    return session.scalar(
        sa.select(StreamApplication).where(
            StreamApplication.application_id == application_id, StreamApplication.public_id == public_id
        )
    )


@dataclass(frozen=True, slots=True)
class Work:
    """An application as it stands in the making: the form, the drafts and what hangs beside them."""

    form: Form
    stored: dict[str, Stored]
    tracks: list[TrackOption]
    files: list[FileRow]
    referees: list[RefereeRow]

    @property
    def values(self) -> dict[str, Any]:
        return {key: stored.value for key, stored in self.stored.items()}

    @property
    def picked(self) -> list[str]:
        """The keys of the tracks picked in the draft, in order; dropped tracks are gone."""
        question = self.form.of_type(QuestionType.TRACK_RANK)
        wished = self.values.get(question.key) if question else None
        known = {track.key for track in self.tracks}
        return [key for key in wished or [] if key in known]

    @property
    def streams(self) -> list[str]:
        question = self.form.of_type(QuestionType.STREAM_INTEREST)
        return list((self.values.get(question.key) if question else None) or [])

    @property
    def counts(self) -> dict[str, int]:
        """How many files and referees there are, by question."""
        found: dict[str, int] = {}
        for file in self.files:
            found[file.question_key] = found.get(file.question_key, 0) + 1
        asked = self.form.of_type(QuestionType.REFEREES)
        if asked is not None:
            found[asked.key] = len(self.referees)
        return found

    @property
    def saved_at(self) -> datetime | None:
        return max((each.saved_at for each in self.stored.values() if each.saved_at), default=None)

    def sections(self, pace: Mapping[str, tuple[float, float]] = MappingProxyType({})) -> list[SectionState]:
        """How far each section is; ``pace`` gives the minutes that were measured (see ``applications.pace``)."""
        form = self.form
        return progress(form.questions, self.values, self.picked, self.counts, form.stated_minutes, pace)

    def problems(self) -> list[Problem]:
        return check(self.form.questions, self.values, self.picked, self.counts)


def work(session: Session, application: Editing) -> Work:
    """Four queries, five where the form was not read before."""
    tracks = track_options(session, application.cohort_id)
    return Work(
        form=application.form(session).with_tracks([track.key for track in tracks]),
        stored=stored_answers(session, application.id),
        tracks=tracks,
        files=answer_files(session, application.id),
        referees=referees(session, application.id),
    )


def submitted_work(session: Session, application: Editing) -> Work | None:
    """The snapshot in force in the same shape; ``None`` before one. Referees stand beside it as they are now."""
    if application.snapshot_number is None:
        return None
    made = snapshot(session, application.id, application.snapshot_number)
    if made is None:
        return None
    tracks = track_options(session, application.cohort_id)
    form = form_by_key(session, made.form_version_id).with_tracks([track.key for track in tracks])
    files = snapshot_files(session, made.content)
    in_files = {file.question_key for file in files}
    values = {key: value for key, value in made.content["answers"].items() if key not in in_files}
    for kind, part in ((QuestionType.TRACK_RANK, "tracks"), (QuestionType.STREAM_INTEREST, "streams")):
        if (question := form.of_type(kind)) is not None:
            values[question.key] = made.content[part]
    stored = {key: Stored(value, saved_at=made.received_at) for key, value in values.items()}
    return Work(form, stored, tracks, files, referees(session, application.id))


@dataclass(frozen=True, slots=True)
class TaskFrame:
    """When the required tasks of the streams chosen can be worked on, and for how long; shared ones count once.

    ``hours`` is None where no stream is chosen yet: then the instants are those of all the cohort's tasks.
    """

    opens_at: datetime | None
    due_at: datetime | None
    hours: float | None


_CHOSEN = Evaluation.id.in_(
    sa.select(StreamEvaluation.evaluation_id)
    .join(StreamApplication, StreamApplication.stream_id == StreamEvaluation.stream_id)
    .where(
        StreamApplication.application_id == sa.bindparam("application_id"),
        StreamApplication.state.in_(fixed(LIVE_STREAM_APPLICATION)),
        StreamEvaluation.required,
    )
).label("chosen")
_TASK_FRAME = (
    sa.select(
        _CHOSEN, sa.func.min(Evaluation.opens_at), sa.func.max(Evaluation.due_at), sa.func.sum(Evaluation.effort_hours)
    )
    .where(Evaluation.cohort_id == sa.bindparam("cohort_id"))
    .group_by("chosen")
)


def task_frame(session: Session, application: Editing) -> TaskFrame:
    """One query."""
    rows = fetch(session, _TASK_FRAME, application_id=application.id, cohort_id=application.cohort_id)
    if chosen := next((row for row in rows if row.chosen), None):
        return TaskFrame(chosen[1], chosen[2], chosen[3])
    return TaskFrame(rows[0][1], rows[0][2], None) if rows else TaskFrame(None, None, None)


def open_tracks(session: Session, application: Editing) -> list[str]:
    """The tracks in which streams may be chosen now: those advanced, or those picked."""
    if application.state is ApplicationState.IN_STREAMS:
        return chosen_tracks(session, application.id, TrackChoiceState.ADVANCED)
    return work(session, application).picked
