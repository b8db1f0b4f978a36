"""The outbox, which is also the inbox a person reads in the portal."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from matsapply.mail.kinds import Mail
from matsapply.platform.db import Base, Record, enum_type
from matsapply.rules.stages import MailState


class Notification(Record, Base):
    """One message to one recipient, rendered in the transaction of its cause and sent afterwards.

    ``dedupe_key`` is (cause, recipient, kind) in one string: however often a cause is retried, one message exists.
    """

    __tablename__ = "notification"
    __table_args__ = (
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL) OR state = 'bounced'", name="sent_has_its_instant"
        ),
        sa.CheckConstraint("(state = 'sending') = (leased_until IS NOT NULL)", name="sending_has_its_lease"),
        sa.Index("ix_notification_person_id_created_at", "person_id", "created_at"),
        sa.Index(
            "ix_notification_to_send",
            "next_try_at",
            postgresql_where=sa.text("state IN ('queued', 'sending')"),
            sqlite_where=sa.text("state IN ('queued', 'sending')"),
        ),
    )

    kind: Mapped[Mail] = mapped_column(enum_type(Mail, "kind"))
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    recipient: Mapped[str] = mapped_column(sa.String(255))
    cause: Mapped[str] = mapped_column(sa.String(120))
    dedupe_key: Mapped[str] = mapped_column(sa.String(440), unique=True)
    subject: Mapped[str] = mapped_column(sa.String(400))
    body_text: Mapped[str] = mapped_column(sa.Text)
    body_html: Mapped[str] = mapped_column(sa.Text)
    calendar: Mapped[str] = mapped_column(sa.Text, default="")
    in_portal: Mapped[bool] = mapped_column(default=True)
    state: Mapped[MailState] = mapped_column(enum_type(MailState, "state"), default=MailState.QUEUED)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(sa.Text, default="")


class CalendarFeed(Record, Base):
    """A person's private link to their dates. Deleting the row revokes the link; a new row has a new one."""

    __tablename__ = "calendar_feed"

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), unique=True)
    token_digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
