"""Finding files. Whether the asker may have one is decided where its subject is loaded, not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.files.models import StoredFile

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def own_file(session: Session, person_id: int, public_id: str) -> StoredFile | None:
    """A file the person uploaded; ``None`` for anybody else's, as for one that does not exist."""
    return session.scalar(
        sa.select(StoredFile).where(
            StoredFile.public_id == public_id, StoredFile.owner_id == person_id, StoredFile.removed_at.is_(None)
        )
    )
