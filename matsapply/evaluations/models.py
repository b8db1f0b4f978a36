"""One applicant's work on one evaluation: invitation, clock, submission."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Evaluation
from matsapply.files.models import StoredFile
from matsapply.platform.append_only import make_append_only
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.stages import EvaluationState, ExtensionReason


class EvaluationInvite(Record, Base):
    """Once for each application and evaluation, whatever number of streams use it."""

    __tablename__ = "evaluation_invite"
    __table_args__ = (
        sa.UniqueConstraint("application_id", "evaluation_id"),
        sa.CheckConstraint("state <> 'started' OR started_at IS NOT NULL", name="started_has_its_instant"),
        sa.CheckConstraint("started_at IS NULL OR ai_rule_accepted_at IS NOT NULL", name="ai_rule_before_the_start"),
    )

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"))
    evaluation_id: Mapped[int] = mapped_column(sa.ForeignKey("evaluation.id"), index=True)
    state: Mapped[EvaluationState] = mapped_column(enum_type(EvaluationState, "state"), default=EvaluationState.INVITED)
    ai_rule_accepted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    # The end of the personal clock; the evaluation's due instant (or an extension) where there is none.
    ends_at: Mapped[datetime | None]
    draft_answer: Mapped[str] = mapped_column(sa.Text, default="")
    draft_version: Mapped[int] = mapped_column(default=0)
    draft_file_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stored_file.id"), index=True)

    application: Mapped[Application] = relationship()
    evaluation: Mapped[Evaluation] = relationship()
    draft_file: Mapped[StoredFile | None] = relationship()


class InviteStream(Keyed, Base):
    """Which stream applications wait for this invitation's result."""

    __tablename__ = "invite_stream"
    __table_args__ = (sa.UniqueConstraint("invite_id", "stream_application_id"),)

    invite_id: Mapped[int] = mapped_column(sa.ForeignKey("evaluation_invite.id"))
    stream_application_id: Mapped[int] = mapped_column(sa.ForeignKey("stream_application.id"), index=True)

    invite: Mapped[EvaluationInvite] = relationship()
    stream_application: Mapped[StreamApplication] = relationship()


class Submission(Record, Base):
    __tablename__ = "submission"

    invite_id: Mapped[int] = mapped_column(sa.ForeignKey("evaluation_invite.id"), unique=True)
    current_number: Mapped[int] = mapped_column(default=1)
    submitted_at: Mapped[datetime]
    mark_count: Mapped[int] = mapped_column(default=0)
    mark_mean: Mapped[float | None] = mapped_column(sa.Float)

    invite: Mapped[EvaluationInvite] = relationship()


class SubmissionVersion(Keyed, Base):
    """What was handed in, each time; the last one before the end counts."""

    __tablename__ = "submission_version"
    __table_args__ = (sa.UniqueConstraint("submission_id", "number"),)

    submission_id: Mapped[int] = mapped_column(sa.ForeignKey("submission.id"))
    number: Mapped[int]
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    file_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stored_file.id"), index=True)
    received_at: Mapped[datetime]
    digest: Mapped[str] = mapped_column(sa.String(64))


make_append_only(SubmissionVersion.__table__, {"answer": "", "file_id": None})


class TaskExtension(Record, Base):
    """More time for one person; visible to the applicant and the coordinator, not to markers."""

    __tablename__ = "task_extension"

    invite_id: Mapped[int] = mapped_column(sa.ForeignKey("evaluation_invite.id"), index=True)
    until: Mapped[datetime]
    reason_class: Mapped[ExtensionReason] = mapped_column(enum_type(ExtensionReason, "reason_class"))
    granted_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))


class IntegrityFlag(Record, Base):
    """A doubt about how a submission came about: apart from the score, decided by a person, the applicant heard."""

    __tablename__ = "integrity_flag"
    __table_args__ = (
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by_id IS NULL)", name="decided_by_someone"),
        sa.CheckConstraint("decided_at IS NULL OR heard_at IS NOT NULL", name="heard_before_decided"),
    )

    submission_id: Mapped[int] = mapped_column(sa.ForeignKey("submission.id"), index=True)
    raised_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.Text)
    heard_at: Mapped[datetime | None]
    upheld: Mapped[bool | None]
    decided_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
