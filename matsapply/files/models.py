"""Uploaded files: the bytes lie in the store, what is known of them here."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.people.models import DataRequest
from matsapply.platform.db import Base, Keyed, Record


class StoredFile(Record, Base):
    """One immutable upload. ``key`` is its place in the store; ``name`` is the safe name it is served under."""

    __tablename__ = "stored_file"
    __table_args__ = (sa.CheckConstraint("size >= 0", name="size_not_negative"),)

    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(120), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    content_type: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    pages: Mapped[int | None]
    removed_at: Mapped[datetime | None]


class DataExport(Keyed, Base):
    """How far the copy of a person's data is that they asked for, and where it lies until it expires."""

    __tablename__ = "data_export"
    __table_args__ = (sa.CheckConstraint("parts_done BETWEEN 0 AND parts", name="parts_done_of_parts"),)

    request_id: Mapped[int] = mapped_column(sa.ForeignKey("data_request.id"), unique=True)
    parts: Mapped[int]
    parts_done: Mapped[int] = mapped_column(default=0)
    # A job that works on it holds it until then; after that another one begins anew.
    leased_until: Mapped[datetime | None]
    file_id: Mapped[int | None] = mapped_column(sa.ForeignKey("stored_file.id"), unique=True)
    expires_at: Mapped[datetime | None]

    request: Mapped[DataRequest] = relationship()
    file: Mapped[StoredFile | None] = relationship()
