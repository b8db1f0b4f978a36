"""A cohort is configuration: dates, tracks, streams, people who mentor, tasks, the form and the rubrics."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.people.models import Person
from matsapply.platform.db import Base, Json, Keyed, Record, enum_type
from matsapply.rules.stages import (
    AiPolicy,
    CohortState,
    EvaluationKind,
    InterviewPlan,
    KeyDateKind,
    MentorKind,
    QuestionType,
    ReferenceTiming,
    RubricKind,
    SelectionMode,
    StreamChoiceMoment,
    StreamState,
)


class Program(Record, Base):
    """The fellowship itself."""

    __tablename__ = "program"

    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    member_term: Mapped[str] = mapped_column(sa.String(40), default="fellow")
    older_term: Mapped[str] = mapped_column(sa.String(40), default="")


class Cohort(Record, Base):
    """One admission. ``key`` is the year and month of its start, as in ``2027-06``."""

    __tablename__ = "cohort"
    __table_args__ = (
        sa.CheckConstraint("capacity >= 0 AND over_offer_allowance >= 0", name="seats_not_negative"),
        sa.CheckConstraint("silent_grace_minutes BETWEEN 0 AND 1440", name="grace_within_a_day"),
    )

    program_id: Mapped[int] = mapped_column(sa.ForeignKey("program.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(40), unique=True)
    label: Mapped[str] = mapped_column(sa.String(100))
    state: Mapped[CohortState] = mapped_column(enum_type(CohortState, "state"), default=CohortState.DRAFT)
    length_weeks: Mapped[int] = mapped_column(default=12)
    locations: Mapped[list[Any]] = mapped_column(default=list)
    capacity: Mapped[int] = mapped_column(default=0)
    over_offer_allowance: Mapped[int] = mapped_column(default=0)
    stipend_text: Mapped[str] = mapped_column(sa.Text, default="")
    compute_text: Mapped[str] = mapped_column(sa.Text, default="")
    eligibility: Mapped[list[Any]] = mapped_column(default=list)
    prior_safety_experience: Mapped[str] = mapped_column(sa.String(60), default="")
    silent_grace_minutes: Mapped[int] = mapped_column(default=15)
    min_notice_hours: Mapped[int] = mapped_column(default=72)
    stream_choice: Mapped[StreamChoiceMoment] = mapped_column(
        enum_type(StreamChoiceMoment, "stream_choice"), default=StreamChoiceMoment.AT_GENERAL
    )
    reference_timing: Mapped[ReferenceTiming] = mapped_column(
        enum_type(ReferenceTiming, "reference_timing"), default=ReferenceTiming.AFTER_ADVANCE
    )
    # The policies of the cohort file, by their section: time, stages, review, offer, status, notifications.
    policies: Mapped[dict[str, Any]] = mapped_column(default=dict)


class KeyDate(Record, Base):
    """An instant that gates, bounds or is only shown; unset means "to be announced"."""

    __tablename__ = "key_date"
    __table_args__ = (sa.UniqueConstraint("cohort_id", "code"),)

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    code: Mapped[str] = mapped_column(sa.String(4))
    label: Mapped[str] = mapped_column(sa.String(120))
    kind: Mapped[KeyDateKind] = mapped_column(enum_type(KeyDateKind, "kind"))
    audience: Mapped[str] = mapped_column(sa.String(20), default="all")
    at: Mapped[datetime | None]
    wall_rule: Mapped[str] = mapped_column(sa.String(60), default="")
    estimate: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(sa.Text, default="")
    bound: Mapped[str] = mapped_column(sa.String(60), default="")
    # Where the figure comes from, as the cohort file marks it: S stated, F found, P placeholder.
    src: Mapped[str] = mapped_column(sa.String(1), default="")


class KeyDateRevision(Keyed, Base):
    """One move of a key date: the old value stays visible."""

    __tablename__ = "key_date_revision"

    key_date_id: Mapped[int] = mapped_column(sa.ForeignKey("key_date.id"), index=True)
    old_at: Mapped[datetime | None]
    new_at: Mapped[datetime | None]
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    announced_at: Mapped[datetime]
    reopens: Mapped[bool] = mapped_column(default=False)


class Track(Record, Base):
    __tablename__ = "track"
    __table_args__ = (sa.UniqueConstraint("cohort_id", "key"),)

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    key: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(120))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    position: Mapped[int]
    dropped_at: Mapped[datetime | None]


class Stream(Record, Base):
    """A place to do research under one or more mentors. Unset seats are "to be announced"; 0 means waitlist only."""

    __tablename__ = "stream"
    __table_args__ = (
        sa.UniqueConstraint("cohort_id", "key"),
        sa.CheckConstraint(
            "(seats_min IS NULL AND seats_target IS NULL AND seats_max IS NULL)"
            " OR (0 <= seats_min AND seats_min <= seats_target AND seats_target <= seats_max)",
            name="seats_in_order",
        ),
        sa.CheckConstraint(
            "closes_at IS NULL OR opens_at IS NULL OR opens_at < closes_at", name="opens_before_it_closes"
        ),
        sa.CheckConstraint("seats_held >= 0", name="seats_held_not_negative"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    key: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(160))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    areas: Mapped[list[str]] = mapped_column(default=list)
    locations: Mapped[list[str]] = mapped_column(default=list)
    state: Mapped[StreamState] = mapped_column(enum_type(StreamState, "state"), default=StreamState.LISTED)
    seats_min: Mapped[int | None]
    seats_target: Mapped[int | None]
    seats_max: Mapped[int | None]
    # Offers approved, pending, accepted or confirmed: kept beside the seats, in the transaction that changes them.
    seats_held: Mapped[int] = mapped_column(default=0)
    opens_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    own_calendar: Mapped[bool] = mapped_column(default=False)
    ai_policy: Mapped[AiPolicy | None] = mapped_column(enum_type(AiPolicy, "ai_policy"))
    mode: Mapped[SelectionMode] = mapped_column(enum_type(SelectionMode, "mode"), default=SelectionMode.SINGLE)
    interview: Mapped[InterviewPlan] = mapped_column(enum_type(InterviewPlan, "interview"), default=InterviewPlan.ONE)
    note: Mapped[str] = mapped_column(sa.Text, default="")
    # The closing in words ("2027-01-04 EOD AoE"), so that a dump of the cohort gives the same words back.
    closes_rule: Mapped[str] = mapped_column(sa.String(60), default="")
    position: Mapped[int] = mapped_column(default=0)


class StreamTrack(Keyed, Base):
    """A stream's tracks; exactly one is its main track."""

    __tablename__ = "stream_track"
    __table_args__ = (
        sa.UniqueConstraint("stream_id", "track_id"),
        sa.Index(
            "uq_stream_track_main",
            "stream_id",
            unique=True,
            postgresql_where=sa.text("is_main"),
            sqlite_where=sa.text("is_main"),
        ),
    )

    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    track_id: Mapped[int] = mapped_column(sa.ForeignKey("track.id"), index=True)
    is_main: Mapped[bool] = mapped_column(default=True)

    stream: Mapped[Stream] = relationship()
    track: Mapped[Track] = relationship()


class Mentor(Record, Base):
    """A mentor of a stream; ``name`` is what the public page shows, the person may be linked later."""

    __tablename__ = "mentor"
    __table_args__ = (
        sa.UniqueConstraint("stream_id", "position"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="ends_after_it_starts"),
    )

    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[MentorKind] = mapped_column(enum_type(MentorKind, "kind"), default=MentorKind.LEAD)
    position: Mapped[int]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]

    person: Mapped[Person | None] = relationship()


class FormVersion(Record, Base):
    """The questions of a general application. A published version never changes: a correction is a new version."""

    __tablename__ = "form_version"
    __table_args__ = (sa.UniqueConstraint("cohort_id", "number"), sa.CheckConstraint("number >= 1", name="from_one"))

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    number: Mapped[int]
    published_at: Mapped[datetime | None]
    stated_minutes: Mapped[int] = mapped_column(default=90)
    ai_policy: Mapped[str] = mapped_column(sa.String(60), default="")


class Question(Record, Base):
    __tablename__ = "question"
    __table_args__ = (
        sa.UniqueConstraint("form_version_id", "key"),
        sa.CheckConstraint('"limit" IS NULL OR "limit" > 0', name="limit_positive"),
    )

    form_version_id: Mapped[int] = mapped_column(sa.ForeignKey("form_version.id"))
    key: Mapped[str] = mapped_column(sa.String(60))
    section: Mapped[str] = mapped_column(sa.String(60))
    position: Mapped[int]
    type: Mapped[QuestionType] = mapped_column(enum_type(QuestionType, "type"))
    label: Mapped[str] = mapped_column(sa.Text)
    hint: Mapped[str] = mapped_column(sa.Text, default="")
    required: Mapped[bool] = mapped_column(default=False)
    blind: Mapped[bool] = mapped_column(default=False)
    limit: Mapped[int | None]
    when_track_id: Mapped[int | None] = mapped_column(sa.ForeignKey("track.id"), index=True)
    # Options, minimum and maximum, accepted file kinds: what differs from type to type.
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Rubric(Record, Base):
    """How one kind of reading is scored. ``scale`` lists the steps, worst first; a score is a step's number from 1."""

    __tablename__ = "rubric"
    __table_args__ = (
        sa.UniqueConstraint("cohort_id", "kind", "number"),
        sa.CheckConstraint("readers >= 1", name="readers_positive"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    kind: Mapped[RubricKind] = mapped_column(enum_type(RubricKind, "kind"))
    number: Mapped[int] = mapped_column(default=1)
    scale: Mapped[list[Any]] = mapped_column(default=list)
    readers: Mapped[int] = mapped_column(default=1)
    third_reader_spread: Mapped[int | None]
    blind: Mapped[list[str]] = mapped_column(default=list)
    # What else the file says of the rubric (by_question, structured, exception paths, text limits).
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # {track key: {criterion key: weight}}; weights of a track sum to 1.
    weights: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Criterion(Record, Base):
    __tablename__ = "criterion"
    __table_args__ = (sa.UniqueConstraint("rubric_id", "key"),)

    rubric_id: Mapped[int] = mapped_column(sa.ForeignKey("rubric.id"))
    key: Mapped[str] = mapped_column(sa.String(60))
    label: Mapped[str] = mapped_column(sa.String(160), default="")
    position: Mapped[int]
    # {score as text: what it looks like}
    anchors: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    src: Mapped[str] = mapped_column(sa.String(1), default="")


class Evaluation(Record, Base):
    """A task of the stream phase; one that is shared is taken once and read by every stream that uses it."""

    __tablename__ = "evaluation"
    __table_args__ = (
        sa.UniqueConstraint("cohort_id", "key"),
        sa.CheckConstraint("effort_hours > 0", name="effort_positive"),
        sa.CheckConstraint("personal_clock_minutes IS NULL OR personal_clock_minutes > 0", name="clock_positive"),
        sa.CheckConstraint("opens_at IS NULL OR due_at IS NULL OR opens_at < due_at", name="opens_before_due"),
        sa.CheckConstraint("attempts >= 1", name="attempts_positive"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    key: Mapped[str] = mapped_column(sa.String(60))
    title: Mapped[str] = mapped_column(sa.String(160))
    kind: Mapped[EvaluationKind] = mapped_column(enum_type(EvaluationKind, "kind"))
    shared: Mapped[bool] = mapped_column(default=False)
    effort_hours: Mapped[float] = mapped_column(sa.Float)
    opens_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    due_rule: Mapped[str] = mapped_column(sa.String(60), default="")
    personal_clock_minutes: Mapped[int | None]
    dry_run: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=1)
    ai_policy: Mapped[AiPolicy] = mapped_column(enum_type(AiPolicy, "ai_policy"))
    brief: Mapped[str] = mapped_column(sa.Text, default="")
    answer_limit: Mapped[int | None]
    position: Mapped[int] = mapped_column(default=0)


class StreamEvaluation(Keyed, Base):
    """Which tasks a stream uses, and how much each counts."""

    __tablename__ = "stream_evaluation"
    __table_args__ = (
        sa.UniqueConstraint("stream_id", "evaluation_id"),
        sa.CheckConstraint("weight >= 0", name="weight_not_negative"),
    )

    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    evaluation_id: Mapped[int] = mapped_column(sa.ForeignKey("evaluation.id"), index=True)
    required: Mapped[bool] = mapped_column(default=True)
    weight: Mapped[float] = mapped_column(sa.Float, default=1.0)
    position: Mapped[int] = mapped_column(default=0)

    evaluation: Mapped[Evaluation] = relationship()
