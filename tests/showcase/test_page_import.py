"""The page brought into the showcase, on both databases: first told, then written, and the same again is nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.rules.showcase import QuestionKind
from matsapply.showcase import queries
from matsapply.showcase.importing import CHANGED, CREATED, REPEATED, UNCHANGED, ImportReport, import_papers
from matsapply.showcase.known import known
from matsapply.showcase.models import ImportIssue, ImportRun, Paper, SearchWord, ShowcaseQuestion
from matsapply.showcase.page_import import read
from matsapply.showcase.queries import PaperFilter
from tests.showcase.sample_page import INVENTED, page, record, shared
from tests.showcase.test_import import NOW, load, rows


def bring(session: Session, text: str, *, dry_run: bool = False, confirmed: bool = True) -> ImportReport:
    reading = read(text, known(session))
    return import_papers(session, reading, dry_run, NOW, confirmed=confirmed, source="page.txt")


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.count(CREATED), report.count(CHANGED), report.count(UNCHANGED)


def test_a_dry_run_tells_everything_and_writes_nothing(session: Session) -> None:
    report = bring(session, INVENTED, dry_run=True)
    assert counts(report) == (11, 0, 0)
    assert report.questions_asked == 5  # a name to split, a link, a pair of names, two addresses
    assert "nothing was written" in str(report)
    assert [rows(session, model) for model in (Paper, ShowcaseQuestion, ImportRun, SearchWord)] == [0, 0, 0, 0]


def test_again_is_nothing(session: Session) -> None:
    assert counts(bring(session, INVENTED)) == (11, 0, 0)
    session.commit()
    before = [rows(session, model) for model in (Paper, ShowcaseQuestion, ImportRun, ImportIssue, SearchWord)]
    again = bring(session, INVENTED)
    assert counts(again) == (0, 0, 11)
    assert not again.would_write
    assert [rows(session, model) for model in (Paper, ShowcaseQuestion, ImportRun, ImportIssue, SearchWord)] == before


def test_the_run_its_notes_and_its_findings_are_kept(session: Session) -> None:
    bring(session, INVENTED)
    run = session.scalars(sa.select(ImportRun)).one()
    assert (run.kind, run.source, len(run.notes)) == ("page", "page.txt", 6)
    [finding] = session.scalars(sa.select(ImportIssue).where(ImportIssue.code == "missing-comma"))
    assert (finding.line, finding.column, finding.severity, finding.record) == (16, 25, "W", "2")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("A bench for benches", "A bench for longer benches", "title"),
        ("harder, and longer.", "harder and shorter.", "abstract"),
        ("Ruth Okafor, Timothy Aldous", "Timothy Aldous, Ruth Okafor", "authors"),
        ("Fellows:\nRuth Okafor", "Fellows:\nTimothy Aldous", "fellows"),
        ("May 27, 2025", "May 28, 2025", "published"),
    ],
)
def test_one_line_changed_is_one_difference(session: Session, old: str, new: str, field: str) -> None:
    bring(session, INVENTED)
    assert INVENTED.count(old) == 1
    changed = INVENTED.replace(old, new)
    told = bring(session, changed, confirmed=False)
    assert counts(told) == (0, 1, 10)
    [paper] = [paper for paper in told.papers if paper.outcome == CHANGED]
    assert [difference.field for difference in paper.differences] == [field]
    assert counts(bring(session, INVENTED)) == (0, 0, 11)  # nothing was applied
    assert counts(bring(session, changed)) == (0, 1, 10)
    assert counts(bring(session, changed)) == (0, 0, 11)


def test_a_title_that_was_once_this_papers_is_no_difference(session: Session) -> None:
    bring(session, INVENTED)
    bring(session, INVENTED.replace("A bench for benches", "A bench for longer benches"))
    paper = session.scalars(sa.select(Paper).where(Paper.position == 8)).one()
    assert (paper.title, paper.other_titles) == ("A bench for longer benches", ["A bench for benches"])
    assert counts(bring(session, INVENTED)) == (0, 0, 11)


def test_what_the_page_does_not_speak_of_stays(session: Session) -> None:
    bring(session, INVENTED)
    paper = session.scalars(sa.select(Paper).where(Paper.position == 8)).one()
    paper.summary, paper.topic, paper.url, paper.position = "Ours.", "benches", "https://example.org/benches", 1
    session.flush()
    assert counts(bring(session, INVENTED)) == (0, 0, 11)
    bring(session, INVENTED.replace("May 27, 2025", "May 28, 2025"))
    assert (paper.summary, paper.topic, paper.url, paper.position) == ("Ours.", "benches", paper.url, 1)


def test_abstracts_are_searched_and_never_stored_as_text(session: Session) -> None:
    bring(session, INVENTED)
    assert queries.papers(session, PaperFilter(words="parrots winter")).total == 1
    paper = session.scalars(sa.select(Paper).where(Paper.position == 7)).one()
    assert "over a winter" not in paper.abstract_words
    assert paper.abstract_words.split() == sorted(set(paper.abstract_words.split()))


def test_a_record_that_stands_there_twice_counts_once(session: Session) -> None:
    report = bring(session, page(record(), record(title="Other", authors="Cy Dahl, Di Moe"), record()))
    assert (report.count(CREATED), report.count(REPEATED)) == (2, 1)


def test_a_broken_page_is_refused_whole(session: Session) -> None:
    with pytest.raises(ValueError, match="told apart"):
        bring(session, INVENTED[: INVENTED.index("Jul 31, 2024")])
    assert rows(session, Paper) == 0


def test_strange_titles_are_stored_as_they_are(session: Session) -> None:
    titles = ["<script>alert(1)</script>", r"\textbf{Bold} $x_1$", "חקר המפרשים", "=1+1"]
    bring(session, page(*(record(title=title, authors=f"Ann {number}x") for number, title in enumerate(titles))))
    assert session.scalars(sa.select(Paper.title).order_by(Paper.position)).all() == titles
    slugs = session.scalars(sa.select(Paper.slug).order_by(Paper.position)).all()
    assert slugs == ["script-alert-1-script", "textbf-bold-x-1", "paper", "1-1"]


class TestTheProgrammesPage:
    """See ``test_real_page``: runs wherever the page is beside the clone, and always in CI."""

    def test_into_an_empty_showcase_and_again(self, session: Session) -> None:
        text = shared("seed/*.txt").read_text(encoding="utf-8")
        first = bring(session, text)
        assert counts(first) == (26, 0, 0)
        assert (first.fellows_created, first.questions_asked) == (39, 8)
        assert counts(bring(session, text)) == (0, 0, 26)

    def test_beside_the_facts_that_are_there(self, session: Session) -> None:
        text = shared("seed/*.txt").read_text(encoding="utf-8")
        load(session)
        told = bring(session, text, dry_run=True)
        assert counts(told) == (0, 26, 0)
        assert {change.field for paper in told.papers for change in paper.differences} == {"abstract"}
        bring(session, text)
        assert counts(bring(session, text)) == (0, 0, 26)
        assert counts(load(session)) == (0, 0, 26)
        kinds = session.scalars(sa.select(ShowcaseQuestion.kind).order_by(ShowcaseQuestion.id)).all()
        assert sorted(kinds) == [QuestionKind.FELLOW_LINK, *[QuestionKind.PROJECT_LINK] * 4, *PAIRS]
        changed = bring(session, text.replace("Oct 11, 2024", "Oct 12, 2024"), confirmed=False)
        assert counts(changed) == (0, 1, 25)


PAIRS = [QuestionKind.SAME_PERSON] * 2
