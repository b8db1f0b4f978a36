"""Importing papers and reading them again, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.rules.showcase import LinkConfidence, PaperRole
from matsapply.showcase import queries
from matsapply.showcase.fellows import fellow_by_slug
from matsapply.showcase.figures import facets
from matsapply.showcase.file import PaperEntry, parse
from matsapply.showcase.importing import CHANGED, CREATED, UNCHANGED, ImportReport, import_papers
from matsapply.showcase.models import Fellow, ImportIssue, ImportRun, Paper, PaperPerson, PaperStream
from matsapply.showcase.queries import PaperFilter
from matsapply.showcase.sources import from_json
from matsapply.showcase.stream_papers import papers_of_stream, papers_of_streams

PARSED = parse((Path(__file__).parents[2] / "config" / "showcase" / "papers.json").read_bytes())
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def load(
    session: Session,
    papers: tuple[PaperEntry, ...] = PARSED.papers,
    *,
    dry_run: bool = False,
    confirmed: bool = False,
) -> ImportReport:
    reading = from_json(replace(PARSED, papers=papers))
    return import_papers(session, reading, dry_run, NOW, confirmed=confirmed, source="papers.json")


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.count(CREATED), report.count(CHANGED), report.count(UNCHANGED)


def rows(session: Session, model: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def with_paper(seed_no: int, **changes: object) -> tuple[PaperEntry, ...]:
    return tuple(
        replace(paper, **changes) if paper.seed_no == seed_no else paper  # type: ignore[arg-type]
        for paper in PARSED.papers
    )


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("SAVEPOINT"):  # the fixture, not the query
            sent.append(statement)

    engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


class TestImport:
    def test_twice_is_once(self, session: Session) -> None:
        first = load(session)
        session.commit()
        assert counts(first) == (26, 0, 0)
        assert first.fellows_created == 39
        assert [rows(session, model) for model in (Paper, Fellow, PaperPerson)] == [26, 39, 252]
        assert first.to_confirm == (
            "Jenny Bao = Xuchan Bao (Tell Me About Yourself: LLMs are Aware of their Learned Behaviors)",
        )
        ids = session.scalars(sa.select(PaperPerson.id).order_by(PaperPerson.id)).all()
        second = load(session)
        session.commit()
        assert counts(second) == (0, 0, 26)
        assert session.scalars(sa.select(PaperPerson.id).order_by(PaperPerson.id)).all() == ids
        assert rows(session, ImportRun) == 1
        assert session.scalars(sa.select(ImportIssue.code)).all() == ["revision-date"]

    def test_a_dry_run_writes_nothing(self, session: Session) -> None:
        report = load(session, dry_run=True)
        assert counts(report) == (26, 0, 0)
        assert report.fellows_created == 39
        assert "nothing was written" in str(report)
        assert [rows(session, model) for model in (Paper, Fellow, ImportRun)] == [0, 0, 0]

    def test_a_difference_is_shown_and_applied_only_when_confirmed(self, session: Session) -> None:
        load(session)
        changed = with_paper(5, title="Existing practice for the code", streams=("standards",))
        report = load(session, changed)
        assert counts(report) == (0, 1, 25)
        [paper] = [paper for paper in report.papers if paper.outcome == CHANGED]
        assert [(difference.field, difference.given) for difference in paper.differences] == [
            ("title", "Existing practice for the code"),
            ("streams", "standards"),
        ]
        assert "confirm to apply" in str(report)
        assert counts(load(session)) == (0, 0, 26)
        slug = session.scalars(sa.select(Paper.slug).where(Paper.arxiv_id == "2504.15181")).one()
        assert counts(load(session, changed, confirmed=True)) == (0, 1, 25)
        assert counts(load(session, changed)) == (0, 0, 26)
        again = queries.paper_by_slug(session, slug)  # addresses stay
        assert again is not None
        assert (again.title, again.streams) == ("Existing practice for the code", ("standards",))

    def test_people_and_their_order_are_compared(self, session: Session) -> None:
        load(session)
        entry = next(paper for paper in PARSED.papers if paper.seed_no == 14)
        changed = with_paper(14, authors=tuple(reversed(entry.authors)), fellows=entry.fellows[:1])
        report = load(session, changed, confirmed=True)
        assert [difference.field for paper in report.papers for difference in paper.differences] == [
            "authors",
            "fellows",
        ]
        found = session.scalars(
            sa.select(PaperPerson.name)
            .join(Paper)
            .where(Paper.position == 14, PaperPerson.role == PaperRole.AUTHOR)
            .order_by(PaperPerson.position)
        ).all()
        assert tuple(found) == tuple(reversed(entry.authors))

    def test_a_link_that_a_person_confirmed_is_not_doubted_again(self, session: Session) -> None:
        load(session)
        link = session.scalars(sa.select(PaperPerson).where(PaperPerson.name == "Jenny Bao")).one()
        link.link_confidence = LinkConfidence.CERTAIN
        session.flush()
        assert counts(load(session)) == (0, 0, 26)

    def test_papers_are_known_by_id_not_by_title(self, session: Session) -> None:
        load(session)
        twin = with_paper(6, arxiv_id="2512.00001", url="https://arxiv.org/abs/2512.00001")
        assert counts(load(session, twin)) == (0, 1, 25)  # the report without an id gets one
        homonym = replace(PARSED.papers[0], arxiv_id="2512.00002", url="https://arxiv.org/abs/2512.00002")
        assert counts(load(session, (homonym,))) == (1, 0, 0)
        slugs = session.scalars(sa.select(Paper.slug).where(Paper.title == homonym.title).order_by(Paper.id)).all()
        assert slugs[1] == f"{slugs[0]}-2"

    def test_one_fellow_on_several_papers_is_one_entry_and_homonyms_are_not_merged(self, session: Session) -> None:
        load(session)
        slugs = set(session.scalars(sa.select(Fellow.slug)))
        assert {"adam-karvonen", "felix-hofstatter", "kajetan-jett-janiak", "alex-chan"} <= slugs
        assert len([slug for slug in slugs if slug.endswith("-chan")]) == 1
        karvonen = fellow_by_slug(session, "adam-karvonen")
        assert karvonen is not None
        assert len(karvonen.papers) == 3


class TestReads:
    @pytest.fixture(autouse=True)
    def papers(self, session: Session) -> None:
        load(session)
        session.commit()

    def test_the_list_pages_through_everything_once(self, session: Session) -> None:
        seen: list[str] = []
        after = None
        while True:
            with counted(session) as sent:
                page = queries.papers(session, after=after, limit=7)
            assert len(sent) == 4
            assert page.total == 26
            seen += [row.slug for row in page.rows]
            after = page.next_after
            if after is None:
                break
        assert len(seen) == len(set(seen)) == 26
        days = [row.published for row in queries.papers(session).rows]
        assert days == sorted(days, reverse=True)

    @pytest.mark.parametrize(
        ("filtered", "number"),
        [
            (PaperFilter(words="Iván ARCUSCHIN"), 1),
            (PaperFilter(words="ivan arcuschin"), 1),
            (PaperFilter(words="hofstatter"), 1),
            (PaperFilter(words="sparse autoencoder nanda"), 4),
            (PaperFilter(words="100%"), 0),
            (PaperFilter(words="_"), 0),
            (PaperFilter(words="'; drop table paper; --"), 0),
            (PaperFilter(words="a\x00b"), 3),
            (PaperFilter(topic="interpretability"), 11),
            (PaperFilter(track="theory"), 1),
            (PaperFilter(track="policy-strategy"), 0),
            (PaperFilter(stream="evals"), 4),
            (PaperFilter(year=2023), 5),
            (PaperFilter(year=10**9), 0),
            (PaperFilter(year=-1), 0),
            (PaperFilter(fellow="can-rager"), 2),
            (PaperFilter(topic="unlearning", year=2024, words="weights"), 1),
        ],
    )
    def test_filters(self, session: Session, filtered: PaperFilter, number: int) -> None:
        found = queries.papers(session, filtered)
        if "\x00" not in filtered.words:  # a NUL is a blank; what two letters find is of no matter
            assert found.total == number
        assert found.total == len(found.rows)

    def test_facets_count_what_a_filter_leaves(self, session: Session) -> None:
        found = facets(session)
        assert {facet.value: facet.papers for facet in found["year"]} == {"2023": 5, "2024": 11, "2025": 10}
        assert sum(facet.papers for facet in found["topic"]) == 26
        assert {facet.value: facet.papers for facet in found["track"]}["empirical"] == 24
        narrowed = facets(session, PaperFilter(year=2023, topic="evaluations"))
        assert {facet.value: facet.papers for facet in narrowed["stream"]} == {"evals": 1, "robustness": 1}

    def test_hidden_papers_are_nowhere(self, session: Session) -> None:
        hidden = session.scalars(sa.select(Paper).where(Paper.topic == "theory")).one()
        hidden.hidden = True
        session.flush()
        assert queries.papers(session).total == 25
        assert queries.papers(session, PaperFilter(hidden=True)).total == 26
        assert queries.papers_of_track(session, "theory") == ()
        assert papers_of_stream(session, "learning-theory") == ()
        assert papers_of_streams(session, ["learning-theory"]) == {"learning-theory": ()}
        assert queries.paper_by_slug(session, hidden.slug) is None
        assert queries.paper_by_slug(session, hidden.slug, hidden=True) is not None
        assert fellow_by_slug(session, "paul-riechers") is None

    def test_the_papers_of_streams(self, session: Session) -> None:
        keys = session.scalars(sa.select(PaperStream.stream_key).distinct()).all()
        with counted(session) as sent:
            several = papers_of_streams(session, [*keys, "hardware"], each=2)
        assert len(sent) <= 4
        assert several["hardware"] == ()
        assert all(1 <= len(several[key]) <= 2 for key in keys)
        full = papers_of_stream(session, "feature-learning")
        assert len(full) == 11
        assert full[:2] == several["feature-learning"]
        assert len(queries.papers_of_track(session, "empirical")) == 24

    def test_the_papers_of_tracks(self, session: Session) -> None:
        with counted(session) as sent:
            several = queries.papers_of_tracks(session, ["theory", "empirical", "none"], each=3)
        assert len(sent) == 3
        assert several == {
            "theory": queries.papers_of_track(session, "theory", 3),
            "empirical": queries.papers_of_track(session, "empirical", 3),
            "none": (),
        }
        assert [len(rows) for rows in several.values()] == [1, 3, 0]

    def test_a_paper_with_its_people(self, session: Session) -> None:
        row = queries.papers(session, PaperFilter(words="chain-of-thought")).rows[0]
        assert [(fellow.name, fellow.author) for fellow in row.fellows] == [
            ("Iván Arcuschin Moreno", "Iván Arcuschin"),
            ("Kajetan (Jett) Janiak", "Jett Janiak"),
        ]
        assert row.year == 2025

    def test_related_papers_share_most(self, session: Session) -> None:
        emergent = queries.papers(session, PaperFilter(words="emergent misalignment")).rows[0]
        found = queries.related(session, emergent)
        assert found[0].title.startswith("Tell Me About Yourself")  # five authors in common
        assert emergent.slug not in {row.slug for row in found}
        assert len(found) == 4

    def test_the_theory_paper_stands_alone(self, session: Session) -> None:
        row = queries.papers_of_track(session, "theory")[0]
        assert row.published == date(2024, 5, 24)
        assert queries.related(session, row) == ()
