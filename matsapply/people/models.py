"""People, their accounts and what they may do."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask_security.core import UserMixin, WebAuthnMixin
from flask_security.datastore import AsaList
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from matsapply.platform import clock
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.stages import Role, Scope


class Person(Record, Base):
    """A human being, known across cohorts. One display string: names are not split into first and last."""

    __tablename__ = "person"
    __table_args__ = (
        sa.CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="not_merged_into_itself"),
    )

    display_name: Mapped[str] = mapped_column(sa.String(200))
    time_zone: Mapped[str] = mapped_column(sa.String(60), default="UTC")
    language: Mapped[str | None] = mapped_column(sa.String(10))  # None: not said
    aliases: Mapped[list[str]] = mapped_column(default=list)
    is_demo: Mapped[bool] = mapped_column(default=False)
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    erased_at: Mapped[datetime | None]


class Account(Keyed, UserMixin, Base):
    """What a person signs in with. Flask-Security owns the meaning of these columns."""

    __tablename__ = "account"
    __table_args__ = (sa.CheckConstraint("email = lower(email)", name="email_in_lower_case"),)

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), unique=True)
    email: Mapped[str] = mapped_column(sa.String(255), unique=True)
    password: Mapped[str | None] = mapped_column(sa.String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(sa.String(64), unique=True, default=lambda: uuid.uuid4().hex)
    confirmed_at: Mapped[datetime | None]
    tf_primary_method: Mapped[str | None] = mapped_column(sa.String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(sa.String(255))
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(sa.String(64), unique=True)  # type: ignore[assignment]
    mf_recovery_codes: Mapped[Any] = mapped_column(MutableList.as_mutable(AsaList()), nullable=True)
    last_login_at: Mapped[datetime | None]  # type: ignore[assignment]
    current_login_at: Mapped[datetime | None]  # type: ignore[assignment]
    last_login_ip: Mapped[str | None] = mapped_column(sa.String(64))
    current_login_ip: Mapped[str | None] = mapped_column(sa.String(64))
    login_count: Mapped[int] = mapped_column(default=0)
    password_changed_at: Mapped[datetime | None]
    create_datetime: Mapped[datetime] = mapped_column(default=lambda: clock.now())
    update_datetime: Mapped[datetime] = mapped_column(default=lambda: clock.now(), onupdate=lambda: clock.now())

    person: Mapped[Person] = relationship(lazy="joined", innerjoin=True)
    webauthn: Mapped[list[WebAuthn]] = relationship(cascade="all, delete-orphan", passive_deletes=True)  # type: ignore[assignment]

    # Flask-Security asks for roles; ours are grants with scope and time, read by people.queries.
    roles: Any = ()
    if TYPE_CHECKING:
        has_second_passkey: Mapped[bool]  # set below, when the passkeys' table is known

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone does not sign this account in."""
        return bool(self.tf_primary_method and self.tf_totp_secret) or self.has_second_passkey


class WebAuthn(Keyed, WebAuthnMixin, Base):
    """A passkey."""

    __tablename__ = "web_authn"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(sa.LargeBinary(1024), unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(default=0)
    transports: Mapped[Any] = mapped_column(MutableList.as_mutable(AsaList()), nullable=True)
    backup_state: Mapped[bool]
    device_type: Mapped[str] = mapped_column(sa.String(64))
    extensions: Mapped[str | None] = mapped_column(sa.String(255))
    create_datetime: Mapped[datetime] = mapped_column(default=lambda: clock.now())
    lastuse_datetime: Mapped[datetime]
    name: Mapped[str] = mapped_column(sa.String(64))
    usage: Mapped[str] = mapped_column(sa.String(64))

    def get_user_mapping(self) -> dict[str, Any]:
        """How Flask-Security finds the owner of a passkey."""
        return {"id": self.account_id}


# Whether a passkey is asked for after the password: part of loading an account, so that no request needs one query
# more to know whether staff may go on.
Account.has_second_passkey = column_property(
    sa.exists().where(WebAuthn.account_id == Account.id, WebAuthn.usage == "secondary").correlate_except(WebAuthn)
)


class Device(Record, Base):
    """One sign-in: a browser that holds a session. What its cookie carries is known here only as a digest."""

    __tablename__ = "device"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("account.id", ondelete="CASCADE"), index=True)
    mark_digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    # Browser and system in words, as the browser said when it signed in.
    name: Mapped[str] = mapped_column(sa.String(80))
    ends_at: Mapped[datetime]


class EmailAddress(Record, Base):
    """Every address a person is reached at; no address belongs to two people (invariant 55)."""

    __tablename__ = "email_address"
    __table_args__ = (sa.CheckConstraint("address = lower(address)", name="in_lower_case"),)

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    address: Mapped[str] = mapped_column(sa.String(255), unique=True)
    verified_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]


class RoleGrant(Record, Base):
    """A role, how far it reaches and for how long: [starts_at, ends_at)."""

    __tablename__ = "role_grant"
    __table_args__ = (
        sa.CheckConstraint("(scope = 'program') = (scope_id IS NULL)", name="scope_has_its_subject"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="ends_after_it_starts"),
        sa.CheckConstraint("role NOT IN ('applicant', 'referee', 'system')", name="is_a_staff_role"),
        sa.Index("ix_role_grant_person_id_role", "person_id", "role"),
    )

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    role: Mapped[Role] = mapped_column(enum_type(Role, "role"))
    scope: Mapped[Scope] = mapped_column(enum_type(Scope, "scope"))
    scope_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))


class PersonMerge(Record, Base):
    """Two records found to be one person; reversible for 30 days."""

    __tablename__ = "person_merge"
    __table_args__ = (sa.CheckConstraint("survivor_id <> merged_id", name="of_two_records"),)

    survivor_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    merged_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.Text)
    undo_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    undone_at: Mapped[datetime | None]


class Consent(Record, Base):
    """What a person agreed to, and until when it was so."""

    __tablename__ = "consent"

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    purpose: Mapped[str] = mapped_column(sa.String(60))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class DataRequest(Record, Base):
    """A person's request for an export or for erasure."""

    __tablename__ = "data_request"
    __table_args__ = (sa.CheckConstraint("kind IN ('export', 'erasure')", name="kind"),)

    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    done_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(sa.Text, default="")
