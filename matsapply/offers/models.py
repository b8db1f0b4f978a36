"""Rankings, offers, the waitlist and what follows an acceptance."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Stream
from matsapply.decisions.models import ReleaseBatch
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.stages import DeferralState, FellowshipPhase, FellowshipState, OfferState, WaitlistState


class StreamRanking(Record, Base):
    """One version of a stream's order; the highest number is in force. Locked, it is strict."""

    __tablename__ = "stream_ranking"
    __table_args__ = (sa.UniqueConstraint("stream_id", "number"),)

    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    number: Mapped[int]
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    saved_at: Mapped[datetime]
    locked_at: Mapped[datetime | None]


class RankingEntry(Keyed, Base):
    __tablename__ = "ranking_entry"
    __table_args__ = (
        sa.UniqueConstraint("ranking_id", "stream_application_id"),
        sa.UniqueConstraint("ranking_id", "position"),
        sa.CheckConstraint("position >= 1", name="position_from_one"),
    )

    ranking_id: Mapped[int] = mapped_column(sa.ForeignKey("stream_ranking.id"))
    stream_application_id: Mapped[int] = mapped_column(sa.ForeignKey("stream_application.id"), index=True)
    position: Mapped[int]
    tier: Mapped[int | None]
    note: Mapped[str] = mapped_column(sa.Text, default="")

    stream_application: Mapped[StreamApplication] = relationship()


class Offer(Record, Base):
    """A seat held for a person until they answer or it lapses."""

    __tablename__ = "offer"
    __table_args__ = (
        sa.CheckConstraint("state <> 'pending' OR expires_at IS NOT NULL", name="pending_expires"),
        sa.CheckConstraint(
            "state NOT IN ('accepted', 'declined', 'confirmed') OR responded_at IS NOT NULL",
            name="answered_at_an_instant",
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'pending', 'accepted', 'confirmed')"
            " OR (approved_by_id IS NOT NULL AND second_approver_id IS NOT NULL)",
            name="approved_by_two",
        ),
        sa.CheckConstraint("approved_by_id IS NULL OR approved_by_id <> second_approver_id", name="two_people_are_two"),
        sa.Index(
            "uq_offer_one_accepted",
            "person_id",
            "cohort_id",
            unique=True,
            postgresql_where=sa.text("state IN ('accepted', 'confirmed')"),
            sqlite_where=sa.text("state IN ('accepted', 'confirmed')"),
        ),
        sa.Index(
            "uq_offer_one_live",
            "stream_application_id",
            unique=True,
            postgresql_where=sa.text("state IN ('draft', 'approved', 'pending', 'accepted', 'confirmed')"),
            sqlite_where=sa.text("state IN ('draft', 'approved', 'pending', 'accepted', 'confirmed')"),
        ),
        sa.Index("ix_offer_stream_id_state", "stream_id", "state"),
        sa.Index("ix_offer_state_expires_at", "state", "expires_at"),
    )

    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"), index=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), index=True)
    stream_application_id: Mapped[int] = mapped_column(sa.ForeignKey("stream_application.id"))
    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    state: Mapped[OfferState] = mapped_column(enum_type(OfferState, "state"), default=OfferState.DRAFT)
    terms_version: Mapped[int] = mapped_column(default=1)
    terms: Mapped[str] = mapped_column(sa.Text, default="")
    approved_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    second_approver_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    batch_id: Mapped[int | None] = mapped_column(sa.ForeignKey("release_batch.id"), index=True)
    released_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    responded_at: Mapped[datetime | None]
    decline_reason: Mapped[str] = mapped_column(sa.Text, default="")
    reminded_72h_at: Mapped[datetime | None]
    reminded_24h_at: Mapped[datetime | None]
    over_seats_reason: Mapped[str] = mapped_column(sa.Text, default="")

    application: Mapped[Application] = relationship()
    stream_application: Mapped[StreamApplication] = relationship()
    stream: Mapped[Stream] = relationship()
    batch: Mapped[ReleaseBatch | None] = relationship()


class WaitlistEntry(Record, Base):
    __tablename__ = "waitlist_entry"
    __table_args__ = (
        sa.CheckConstraint("state <> 'skipped' OR skip_reason <> ''", name="a_skip_has_a_reason"),
        sa.Index(
            "uq_waitlist_entry_active",
            "stream_application_id",
            unique=True,
            postgresql_where=sa.text("state = 'active'"),
            sqlite_where=sa.text("state = 'active'"),
        ),
        sa.Index("ix_waitlist_entry_stream_id_state_position", "stream_id", "state", "position"),
    )

    stream_application_id: Mapped[int] = mapped_column(sa.ForeignKey("stream_application.id"))
    stream_id: Mapped[int] = mapped_column(sa.ForeignKey("stream.id"))
    position: Mapped[int]
    state: Mapped[WaitlistState] = mapped_column(enum_type(WaitlistState, "state"), default=WaitlistState.ACTIVE)
    skip_reason: Mapped[str] = mapped_column(sa.Text, default="")
    decided_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))

    stream_application: Mapped[StreamApplication] = relationship()


class Deferral(Record, Base):
    __tablename__ = "deferral"

    application_id: Mapped[int] = mapped_column(sa.ForeignKey("application.id"), unique=True)
    to_cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"))
    state: Mapped[DeferralState] = mapped_column(enum_type(DeferralState, "state"), default=DeferralState.REQUESTED)
    reason: Mapped[str] = mapped_column(sa.Text, default="")
    decided_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))


class Fellowship(Record, Base):
    """A place taken. Without a stream it is "to be placed"."""

    __tablename__ = "fellowship"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "cohort_id", "phase"),
        sa.CheckConstraint(
            "(state = 'placed') = (stream_id IS NOT NULL) OR state = 'ended'", name="placed_in_a_stream"
        ),
    )

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    cohort_id: Mapped[int] = mapped_column(sa.ForeignKey("cohort.id"), index=True)
    stream_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stream.id"), index=True)
    offer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("offer.id"), index=True)
    phase: Mapped[FellowshipPhase] = mapped_column(enum_type(FellowshipPhase, "phase"), default=FellowshipPhase.MAIN)
    state: Mapped[FellowshipState] = mapped_column(enum_type(FellowshipState, "state"))
