"""Finding files. Whether the asker may have one is decided where its subject is loaded, not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.files.models import DataExport, StoredFile
from matsapply.people.models import DataRequest

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

MOST_EXPORTS = 5


def own_exports(session: Session, person_id: int) -> list[DataExport]:
    """The copies of their data a person asked for, the newest first; of those that are gone only the last one."""
    rows = session.scalars(
        sa.select(DataExport)
        .join(DataRequest, DataRequest.id == DataExport.request_id)
        .where(DataRequest.person_id == person_id)
        .order_by(DataExport.id.desc())
        .limit(MOST_EXPORTS)
    ).all()
    return [row for number, row in enumerate(rows) if number == 0 or row.file_id is not None]


def own_export(session: Session, person_id: int, public_id: str, now: datetime) -> StoredFile | None:
    """The file of a finished export of one's own that has not expired."""
    return session.scalar(
        sa.select(StoredFile)
        .join(DataExport, DataExport.file_id == StoredFile.id)
        .join(DataRequest, DataRequest.id == DataExport.request_id)
        .where(
            DataRequest.person_id == person_id,
            DataRequest.public_id == public_id,
            DataExport.expires_at > now,
            StoredFile.removed_at.is_(None),
        )
    )


def own_file(session: Session, person_id: int, public_id: str) -> StoredFile | None:
    """A file the person uploaded; ``None`` for anybody else's, as for one that does not exist.

    A copy of their data is none: it is handed out by ``own_export``, after a fresh sign-in.
    """
    copy = sa.exists().where(DataExport.file_id == StoredFile.id)
    return session.scalar(
        sa.select(StoredFile).where(
            StoredFile.public_id == public_id,
            StoredFile.owner_id == person_id,
            StoredFile.removed_at.is_(None),
            ~copy,
        )
    )
