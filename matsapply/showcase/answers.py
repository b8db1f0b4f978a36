"""What a person says about names: a missing comma, who a fellow is, whether two names are one person.

Nothing here is ever done by an import. A yes changes what the question proposed and nothing else; a no is kept, so
that the question is not asked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.rules.names import folded, slug
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.showcase import LinkConfidence, PaperRole, QuestionAnswer, QuestionKind
from matsapply.showcase.models import Fellow, Paper, PaperPerson
from matsapply.showcase.searching import refresh

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.showcase.models import ShowcaseQuestion


def answer(session: Session, actor: Actor, question: ShowcaseQuestion, yes: bool, now: datetime) -> None:
    """Answer an open question; a yes is carried out. Never commits. Raises ``Refused`` with REPEATED where it has been
    answered before."""
    if question.answer is not QuestionAnswer.OPEN:
        raise refuse(Code.REPEATED)
    match question.kind:
        case QuestionKind.SPLIT_NAME if yes:
            _split(session, question)
        case QuestionKind.FELLOW_LINK:
            _link(session, question, yes)
        case QuestionKind.SAME_PERSON if yes:
            _same(session, question)
        case QuestionKind.PROJECT_LINK if yes and question.paper is not None:
            question.paper.project_url = question.proposal[0]
        case _:
            pass
    question.answer = QuestionAnswer.YES if yes else QuestionAnswer.NO
    question.answered_by_id = actor.person_id
    question.answered_at = now
    audit.record(
        session,
        actor,
        "showcase.answered",
        now,
        subject_type="showcase_question",
        subject_id=question.id,
        after=question.answer.value,
        detail={"kind": question.kind.value, "name": question.name, "proposal": question.proposal},
    )
    session.flush()
    if question.paper_id is not None:
        refresh(session, [question.paper_id])


def separate(session: Session, actor: Actor, paper: Paper, name: str, now: datetime) -> Fellow:
    """Say that the fellow ``name`` of this paper is another person than the namesake on other papers: an entry of
    their own. Raises ``Refused`` with NO_CHANGE where the entry has no other paper."""
    row = session.scalars(
        sa.select(PaperPerson).where(
            PaperPerson.paper_id == paper.id, PaperPerson.role == PaperRole.FELLOW, PaperPerson.name == name
        )
    ).one()
    others = session.scalar(
        sa.select(sa.func.count())
        .select_from(PaperPerson)
        .where(PaperPerson.fellow_id == row.fellow_id, PaperPerson.paper_id != paper.id)
    )
    if not others:
        raise refuse(Code.NO_CHANGE)
    taken = set(session.scalars(sa.select(Fellow.slug).where(Fellow.slug.startswith(slug(name, fallback="fellow")))))
    fellow = Fellow(slug=slug(name, taken, "fellow"), name=name)
    session.add(fellow)
    session.flush()
    row.fellow_id = fellow.id
    audit.record(
        session,
        actor,
        "showcase.separated",
        now,
        subject_type="fellow",
        subject_id=fellow.id,
        detail={"name": name, "paper": paper.id},
    )
    session.flush()
    refresh(session, [paper.id])
    return fellow


def link_person(session: Session, actor: Actor, fellow: Fellow, person_id: int | None, now: datetime) -> None:
    """Say which person of the site a fellow is, or that nobody knows (None); conflicts of interest rest on it.

    Raises ``Refused``: NO_CHANGE, or REPEATED where the person is another fellow already.
    """
    if fellow.person_id == person_id:
        raise refuse(Code.NO_CHANGE)
    if person_id is not None and session.scalar(sa.select(Fellow.id).where(Fellow.person_id == person_id)):
        raise refuse(Code.REPEATED)
    fellow.person_id = person_id
    audit.record(
        session,
        actor,
        "showcase.fellow_is_person",
        now,
        subject_type="fellow",
        subject_id=fellow.id,
        detail={"person": person_id},
    )
    session.flush()


def _split(session: Session, question: ShowcaseQuestion) -> None:
    """Put the several people in the place of the one name, and number everybody again."""
    rows = session.scalars(
        sa.select(PaperPerson).where(PaperPerson.paper_id == question.paper_id).order_by(PaperPerson.position)
    ).all()
    for role in PaperRole:
        people = [row for row in rows if row.role is role]
        names = [row.name for row in people]
        if question.name not in names or role is PaperRole.FELLOW:
            continue
        place = names.index(question.name)
        new = [name for name in question.proposal if name not in names]
        names[place : place + 1] = new
        session.execute(sa.delete(PaperPerson).where(PaperPerson.id.in_([row.id for row in people])))
        session.add_all(
            PaperPerson(
                paper_id=question.paper_id, role=role, position=position, name=name, folded_name=folded(name)[:200]
            )
            for position, name in enumerate(names, 1)
        )
    session.flush()


def _link(session: Session, question: ShowcaseQuestion, yes: bool) -> None:
    """A yes makes the link certain, a no takes it away for certain."""
    session.execute(
        sa.update(PaperPerson)
        .where(
            PaperPerson.paper_id == question.paper_id,
            PaperPerson.role == PaperRole.FELLOW,
            PaperPerson.name == question.name,
        )
        .values(
            linked_author=question.proposal[0] if yes and question.proposal else "",
            link_basis="a person confirmed it" if yes else "a person said: no author of it",
            link_confidence=LinkConfidence.CERTAIN,
        )
    )


def _same(session: Session, question: ShowcaseQuestion) -> None:
    """Both names become those of one entry, if one of them is a fellow's; authors alone are only remembered."""
    one, other = question.name, question.proposal[0]
    fellows = session.scalars(sa.select(Fellow).where(Fellow.name.in_([one, other])).order_by(Fellow.id)).all()
    if not fellows:
        return
    kept, *gone = fellows
    names = {one, other, *(alias for fellow in fellows for alias in fellow.aliases)} - {kept.name}
    kept.aliases = sorted(names)
    for fellow in gone:
        session.execute(sa.update(PaperPerson).where(PaperPerson.fellow_id == fellow.id).values(fellow_id=kept.id))
        session.flush()
        session.delete(fellow)
    session.flush()
    papers = session.scalars(sa.select(PaperPerson.paper_id).where(PaperPerson.fellow_id == kept.id)).all()
    refresh(session, papers)
