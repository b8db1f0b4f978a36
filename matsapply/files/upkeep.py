"""What is no longer needed goes, after a day: bytes without a row (the upload's transaction was rolled back, or its
process died in between), and files that were removed or replaced."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from matsapply.files.models import StoredFile
from matsapply.platform.db import Base

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.platform.storage import Storage

GRACE = timedelta(days=1)  # bytes are written first, so young ones may still be waiting for their row
KEYS_AT_ONCE = 500


def remove_orphans(session: Session, store: Storage, now: datetime) -> int:
    """Delete objects older than a day that no row names; returns how many. ``now`` is by the store's own clock."""
    old = (item.key for item in store.listing() if item.written_at < now - GRACE)
    removed = 0
    while keys := list(islice(old, KEYS_AT_ONCE)):
        named = set(session.scalars(sa.select(StoredFile.key).where(StoredFile.key.in_(keys))))
        for key in keys:
            if key not in named:
                store.delete(key)
                removed += 1
    return removed


def let_go(session: Session, now: datetime) -> list[tuple[int, str]]:
    """The keys (of the row, of the bytes) of files removed more than a day ago at which nothing points any more."""
    table = cast("sa.Table", StoredFile.__table__)
    pointing = [
        sa.exists().where(column == StoredFile.id)
        for other in Base.metadata.tables.values()
        for column in other.columns
        if column.references(table.c.id)
    ]
    rows = session.execute(
        sa.select(StoredFile.id, StoredFile.key)
        .where(StoredFile.removed_at < now - GRACE, ~sa.or_(sa.false(), *pointing))
        .order_by(StoredFile.id)
        .limit(KEYS_AT_ONCE)
    )
    return [(row_id, key) for row_id, key in rows]


def forget(session: Session, row_ids: Collection[int]) -> None:
    """Delete the rows of files whose bytes are gone."""
    session.execute(sa.delete(StoredFile).where(StoredFile.id.in_(row_ids), StoredFile.removed_at.is_not(None)))
