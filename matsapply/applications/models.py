"""An application: its answers, snapshots, choices, referees and what surrounds them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.cohorts.models import Cohort, FormVersion, Stream, Track
from matsapply.files.models import StoredFile
from matsapply.people.models import Person
from matsapply.platform.append_only import make_append_only
from matsapply.platform.db import Base, Json, Keyed, Record, enum_type
from matsapply.rules.stages import (
    ApplicationState,
    CloseReason,
    ExtensionReason,
    ReferenceState,
    StreamApplicationOrigin,
    StreamApplicationState,
    TrackChoiceState,
)


class Application(Record, Base):
    """One person in one cohort. In the stream phase its stage is derived, never stored."""

    __tablename__ = "application"
    __table_args__ = (
        sa.CheckConstraint("(state = 'closed') = (close_reason IS NOT NULL)", name="closed_has_one_reason"),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_has_its_instant"),
        sa.CheckConstraint(
            "state NOT IN ('submitted', 'in_streams') OR snapshot_number IS NOT NULL", name="submitted_has_a_snapshot"
        ),
        sa.CheckConstraint(
            "close_reason IS NULL OR close_reason <> 'never_submitted' OR snapshot_number IS NULL",
            name="never_submitted_has_no_snapshot",
        ),
        sa.CheckConstraint("(snapshot_number IS NULL) = (submitted_at IS NULL)", name="submitted_at_with_snapshot"),
        sa.CheckConstraint("score_count >= 0", name="score_count_not_negative"),
        sa.Index(
            "uq_application_one_live",
            "person_id",
            "cohort_id",
            unique=True,
            postgresql_where=sa.text("state <> 'closed'"),
            sqlite_where=sa.text("state <> 'closed'"),
        ),
        sa.Index("ix_application_cohort_id_state_score_mean", "cohort_id", "state", "score_mean", "id"),
        sa.Index("ix_application_cohort_id_score_mean", "cohort_id", "score_mean", "id"),
        sa.Index("ix_application_cohort_id_submitted_at", "cohort_id", "submitted_at", "id"),
    )

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    form_version_id: Mapped[int] = mapped_column(sa.ForeignKey("form_version.id"))
    state: Mapped[ApplicationState] = mapped_column(
        enum_type(ApplicationState, "state"), default=ApplicationState.DRAFT
    )
    close_reason: Mapped[CloseReason | None] = mapped_column(enum_type(CloseReason, "close_reason"))
    closed_at: Mapped[datetime | None]
    # Where an undo (A9) or a correction (A13) returns to.
    state_before_close: Mapped[ApplicationState | None] = mapped_column(
        enum_type(ApplicationState, "state_before_close")
    )
    snapshot_number: Mapped[int | None]
    submitted_at: Mapped[datetime | None]
    draft_changed_at: Mapped[datetime | None]
    # A re-opened application (A5) may be edited until then.
    reopened_until: Mapped[datetime | None]
    # First-choice track's weighted scores of the counted reviews; kept in the transaction that changes them.
    score_count: Mapped[int] = mapped_column(default=0)
    score_sum: Mapped[float] = mapped_column(sa.Float, default=0.0)
    score_mean: Mapped[float | None] = mapped_column(sa.Float)
    score_spread: Mapped[float | None] = mapped_column(sa.Float)
    # The mean score of each criterion, {criterion key: mean}, for a look at other weights.
    criterion_means: Mapped[dict[str, Any] | None] = mapped_column(Json)

    person: Mapped[Person] = relationship()
    cohort: Mapped[Cohort] = relationship()
    form_version: Mapped[FormVersion] = relationship()


class AnswerDraft(Keyed, Base):
    """The text in the making: one row for each question, with its own counter so that two tabs can be told apart."""

    __tablename__ = "answer_draft"
    __table_args__ = (sa.UniqueConstraint("application_id", "question_key"),)

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    question_key: Mapped[str] = mapped_column(sa.String(60))
    value: Mapped[Any] = mapped_column(Json, nullable=True)
    version: Mapped[int] = mapped_column(default=1)
    saved_at: Mapped[datetime]
    # How long it was written at, as the pauses between saves tell; see applications/pace.py.
    seconds: Mapped[int] = mapped_column(default=0, server_default="0")


class SectionPace(Keyed, Base):
    """How long a section of a form took those who submitted: the middle half of them. Counted anew now and then."""

    __tablename__ = "section_pace"
    __table_args__ = (
        sa.UniqueConstraint("form_version_id", "section"),
        sa.CheckConstraint("0 <= low_seconds AND low_seconds <= high_seconds", name="low_before_high"),
    )

    form_version_id: Mapped[int] = mapped_column(sa.ForeignKey("form_version.id"))
    section: Mapped[str] = mapped_column(sa.String(60))
    people: Mapped[int]
    low_seconds: Mapped[int]
    high_seconds: Mapped[int]
    measured_at: Mapped[datetime]


class Snapshot(Keyed, Base):
    """What was submitted at one instant; never changed afterwards, by order of the database."""

    __tablename__ = "snapshot"
    __table_args__ = (
        sa.UniqueConstraint("application_id", "number"),
        sa.CheckConstraint("number >= 1", name="from_one"),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    number: Mapped[int]
    form_version_id: Mapped[int] = mapped_column(sa.ForeignKey("form_version.id"))
    received_at: Mapped[datetime]
    # {"answers": {question key: value}, "tracks": [track keys], "streams": [stream keys in the applicant's order]}
    content: Mapped[dict[str, Any]] = mapped_column()
    digest: Mapped[str] = mapped_column(sa.String(64))
    submit_key: Mapped[str] = mapped_column(sa.String(60), unique=True)


# What is left of a submission when its owner is erased: its number, its instant and its fingerprint.
ERASED_CONTENT: dict[str, Any] = {"answers": {}, "tracks": [], "streams": []}
make_append_only(Snapshot.__table__, {"content": json.dumps(ERASED_CONTENT)})


class TrackChoice(Record, Base):
    __tablename__ = "track_choice"
    __table_args__ = (
        sa.UniqueConstraint("application_id", "track_id"),
        sa.CheckConstraint("rank >= 1", name="rank_from_one"),
        sa.Index("ix_track_choice_track_id_state_score_mean", "track_id", "state", "score_mean", "id"),
        sa.Index("ix_track_choice_track_id_state_calibrated", "track_id", "state", "calibrated", "id"),
        sa.Index("ix_track_choice_track_id_state_doubt", "track_id", "state", "doubt", "id"),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    track_id: Mapped[int] = mapped_column(sa.ForeignKey("track.id"))
    rank: Mapped[int]
    state: Mapped[TrackChoiceState] = mapped_column(
        enum_type(TrackChoiceState, "state"), default=TrackChoiceState.CHOSEN
    )
    score_count: Mapped[int] = mapped_column(default=0)
    score_sum: Mapped[float] = mapped_column(sa.Float, default=0.0)
    score_mean: Mapped[float | None] = mapped_column(sa.Float)
    # The score freed of its readers' severity, 95 in 100 within the margin; then how it stands to the track's bar: the
    # chance of lying above, how open that is, and what one more reading is worth (points). All by the job of
    # reviews/calibrating.py; empty from a change of the readings until it has run.
    calibrated: Mapped[float | None] = mapped_column(sa.Float)
    calibrated_margin: Mapped[float | None] = mapped_column(sa.Float)
    chance: Mapped[float | None] = mapped_column(sa.Float)
    doubt: Mapped[float | None] = mapped_column(sa.Float)
    reading_worth: Mapped[float | None] = mapped_column(sa.Float)

    application: Mapped[Application] = relationship()
    track: Mapped[Track] = relationship()


class StreamApplication(Record, Base):
    """One application in one stream: for all time at most one row, re-opened rather than doubled."""

    __tablename__ = "stream_application"
    __table_args__ = (
        sa.UniqueConstraint("application_id", "stream_id"),
        sa.CheckConstraint("rank IS NULL OR rank >= 1", name="rank_from_one"),
        sa.Index("ix_stream_application_stream_id_state", "stream_id", "state", "id"),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    rank: Mapped[int | None]
    state: Mapped[StreamApplicationState] = mapped_column(
        enum_type(StreamApplicationState, "state"), default=StreamApplicationState.CHOSEN
    )
    state_before_exit: Mapped[StreamApplicationState | None] = mapped_column(
        enum_type(StreamApplicationState, "state_before_exit")
    )
    exited_at: Mapped[datetime | None]
    origin: Mapped[StreamApplicationOrigin] = mapped_column(
        enum_type(StreamApplicationOrigin, "origin"), default=StreamApplicationOrigin.OWN
    )
    # Mean of the stream's own reviews and of the task marks, kept beside for lists.
    review_mean: Mapped[float | None] = mapped_column(sa.Float)
    marks_mean: Mapped[float | None] = mapped_column(sa.Float)
    interview_mean: Mapped[float | None] = mapped_column(sa.Float)

    application: Mapped[Application] = relationship()
    stream: Mapped[Stream] = relationship()


class Reference(Record, Base):
    __tablename__ = "reference"
    __table_args__ = (
        sa.CheckConstraint("email = lower(email)", name="email_in_lower_case"),
        sa.CheckConstraint("reminders BETWEEN 0 AND 3", name="at_most_three_reminders"),
        sa.Index(
            "uq_reference_one_live",
            "application_id",
            "email",
            unique=True,
            postgresql_where=sa.text("state <> 'replaced'"),
            sqlite_where=sa.text("state <> 'replaced'"),
        ),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(200))
    email: Mapped[str] = mapped_column(sa.String(255))
    consent: Mapped[bool] = mapped_column(default=False)
    state: Mapped[ReferenceState] = mapped_column(enum_type(ReferenceState, "state"), default=ReferenceState.NAMED)
    token_digest: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    requested_at: Mapped[datetime | None]
    reminders: Mapped[int] = mapped_column(default=0)
    reminded_at: Mapped[datetime | None]

    application: Mapped[Application] = relationship()


class ReferenceLetter(Keyed, Base):
    """One version of a letter; the last one counts. Never shown to the applicant."""

    __tablename__ = "reference_letter"
    __table_args__ = (sa.UniqueConstraint("reference_id", "number"),)

    reference_id: Mapped[int] = mapped_column(sa.ForeignKey("reference.id"))
    number: Mapped[int]
    scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    text: Mapped[str] = mapped_column(sa.Text, default="")
    received_at: Mapped[datetime]
    late: Mapped[bool] = mapped_column(default=False)


class Extension(Record, Base):
    """One person's own, later closing of one gate; ``gate`` is a key-date code such as T2."""

    __tablename__ = "extension"
    __table_args__ = (sa.Index("ix_extension_person_id_cohort_id", "person_id", "cohort_id", "gate"),)

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    gate: Mapped[str] = mapped_column(sa.String(4))
    until: Mapped[datetime]
    reason_class: Mapped[ExtensionReason] = mapped_column(enum_type(ExtensionReason, "reason_class"))
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    granted_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    revoked_at: Mapped[datetime | None]


class DemographicAnswers(Keyed, Base):
    """The optional questions, kept apart: no query joins this table with a name outside the owner's own view."""

    __tablename__ = "demographic_answers"

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), unique=True)
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    saved_at: Mapped[datetime]


class AnswerFile(Keyed, Base):
    """A file that stands as the answer to a question; replaced and removed at will, kept where a snapshot holds it."""

    __tablename__ = "answer_file"
    __table_args__ = (sa.UniqueConstraint("application_id", "question_key", "file_id"),)

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    question_key: Mapped[str] = mapped_column(sa.String(60))
    file_id: Mapped[int] = mapped_column(sa.ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile] = relationship()


class Thread(Record, Base):
    """A question to the team and its answers; never visible to reviewers and mentors."""

    __tablename__ = "thread"
    __table_args__ = (sa.CheckConstraint("closed_at IS NULL OR waits_since IS NULL", name="closed_waits_for_nobody"),)

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), index=True)
    subject: Mapped[str] = mapped_column(sa.String(200))
    # Since when the team owes an answer; None where it has given one.
    waits_since: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Message(Keyed, Base):
    __tablename__ = "message"

    thread_id: Mapped[int] = mapped_column(sa.ForeignKey("thread.id"), index=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(sa.Text)
    sent_at: Mapped[datetime]


class MessageFile(Keyed, Base):
    """A document sent with a message."""

    __tablename__ = "message_file"

    message_id: Mapped[int] = mapped_column(sa.ForeignKey("message.id"), unique=True)
    file_id: Mapped[int] = mapped_column(sa.ForeignKey("stored_file.id"), unique=True)

    file: Mapped[StoredFile] = relationship()


class AccommodationRequest(Record, Base):
    """What somebody needs in order to take part on equal terms. Reviewers and markers see nothing of it.

    Where more time is granted, the extension itself is recorded where it acts; here stands what it was given for.
    """

    __tablename__ = "accommodation_request"
    __table_args__ = (
        sa.CheckConstraint("(answered_at IS NULL) = (granted IS NULL)", name="answered_with_a_decision"),
        sa.CheckConstraint("extended_until IS NULL OR granted", name="extended_where_granted"),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), index=True)
    text: Mapped[str] = mapped_column(sa.Text)
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    granted: Mapped[bool | None]
    # What got more time, in words, and until when.
    extends: Mapped[str] = mapped_column(sa.String(200), default="")
    extended_until: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]


class TeamTask(Record, Base):
    """Something a coordinator has to see to: a bounced outcome mail, a technical fault, a freed seat."""

    __tablename__ = "team_task"
    __table_args__ = (sa.CheckConstraint("(done_at IS NULL) = (done_by_id IS NULL)", name="done_by_someone"),)

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(sa.ForeignKey("application.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(60))
    text: Mapped[str] = mapped_column(sa.Text, default="")
    due_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
