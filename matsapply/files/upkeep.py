"""Bytes without a row: the upload's transaction was rolled back, or its process died in between."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.files.models import StoredFile

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
