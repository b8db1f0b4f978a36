"""What imports left to people, read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.rules.showcase import LinkConfidence, QuestionAnswer, QuestionKind
from matsapply.showcase.models import Paper, ShowcaseQuestion
from matsapply.showcase.queries import MOST

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """What a person is asked. ``title`` and ``slug`` are empty where it is about several papers."""

    id: int
    public_id: str
    kind: QuestionKind
    name: str
    proposal: tuple[str, ...]
    basis: str
    confidence: LinkConfidence
    title: str
    slug: str


def _questions() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        ShowcaseQuestion.id,
        ShowcaseQuestion.public_id,
        ShowcaseQuestion.kind,
        ShowcaseQuestion.name,
        ShowcaseQuestion.proposal,
        ShowcaseQuestion.basis,
        ShowcaseQuestion.confidence,
        sa.func.coalesce(Paper.title, ""),
        sa.func.coalesce(Paper.slug, ""),
    ).outerjoin(Paper, Paper.id == ShowcaseQuestion.paper_id)


def open_questions(session: Session, limit: int = MOST) -> tuple[QuestionRow, ...]:
    """The open questions, the oldest first."""
    rows = session.execute(
        _questions().where(ShowcaseQuestion.answer == QuestionAnswer.OPEN).order_by(ShowcaseQuestion.id).limit(limit)
    )
    return tuple(_question(row) for row in rows)


def question(session: Session, public_id: str) -> QuestionRow | None:
    row = session.execute(_questions().where(ShowcaseQuestion.public_id == public_id)).one_or_none()
    return None if row is None else _question(row)


def _question(row: Any) -> QuestionRow:
    key, public_id, kind, name, proposal, basis, confidence, title, slug = row
    return QuestionRow(key, public_id, kind, name, tuple(proposal), basis, confidence, title, slug)
