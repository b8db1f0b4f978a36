"""Slots that interviewers offer, and the interviews booked in them. Slots are instants, never wall times."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.applications.models import StreamApplication
from matsapply.cohorts.models import Stream
from matsapply.people.models import Person
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.stages import InterviewState


class InterviewSlot(Record, Base):
    __tablename__ = "interview_slot"
    __table_args__ = (
        sa.CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),
        sa.Index("ix_interview_slot_stream_id_starts_at", "stream_id", "starts_at"),
    )

    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    time_zone: Mapped[str] = mapped_column(sa.String(60), default="UTC")
    video_link: Mapped[str] = mapped_column(sa.String(500), default="")
    withdrawn_at: Mapped[datetime | None]

    stream: Mapped[Stream] = relationship()


class SlotInterviewer(Keyed, Base):
    """Who interviews in a slot. One person's slots of one instant cannot be entered twice."""

    __tablename__ = "slot_interviewer"
    __table_args__ = (sa.UniqueConstraint("slot_id", "person_id"),)

    slot_id: Mapped[int] = mapped_column(sa.ForeignKey("interview_slot.id"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)

    slot: Mapped[InterviewSlot] = relationship()
    person: Mapped[Person] = relationship()


class Interview(Record, Base):
    __tablename__ = "interview"
    __table_args__ = (
        sa.CheckConstraint("(state IN ('offered', 'cancelled')) OR slot_id IS NOT NULL", name="booked_has_a_slot"),
        sa.CheckConstraint("rebookings BETWEEN 0 AND 2", name="rebooked_at_most_twice"),
        sa.Index(
            "uq_interview_slot_once",
            "slot_id",
            unique=True,
            postgresql_where=sa.text("state IN ('booked', 'held')"),
            sqlite_where=sa.text("state IN ('booked', 'held')"),
        ),
        sa.Index(
            "uq_interview_one_open",
            "stream_application_id",
            unique=True,
            postgresql_where=sa.text("state IN ('offered', 'booked')"),
            sqlite_where=sa.text("state IN ('offered', 'booked')"),
        ),
    )

    stream_application_id: Mapped[int] = mapped_column(sa.ForeignKey("stream_application.id"))
    slot_id: Mapped[int | None] = mapped_column(sa.ForeignKey("interview_slot.id"))
    state: Mapped[InterviewState] = mapped_column(enum_type(InterviewState, "state"), default=InterviewState.OFFERED)
    round_number: Mapped[int] = mapped_column(default=1)
    booked_at: Mapped[datetime | None]
    rebookings: Mapped[int] = mapped_column(default=0)
    # Counts up with each change, so that calendars replace the earlier invitation (RFC 5545 SEQUENCE).
    calendar_sequence: Mapped[int] = mapped_column(default=0)

    stream_application: Mapped[StreamApplication] = relationship()
    slot: Mapped[InterviewSlot | None] = relationship()
