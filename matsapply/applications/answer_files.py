"""Files that answer a question: added and removed at will until the deadline, kept where a snapshot holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import AnswerFile, Snapshot
from matsapply.files.models import StoredFile
from matsapply.platform.db import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from matsapply.applications.editing import Editing


@dataclass(frozen=True, slots=True)
class FileRow:
    public_id: str
    question_key: str
    name: str
    size: int
    pages: int | None
    sha256: str
    uploaded_at: datetime


_FILE = (StoredFile.name, StoredFile.size, StoredFile.pages, StoredFile.sha256, StoredFile.created_at)


_ANSWER_FILES = (
    sa.select(StoredFile.public_id, AnswerFile.question_key, *_FILE)
    .join(StoredFile, StoredFile.id == AnswerFile.file_id)
    .where(AnswerFile.application_id == sa.bindparam("application_id"), StoredFile.removed_at.is_(None))
    .order_by(AnswerFile.id)
)


def answer_files(session: Session, application_id: int) -> list[FileRow]:
    """The files that stand as answers now, in the order of their upload."""
    return [FileRow(*row) for row in fetch(session, _ANSWER_FILES, application_id=application_id)]


def attach(session: Session, application: Editing, question_key: str, file: StoredFile, now: datetime) -> None:
    """Let ``file`` be the answer to a question; it replaces the one that stood there. Raises ``Refused``: CLOSED."""
    application.check()
    for earlier in answer_files(session, application.id):
        if earlier.question_key == question_key:
            detach(session, application, earlier.public_id, now)
    session.add(AnswerFile(application_id=application.id, question_key=question_key, file_id=file.id))
    session.flush()


def detach(session: Session, application: Editing, public_id: str, now: datetime) -> bool:
    """Take a file off its question. What a snapshot holds stays stored; anything else is let go of."""
    application.check()
    found = session.execute(
        sa.select(AnswerFile, StoredFile)
        .join(StoredFile, StoredFile.id == AnswerFile.file_id)
        .where(AnswerFile.application_id == application.id, StoredFile.public_id == public_id)
    ).one_or_none()
    if found is None:
        return False
    link, file = found
    session.delete(link)
    if not _in_snapshot(session, application.id, public_id):
        file.removed_at = now
    session.flush()
    return True


def _in_snapshot(session: Session, application_id: int, public_id: str) -> bool:
    contents = session.scalars(sa.select(Snapshot.content).where(Snapshot.application_id == application_id))
    return any(public_id in files_in(content) for content in contents)


def files_in(content: dict[str, Any]) -> dict[str, str]:
    """The public ids of the files a snapshot holds, each with the key of its question."""
    return {
        each["file"]: question_key
        for question_key, value in content.get("answers", {}).items()
        if isinstance(value, list)
        for each in value
        if isinstance(each, dict) and "file" in each
    }


def snapshot_files(session: Session, content: dict[str, Any]) -> list[FileRow]:
    """The files a snapshot holds, in the order of their upload."""
    held = files_in(content)
    rows = session.execute(
        sa.select(StoredFile.public_id, *_FILE).where(StoredFile.public_id.in_(held)).order_by(StoredFile.id)
    )
    return [FileRow(row[0], held[row[0]], *row[1:]) for row in rows]


def submitted_files(session: Session, content: Mapping[str, Any]) -> dict[str, StoredFile]:
    """The files that the answers of a snapshot hold and that are still stored, by their public ids; one query."""
    ids = [
        one["file"]
        for value in content.get("answers", {}).values()
        if isinstance(value, list)
        for one in value
        if isinstance(one, dict) and "file" in one
    ]
    if not ids:
        return {}
    rows = session.scalars(sa.select(StoredFile).where(StoredFile.public_id.in_(ids), StoredFile.removed_at.is_(None)))
    return {row.public_id: row for row in rows}
