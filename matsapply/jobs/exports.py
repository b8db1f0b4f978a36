"""Building the copies of their data that people asked for, part by part, and forgetting those that have expired."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from datetime import datetime, timedelta
from functools import lru_cache
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from matsapply.applications.facts import letter_to
from matsapply.files.models import DataExport, StoredFile
from matsapply.files.names import safe_name
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.people.models import DataRequest, Person
from matsapply.platform import clock, storage
from matsapply.platform.db import new_public_id, transaction_mode
from matsapply.platform.flask_db import db
from matsapply.platform.settings import ROOT
from matsapply.process import own_data

if TYPE_CHECKING:
    from flask import Flask

LEASE = timedelta(minutes=10)
KEPT_FOR = timedelta(days=7)
log = logging.getLogger(__name__)


def build_exports(app: Flask) -> int:
    """Build every copy that waits, and let go of the expired ones; returns how many were built."""
    with app.app_context(), transaction_mode("write"):
        _expire()
        built = 0
        while (claimed := _claim()) is not None:
            try:
                built += _build(*claimed)
            except storage.UnavailableError:
                log.exception("an export waits for the store")  # its lease runs out, and it is begun anew
                break
            except Exception:  # one copy that cannot be made must hold up neither the others nor the mail
                log.exception("an export could not be made")
        return built


def _claim() -> tuple[int, int] | None:
    """Take the oldest export that nobody works on: its key and its owner's."""
    now = clock.now()
    with Session(db.engine) as session, session.begin():
        found = session.execute(
            sa.select(DataExport, DataRequest.person_id)
            .join(DataRequest, DataRequest.id == DataExport.request_id)
            .where(
                DataRequest.done_at.is_(None),
                sa.or_(DataExport.leased_until.is_(None), DataExport.leased_until <= now),
            )
            .order_by(DataExport.id)
            .limit(1)
            .with_for_update(of=DataExport, skip_locked=True)
        ).first()
        if found is None:
            return None
        found[0].leased_until, found[0].parts_done = now + LEASE, 0
        return found[0].id, found[1]


def _build(export_id: int, person_id: int) -> bool:
    """Whether the copy is there; not where its person was erased, or another job finished it, meanwhile."""
    now = clock.now()
    parts: dict[str, Any] = {}
    for name, gather in own_data.PARTS.items():
        with Session(db.engine) as session, session.begin():
            parts[name] = own_data.plain(gather(session, person_id, now))
            _advance(session, export_id)
    with Session(db.engine) as session:
        files = [(file.key, _name_in_archive(file)) for file in own_data.own_files(session, person_id)]
    key = f"{now:%Y/%m}/{new_public_id()}{new_public_id()}"
    with TemporaryFile() as out:  # somebody's documents may be more than fits into memory
        archive(out, parts, files, now)
        size = out.tell()
        out.seek(0)
        sha256 = hashlib.file_digest(out, "sha256").hexdigest()
        out.seek(0)
        storage.current().put(key, out)
    with Session(db.engine) as session, session.begin():
        kept = _finish(session, export_id, person_id, key, size, sha256, now)
    if not kept:
        storage.current().delete(key)
    return kept


def _name_in_archive(file: StoredFile) -> str:
    """Unique, and told apart in any file system."""
    return f"files/{file.public_id}-{safe_name(file.name)}"


def archive(out: IO[bytes], parts: dict[str, Any], files: list[tuple[str, str]], now: datetime) -> None:
    """The ZIP: a page to read, the same as JSON, and the files. ``files``: (key in the store, name in the archive)."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        kept = [name for key, name in files if _add(made, key, name)]
        made.writestr("data.json", json.dumps(parts, ensure_ascii=False, indent=2))
        page = _environment().get_template("export/page.html")
        made.writestr("index.html", page.render(parts=parts, files=kept, made_at=now.isoformat()))


def _add(made: zipfile.ZipFile, key: str, name: str) -> bool:
    try:
        made.writestr(name, storage.current().get(key))
    except storage.MissingError:
        return False
    return True


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _advance(session: Session, export_id: int) -> None:
    session.execute(
        sa.update(DataExport).where(DataExport.id == export_id).values(parts_done=DataExport.parts_done + 1)
    )


def _finish(session: Session, export_id: int, person_id: int, key: str, size: int, sha256: str, now: datetime) -> bool:
    """Keep the copy and tell its owner; False where the request has come to an end meanwhile."""
    # The person is the lock: an erasure holds it too, and ends what was asked for.
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    export = session.get_one(DataExport, export_id, with_for_update=True)
    request = session.get_one(DataRequest, export.request_id)
    if request.done_at is not None:
        return False
    file = StoredFile(
        owner_id=person_id,
        key=key,
        name="my-data.zip",
        content_type=own_data.EXPORT_TYPE,
        size=size,
        sha256=sha256,
    )
    session.add(file)
    session.flush()
    export.file_id, export.expires_at, export.leased_until = file.id, now + KEPT_FOR, None
    export.parts_done = export.parts
    request.done_at, request.outcome = now, "built"
    letter = letter_to(session, person_id, expires_at=export.expires_at)
    outbox.queue(
        session,
        Mail.EXPORT_READY,
        cause=f"export:{export.id}",
        now=now,
        person_id=person_id,
        recipient=letter.recipient,
        context=letter.context,
    )
    return True


def _expire() -> None:
    """Copies past their time are let go: the sweep of files removes the bytes."""
    now = clock.now()
    with Session(db.engine) as session, session.begin():
        over = session.scalars(
            sa.select(DataExport).where(DataExport.expires_at <= now, DataExport.file_id.is_not(None))
        )
        for export in over.all():
            session.get_one(StoredFile, export.file_id).removed_at = now
            export.file_id = None  # nothing points at the file any more, so that its bytes go
