"""The team's export: one row for each application, read piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Snapshot
from matsapply.cohorts.models import FormVersion, Question
from matsapply.people.models import Account, Person
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

EXPORT_COLUMNS = (
    "application",
    "name",
    "email",
    "state",
    "close_reason",
    "submitted_at",
    "tracks",
    "streams",
    "readings",
    "score_mean",
    "score_spread",
)


def export_questions(session: Session, cohort_id: int) -> list[tuple[str, str]]:
    """Key and label of every question that any form of the cohort asked, save those kept apart."""
    rows = session.execute(
        sa.select(Question.key, sa.func.max(Question.label), sa.func.min(Question.position).label("place"))
        .join(FormVersion, FormVersion.id == Question.form_version_id)
        .where(FormVersion.cohort_id == cohort_id, Question.type != QuestionType.SEPARATE_STORE)
        .group_by(Question.key)
        .order_by("place", Question.key)
    )
    return [(key, label) for key, label, _ in rows]


def export_rows(
    session: Session, cohort_id: int, visible: sa.ColumnElement[bool], questions: list[str], at_once: int = 250
) -> Iterator[list[Any]]:
    """One list of cells for each application, read piece by piece: memory does not grow with their number."""
    statement = (
        sa.select(
            Application.public_id,
            Person.display_name,
            Account.email,
            Application.state,
            Application.close_reason,
            Application.submitted_at,
            Application.score_count,
            Application.score_mean,
            Application.score_spread,
            Snapshot.content,
        )
        .join(Person, Person.id == Application.person_id)
        .join(Account, Account.person_id == Person.id)
        .outerjoin(
            Snapshot,
            sa.and_(Snapshot.application_id == Application.id, Snapshot.number == Application.snapshot_number),
        )
        .where(Application.cohort_id == cohort_id, visible)
        .order_by(Application.id)
    )
    # Columns only: the session's machinery for objects would cost more than writing the file.
    for row in session.connection().execute(statement, execution_options={"yield_per": at_once}):
        content: Mapping[str, Any] = row.content or {}
        answers = content.get("answers", {})
        yield [
            row.public_id,
            row.display_name,
            row.email,
            row.state.value,
            row.close_reason.value if row.close_reason else "",
            row.submitted_at.isoformat() if row.submitted_at else "",
            " ".join(content.get("tracks", ())),
            " ".join(content.get("streams", ())),
            row.score_count,
            "" if row.score_mean is None else round(row.score_mean, 4),
            "" if row.score_spread is None else round(row.score_spread, 4),
            *(answers.get(key, "") for key in questions),
        ]
