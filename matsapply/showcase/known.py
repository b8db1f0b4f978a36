"""What is known before a file of papers is read: names, ids, and what people have answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.rules.names import folded
from matsapply.rules.people_names import possible_split
from matsapply.rules.showcase import QuestionAnswer, QuestionKind
from matsapply.showcase.models import Fellow, Paper, PaperPerson, ShowcaseQuestion
from matsapply.showcase.reading import Known, answer_key

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# Full names of which the two halves are in use, each on other papers; a reader of the field recalls them. Whether a
# pair is one person is still asked.
RECALLED_NAMES = ("Logan Riggs Smith",)


def known(session: Session) -> Known:
    """Four reads."""
    answers: dict[tuple[str, str, str], tuple[bool, tuple[str, ...]]] = {}
    whole: set[str] = set()
    for kind, title, name, proposal, answer in session.execute(
        sa.select(
            ShowcaseQuestion.kind,
            Paper.title,
            ShowcaseQuestion.name,
            ShowcaseQuestion.proposal,
            ShowcaseQuestion.answer,
        )
        .outerjoin(Paper, Paper.id == ShowcaseQuestion.paper_id)
        .where(ShowcaseQuestion.answer != QuestionAnswer.OPEN)
    ):
        key = answer_key(kind, folded(title or ""), name, tuple(proposal))
        answers[key] = answer is QuestionAnswer.YES, tuple(proposal)
        if kind is QuestionKind.SPLIT_NAME and answer is QuestionAnswer.NO:
            whole.add(name)
    names = set(session.scalars(sa.select(PaperPerson.name).distinct())) | set(session.scalars(sa.select(Fellow.name)))
    ids = session.execute(sa.select(Paper.title, Paper.arxiv_id).where(Paper.arxiv_id.is_not(None)))
    return Known(
        names=frozenset(name for name in names if not possible_split(name, ())) | whole,
        full_names=RECALLED_NAMES,
        arxiv_ids={folded(title): arxiv_id for title, arxiv_id in ids if arxiv_id},
        answers=answers,
    )
