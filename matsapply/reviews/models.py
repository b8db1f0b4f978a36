"""Readings: rounds, assignments, reviews, conflicts of interest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Rubric, Stream
from matsapply.evaluations.models import Submission
from matsapply.interviews.models import Interview
from matsapply.people.models import Person
from matsapply.platform.append_only import make_append_only
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.stages import (
    AssignmentState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    ReviewerKind,
    RoundKind,
)

_AT_MOST_ONE_TARGET = (
    "(CASE WHEN stream_application_id IS NULL THEN 0 ELSE 1 END)"
    " + (CASE WHEN submission_id IS NULL THEN 0 ELSE 1 END)"
    " + (CASE WHEN interview_id IS NULL THEN 0 ELSE 1 END) <= 1"
)


class ReviewRound(Record, Base):
    """One kind of reading in a cohort (or in one stream of it): its rubric, number of readers and blindness."""

    __tablename__ = "review_round"
    __table_args__ = (
        sa.CheckConstraint("readers >= 1", name="readers_positive"),
        sa.Index("ix_review_round_cohort_id_kind", "cohort_id", "kind"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    kind: Mapped[RoundKind] = mapped_column(enum_type(RoundKind, "kind"))
    stream_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stream.id"), index=True)
    rubric_id: Mapped[int] = mapped_column(sa.ForeignKey("rubric.id"))
    readers: Mapped[int] = mapped_column(default=2)
    blind: Mapped[bool] = mapped_column(default=True)
    due_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    rubric: Mapped[Rubric] = relationship()
    stream: Mapped[Stream | None] = relationship()


class ReviewAssignment(Record, Base):
    """A reader and what is to be read. ``target_key`` names the target in one string, e.g. ``submission:17``."""

    __tablename__ = "review_assignment"
    __table_args__ = (
        sa.CheckConstraint(_AT_MOST_ONE_TARGET, name="one_target"),
        sa.Index(
            "uq_review_assignment_once",
            "round_id",
            "reviewer_id",
            "target_key",
            unique=True,
            postgresql_where=sa.text("state IN ('proposed', 'assigned', 'started', 'submitted')"),
            sqlite_where=sa.text("state IN ('proposed', 'assigned', 'started', 'submitted')"),
        ),
        sa.Index("ix_review_assignment_reviewer_id_state", "reviewer_id", "state", "id"),
        sa.Index("ix_review_assignment_application_id_round_id", "application_id", "round_id"),
    )

    round_id: Mapped[int] = mapped_column(sa.ForeignKey("review_round.id"), index=True)
    reviewer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    stream_application_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stream_application.id"), index=True)
    submission_id: Mapped[int | None] = mapped_column(sa.ForeignKey("submission.id"), index=True)
    interview_id: Mapped[int | None] = mapped_column(sa.ForeignKey("interview.id"), index=True)
    target_key: Mapped[str] = mapped_column(sa.String(60))
    question_key: Mapped[str] = mapped_column(sa.String(60), default="")
    state: Mapped[AssignmentState] = mapped_column(
        enum_type(AssignmentState, "state"), default=AssignmentState.ASSIGNED
    )
    due_at: Mapped[datetime | None]
    override_reason: Mapped[str] = mapped_column(sa.Text, default="")
    # The draft, kept until it is submitted as a Review.
    draft_scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    draft_note: Mapped[str] = mapped_column(sa.Text, default="")
    draft_feedback: Mapped[str] = mapped_column(sa.Text, default="")
    draft_confidence: Mapped[int | None]
    draft_minutes: Mapped[float] = mapped_column(sa.Float, default=0.0)
    # Put off by the reader: it comes back when the others are done.
    skipped_at: Mapped[datetime | None]

    round: Mapped[ReviewRound] = relationship()
    reviewer: Mapped[Person] = relationship()
    application: Mapped[Application] = relationship()
    stream_application: Mapped[StreamApplication | None] = relationship()
    submission: Mapped[Submission | None] = relationship()
    interview: Mapped[Interview | None] = relationship()


class Review(Record, Base):
    """A finished reading. Never changed: a correction is the next number, and only the last one counts."""

    __tablename__ = "review"
    __table_args__ = (
        sa.UniqueConstraint("assignment_id", "number"),
        sa.CheckConstraint("confidence IS NULL OR confidence BETWEEN 1 AND 5", name="confidence_from_1_to_5"),
        sa.CheckConstraint("minutes IS NULL OR minutes >= 0", name="minutes_not_negative"),
        sa.Index("ix_review_application_id_round_id", "application_id", "round_id"),
    )

    assignment_id: Mapped[int] = mapped_column(sa.ForeignKey("review_assignment.id"))
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("review_round.id"))
    number: Mapped[int] = mapped_column(default=1)
    reviewer_kind: Mapped[ReviewerKind] = mapped_column(
        enum_type(ReviewerKind, "reviewer_kind"), default=ReviewerKind.HUMAN
    )
    rubric_id: Mapped[int] = mapped_column(sa.ForeignKey("rubric.id"))
    snapshot_number: Mapped[int | None]
    # {criterion key: score from 1}; checked against the rubric by rules/scoring.py before it is stored.
    scores: Mapped[dict[str, Any]] = mapped_column()
    total: Mapped[float] = mapped_column(sa.Float)
    confidence: Mapped[int | None]
    note: Mapped[str] = mapped_column(sa.Text, default="")
    feedback: Mapped[str] = mapped_column(sa.Text, default="")
    minutes: Mapped[float | None] = mapped_column(sa.Float)
    submitted_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(sa.Text, default="")

    assignment: Mapped[ReviewAssignment] = relationship()


class ConflictOfInterest(Record, Base):
    """A reason why ``person`` must not see or judge ``application``. Active, it hides the application everywhere.

    One that rests on a guess (a name, not an address) is proposed first: no reading is given against it, but it hides
    and voids nothing until somebody has looked at it.
    """

    __tablename__ = "conflict_of_interest"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "application_id", "kind"),
        sa.Index("ix_conflict_of_interest_application_id_state", "application_id", "state"),
    )

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    kind: Mapped[ConflictKind] = mapped_column(enum_type(ConflictKind, "kind"))
    source: Mapped[ConflictSource] = mapped_column(enum_type(ConflictSource, "source"))
    state: Mapped[ConflictState] = mapped_column(enum_type(ConflictState, "state"), default=ConflictState.ACTIVE)
    # What it was detected by, in words.
    basis: Mapped[str] = mapped_column(sa.Text, default="", server_default="")
    note: Mapped[str] = mapped_column(sa.Text, default="")
    decided_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]


class ConflictCheck(Keyed, Base):
    """When a cohort was last looked through for conflicts of interest, and what there was to see then."""

    __tablename__ = "conflict_check"

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"), unique=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    checked_at: Mapped[datetime]
    found: Mapped[int] = mapped_column(default=0)


class ReaderTerms(Record, Base):
    """How much a reviewer reads in a cohort, and what they read well; where there is no row, the cohort's own terms."""

    __tablename__ = "reader_terms"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "cohort_id"),
        sa.CheckConstraint("least >= 0", name="least_not_negative"),
        sa.CheckConstraint("most IS NULL OR most >= least", name="most_not_below_least"),
        sa.CheckConstraint("(least = 0 AND most IS NULL) OR reason <> ''", name="an_own_load_has_its_reason"),
    )

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"), index=True)
    # Keys of the tracks they can judge; none named: all of them.
    tracks: Mapped[list[str]] = mapped_column(default=list)
    # Wishes: languages by their codes, and applicants in zones whose day is near one's own.
    languages: Mapped[list[str]] = mapped_column(default=list)
    near_zone: Mapped[bool] = mapped_column(default=False)
    least: Mapped[int] = mapped_column(default=0)
    most: Mapped[int | None]
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    left_at: Mapped[datetime | None]


class ReadingPlan(Record, Base):
    """Who would read what, as it was worked out and shown; applied exactly so, or not at all."""

    __tablename__ = "reading_plan"
    __table_args__ = (
        sa.CheckConstraint("(applied_at IS NULL) = (applied_by_id IS NULL)", name="applied_by_somebody"),
        sa.Index("ix_reading_plan_cohort_id_made_at", "cohort_id", "made_at"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    options: Mapped[dict[str, Any]] = mapped_column()
    # A digest of everything the plan was made from.
    inputs: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[dict[str, Any]] = mapped_column()
    made_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    made_at: Mapped[datetime]
    applied_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    applied_at: Mapped[datetime | None]


class AnswerRedaction(Keyed, Base):
    """What the team decided to hide of one answer from blind readers: never changed, the last number is in force."""

    __tablename__ = "answer_redaction"
    __table_args__ = (sa.UniqueConstraint("application_id", "question_key", "number"),)

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    question_key: Mapped[str] = mapped_column(sa.String(60))
    number: Mapped[int]
    # rules.redaction.Redaction as JSON: the wording it was decided on, and the stretches to hide or all of it.
    decision: Mapped[dict[str, Any]] = mapped_column()
    decided_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    decided_at: Mapped[datetime]


make_append_only(AnswerRedaction.__table__)


class NameCheck(Record, Base):
    """That a snapshot was looked through for its author's names, and in which answers there were any."""

    __tablename__ = "name_check"

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), unique=True)
    snapshot_number: Mapped[int]
    # {question key: number of mentions}; empty where there are none.
    mentions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    decided_at: Mapped[datetime | None]


class TrackStanding(Record, Base):
    """A track's calibration at one instant: what its scores are measured against. ``places``: so many shall advance."""

    __tablename__ = "track_standing"
    __table_args__ = (sa.CheckConstraint("places IS NULL OR places >= 0", name="places_not_negative"),)

    track_id: Mapped[int] = mapped_column(sa.ForeignKey("track.id"), unique=True)
    places: Mapped[int | None]
    # Empty without places, and where there is a place for everybody or for nobody.
    bar: Mapped[float | None] = mapped_column(sa.Float)
    mean: Mapped[float | None] = mapped_column(sa.Float)
    quality_variance: Mapped[float | None] = mapped_column(sa.Float)
    severity_variance: Mapped[float | None] = mapped_column(sa.Float)
    noise_variance: Mapped[float | None] = mapped_column(sa.Float)
    readings: Mapped[int] = mapped_column(default=0)
    # Empty where something it rests on has changed: the job then makes it anew.
    calibrated_at: Mapped[datetime | None]


class ReaderStanding(Record, Base):
    """A reader's calibration in a cohort: how far above others they score, and how far from their fellow readers."""

    __tablename__ = "reader_standing"
    __table_args__ = (sa.UniqueConstraint("cohort_id", "reviewer_id"),)

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    reviewer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    readings: Mapped[int] = mapped_column(default=0)
    severity: Mapped[float] = mapped_column(sa.Float)
    severity_margin: Mapped[float] = mapped_column(sa.Float)
    # The mean distance of their scores from those of others on the same applications; empty where nobody else read any.
    apart: Mapped[float | None] = mapped_column(sa.Float)


class ReviewComment(Record, Base):
    """What a reader who has submitted says to the other readers of an application."""

    __tablename__ = "review_comment"
    __table_args__ = (
        sa.UniqueConstraint("assignment_id", "post_key"),
        sa.Index("ix_review_comment_application_id_round_id", "application_id", "round_id"),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("review_round.id"), index=True)
    assignment_id: Mapped[int] = mapped_column(sa.ForeignKey("review_assignment.id"))
    text: Mapped[str] = mapped_column(sa.Text)
    # Of the form it was typed in: the same form sent twice is one comment.
    post_key: Mapped[str] = mapped_column(sa.String(40))
    posted_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
