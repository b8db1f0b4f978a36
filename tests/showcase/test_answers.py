"""What people say about names is carried out once, kept, and outlives the next import."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.audit.models import AuditEvent
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.showcase import LinkConfidence, PaperRole, QuestionAnswer, QuestionKind
from matsapply.showcase import queries
from matsapply.showcase.answers import answer, separate
from matsapply.showcase.fellows import fellow_by_slug
from matsapply.showcase.importing import UNCHANGED
from matsapply.showcase.models import Fellow, Paper, PaperPerson, ShowcaseQuestion
from matsapply.showcase.queries import PaperFilter
from tests.showcase.sample_page import INVENTED, page, record
from tests.showcase.test_import import NOW, load
from tests.showcase.test_page_import import bring

TEAM = Actor()


def asked(session: Session, kind: QuestionKind) -> ShowcaseQuestion:
    return session.scalars(sa.select(ShowcaseQuestion).where(ShowcaseQuestion.kind == kind)).first()  # type: ignore[return-value]


def authors(session: Session, position: int) -> list[str]:
    found = sa.select(PaperPerson.name).join(Paper).where(Paper.position == position)
    return list(session.scalars(found.where(PaperPerson.role == PaperRole.AUTHOR).order_by(PaperPerson.position)))


def same_as_before(session: Session, text: str = INVENTED) -> bool:
    report = bring(session, text)
    return report.count(UNCHANGED) == len(report.papers) and not report.questions_asked


def test_a_name_is_split_when_a_person_says_so(session: Session) -> None:
    bring(session, INVENTED)
    question = asked(session, QuestionKind.SPLIT_NAME)
    answer(session, TEAM, question, True, NOW)
    assert authors(session, 2) == ["Femi Adisa", "Carla Munk", "Rosa Lindgren", "Pavel Dvorak", "Ulf Sand"]
    assert question.answer is QuestionAnswer.YES
    assert queries.papers(session, PaperFilter(words="dvorak")).total == 1
    assert session.scalars(sa.select(AuditEvent.action)).all().count("showcase.answered") == 1
    assert same_as_before(session)
    with pytest.raises(Refused) as refused:
        answer(session, TEAM, question, False, NOW)
    assert refused.value.refusal.code is Code.REPEATED


def test_a_no_is_kept(session: Session) -> None:
    bring(session, INVENTED)
    for question in session.scalars(sa.select(ShowcaseQuestion)).all():
        answer(session, TEAM, question, False, NOW)
    assert "Rosa Lindgren Pavel Dvorak" in authors(session, 2)
    link = session.scalars(sa.select(PaperPerson).where(PaperPerson.name == "Poppy Adeyemi")).one()
    assert (link.linked_author, link.link_confidence) == ("", LinkConfidence.CERTAIN)
    assert same_as_before(session)


def test_a_link_is_made_when_a_person_says_so(session: Session) -> None:
    bring(session, INVENTED)
    answer(session, TEAM, asked(session, QuestionKind.FELLOW_LINK), True, NOW)
    link = session.scalars(sa.select(PaperPerson).where(PaperPerson.name == "Poppy Adeyemi")).one()
    assert (link.linked_author, link.link_confidence) == ("Folake Adeyemi", LinkConfidence.CERTAIN)
    assert same_as_before(session)


def test_an_address_becomes_the_project_link_when_a_person_says_so(session: Session) -> None:
    bring(session, INVENTED)
    answer(session, TEAM, asked(session, QuestionKind.PROJECT_LINK), True, NOW)
    assert session.scalars(sa.select(Paper.project_url).where(Paper.project_url != "")).all() == [
        "https://rooms.example.org/drawings"
    ]
    assert same_as_before(session)


@pytest.mark.parametrize("yes", [True, False])
def test_a_json_file_asks_too_and_does_not_ask_again(session: Session, yes: bool) -> None:
    load(session)
    question = asked(session, QuestionKind.FELLOW_LINK)
    assert (question.name, question.proposal) == ("Jenny Bao", ["Xuchan Bao"])
    answer(session, TEAM, question, yes, NOW)
    again = load(session, confirmed=True)
    assert (again.count(UNCHANGED), again.questions_asked) == (26, 0)


TWO = page(
    record(title="One", authors="Tim Aldous, Bo Lind", fellows="Tim Aldous"),
    record(title="Two", authors="Timothy Aldous, Cy Dahl", fellows="Timothy Aldous"),
)


def test_two_fellows_become_one_entry_only_when_a_person_says_so(session: Session) -> None:
    bring(session, TWO)
    assert session.scalars(sa.select(Fellow.name).order_by(Fellow.name)).all() == ["Tim Aldous", "Timothy Aldous"]
    answer(session, TEAM, asked(session, QuestionKind.SAME_PERSON), True, NOW)
    [fellow] = session.scalars(sa.select(Fellow)).all()
    assert {fellow.name, *fellow.aliases} == {"Tim Aldous", "Timothy Aldous"}
    found = fellow_by_slug(session, fellow.slug)
    assert found is not None
    assert len(found.papers) == 2
    names = session.scalars(sa.select(PaperPerson.name).where(PaperPerson.role == PaperRole.FELLOW)).all()
    assert sorted(names) == ["Tim Aldous", "Timothy Aldous"]  # as given on each paper
    assert same_as_before(session, TWO)
    third = record(title="Three", authors="Timothy Aldous, Ed Foe", fellows="Timothy Aldous")
    assert bring(session, TWO + third).fellows_created == 0  # an alias is a name of the one entry
    assert queries.papers(session, PaperFilter(words="timothy")).total == 3


def test_namesakes_are_separated_and_stay_apart(session: Session) -> None:
    text = page(
        record(title="One", authors="Michael Chen, Bo Lind", fellows="Michael Chen"),
        record(title="Two", authors="Michael Chen, Cy Dahl", fellows="Michael Chen"),
    )
    bring(session, text)
    second = session.scalars(sa.select(Paper).where(Paper.title == "Two")).one()
    fellow = separate(session, TEAM, second, "Michael Chen", NOW)
    assert fellow.slug == "michael-chen-2"
    for slug in ("michael-chen", "michael-chen-2"):
        found = fellow_by_slug(session, slug)
        assert found is not None
        assert len(found.papers) == 1
    assert same_as_before(session, text)
    bring(session, text.replace("Cy Dahl", "Di Moe"))  # written again: each keeps the entry it had
    assert fellow_by_slug(session, "michael-chen-2") is not None
    with pytest.raises(Refused):
        separate(session, TEAM, second, "Michael Chen", NOW)
    third = record(title="Three", authors="Michael Chen, Ed Foe", fellows="Michael Chen")
    bring(session, text + third)  # nobody knows which of the two: neither
    assert session.scalar(sa.select(sa.func.count()).select_from(Fellow)) == 3
