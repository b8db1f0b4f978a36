"""Decisions and the batches that release them. A decision is invisible to its applicant until its batch is released."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.stages import BatchScope, BatchState, DecisionPath, Outcome


class ReleaseBatch(Record, Base):
    """Decisions that become visible at one instant, all or none."""

    __tablename__ = "release_batch"
    __table_args__ = (
        sa.CheckConstraint("(state = 'released') = (released_at IS NOT NULL)", name="released_has_its_instant"),
        sa.CheckConstraint("(state = 'released') = (released_by_id IS NOT NULL)", name="released_by_someone"),
        sa.CheckConstraint("state <> 'sealed' OR sealed_at IS NOT NULL", name="sealed_has_its_instant"),
        sa.CheckConstraint("(scope = 'correction') = (corrects_id IS NOT NULL)", name="a_correction_corrects"),
        sa.Index("ix_release_batch_cohort_id_state", "cohort_id", "state"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    scope: Mapped[BatchScope] = mapped_column(enum_type(BatchScope, "scope"))
    label: Mapped[str] = mapped_column(sa.String(120))
    state: Mapped[BatchState] = mapped_column(enum_type(BatchState, "state"), default=BatchState.OPEN)
    corrects_id: Mapped[int | None] = mapped_column(sa.ForeignKey("release_batch.id"))
    sealed_at: Mapped[datetime | None]
    sealed_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    released_at: Mapped[datetime | None]
    released_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    member_count: Mapped[int] = mapped_column(default=0)


class Decision(Record, Base):
    """An outcome for an application as a whole, for one of its tracks, or for one stream application.

    ``actor_id`` is never empty: no negative decision without a human being.
    """

    __tablename__ = "decision"
    __table_args__ = (
        sa.CheckConstraint("track_choice_id IS NULL OR stream_application_id IS NULL", name="one_subject"),
        sa.CheckConstraint(
            "(outcome IN ('advance', 'not_advance') AND track_choice_id IS NOT NULL)"
            " OR (outcome IN ('offer', 'waitlist', 'not_select') AND stream_application_id IS NOT NULL)"
            " OR (outcome = 'ineligible' AND track_choice_id IS NULL AND stream_application_id IS NULL)",
            name="outcome_fits_its_subject",
        ),
        sa.CheckConstraint(
            "path <> 'exception' OR (reason_code <> '' AND second_actor_id IS NOT NULL)",
            name="exception_is_signed_twice",
        ),
        sa.CheckConstraint("second_actor_id IS NULL OR second_actor_id <> actor_id", name="two_people_are_two"),
        sa.Index(
            "uq_decision_current_track_choice",
            "track_choice_id",
            unique=True,
            postgresql_where=sa.text("superseded_at IS NULL AND track_choice_id IS NOT NULL"),
            sqlite_where=sa.text("superseded_at IS NULL AND track_choice_id IS NOT NULL"),
        ),
        sa.Index(
            "uq_decision_current_stream_application",
            "stream_application_id",
            unique=True,
            postgresql_where=sa.text("superseded_at IS NULL AND stream_application_id IS NOT NULL"),
            sqlite_where=sa.text("superseded_at IS NULL AND stream_application_id IS NOT NULL"),
        ),
        sa.Index(
            "uq_decision_current_ineligible",
            "application_id",
            unique=True,
            postgresql_where=sa.text("superseded_at IS NULL AND outcome = 'ineligible'"),
            sqlite_where=sa.text("superseded_at IS NULL AND outcome = 'ineligible'"),
        ),
        sa.Index("ix_decision_cohort_id_recorded_at", "cohort_id", "recorded_at"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), index=True)
    track_choice_id: Mapped[int | None] = mapped_column(sa.ForeignKey("track_choice.id"))
    stream_application_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stream_application.id"))
    outcome: Mapped[Outcome] = mapped_column(enum_type(Outcome, "outcome"))
    path: Mapped[DecisionPath] = mapped_column(enum_type(DecisionPath, "path"), default=DecisionPath.STANDARD)
    reason_code: Mapped[str] = mapped_column(sa.String(60), default="")
    feedback: Mapped[str] = mapped_column(sa.Text, default="")
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    second_actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    recorded_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    # A conflict of interest came to light afterwards: not to be released before somebody has taken it again.
    doubted_at: Mapped[datetime | None]
    batch_id: Mapped[int | None] = mapped_column(sa.ForeignKey("release_batch.id"), index=True)

    application: Mapped[Application] = relationship()
    track_choice: Mapped[TrackChoice | None] = relationship()
    stream_application: Mapped[StreamApplication | None] = relationship()
    batch: Mapped[ReleaseBatch | None] = relationship()


class BatchExclusion(Keyed, Base):
    """Somebody in a batch's scope who is deliberately not in it, and why."""

    __tablename__ = "batch_exclusion"
    __table_args__ = (sa.UniqueConstraint("batch_id", "application_id"),)

    batch_id: Mapped[int] = mapped_column(sa.ForeignKey("release_batch.id"))
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), index=True)
    reason: Mapped[str] = mapped_column(sa.Text)
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
