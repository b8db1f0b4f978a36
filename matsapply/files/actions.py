"""Taking in an upload and letting go of one."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from typing import IO, TYPE_CHECKING

from matsapply.files.models import StoredFile
from matsapply.files.names import safe_name
from matsapply.files.pdf_gate import (
    MEGABYTE,
    MOST_PAGES,
    Fault,
    Problem,
    Verdict,
    accept_pdf,
    problem,
)
from matsapply.platform import storage
from matsapply.platform.db import new_public_id

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PDF = "application/pdf"

log = logging.getLogger(__name__)


def store_upload(
    session: Session,
    owner_id: int,
    stream: IO[bytes],
    filename: str,
    max_mb: float,
    now: datetime,
    *,
    max_pages: int = MOST_PAGES,
) -> StoredFile | Problem:
    """Check a PDF, store its bytes under a random key, then add its row to the running transaction.

    In this order a row never points at bytes that are not there; bytes whose transaction fails are swept after a day.
    At most ``max_mb`` (and a byte) of the stream is read.
    """
    name = safe_name(filename)
    data = stream.read(int(max_mb * MEGABYTE) + 1)
    verdict = accept_pdf(data, name, max_mb=max_mb, max_pages=max_pages)
    if verdict.problem is not None:
        return verdict.problem
    key = f"{now:%Y/%m}/{new_public_id()}{new_public_id()}"
    try:
        storage.current().put(key, data)
    except storage.UnavailableError:
        log.exception("an upload could not be stored")
        return problem(Fault.STORE_DOWN, name)
    file = StoredFile(
        owner_id=owner_id,
        key=key,
        name=name,
        content_type=PDF,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        pages=verdict.pages,
    )
    session.add(file)
    session.flush()
    return file


__all__ = ["Fault", "Problem", "Verdict", "accept_pdf", "safe_name", "store_upload"]
