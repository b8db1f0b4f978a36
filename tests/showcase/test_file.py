"""The showcase file: the 26 papers as facts, and a clear report of whatever is wrong with another file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from matsapply.cohorts.file import parse as parse_cohort
from matsapply.cohorts.file_errors import FileError, Rule
from matsapply.rules.showcase import LinkConfidence
from matsapply.showcase.file import MAX_BYTES, SUMMARY_LENGTH, parse

CONFIG = Path(__file__).parents[2] / "config"
PATH = CONFIG / "showcase" / "papers.json"
TEXT = PATH.read_text(encoding="utf-8")


def record(**changes: Any) -> str:
    paper: dict[str, Any] = {
        "title": "A paper",
        "summary": "What it is about.",
        "authors": ["Ada Example", "Bo Example"],
        "fellows": [{"name": "Ada Example", "author": "Ada Example", "basis": "exact", "confidence": "certain"}],
        "published": "2024-05-24",
        "arxiv_id": "2405.15943",
        "url": "https://arxiv.org/abs/2405.15943",
        "topic": "theory",
        "track": "theory",
        "streams": ["learning-theory"],
        "seed_no": 1,
    }
    return json.dumps({"papers": [paper | changes]})


def only(text: str | bytes) -> FileError:
    parsed = parse(text)
    assert parsed.papers == ()
    assert len(parsed.errors) == 1, [str(error) for error in parsed.errors]
    return parsed.errors[0]


class TestThePapers:
    def test_the_counts(self) -> None:
        papers = parse(PATH.read_bytes()).papers
        assert len(papers) == 26
        assert sum(len(paper.authors) for paper in papers) == 209
        assert len({name for paper in papers for name in paper.authors}) == 171
        links = [link for paper in papers for link in paper.fellows]
        assert len(links) == 43
        assert len({link.name for link in links}) == 39
        assert sum(link.name == link.author for link in links) == 36
        assert Counter(link.confidence for link in links) == {
            LinkConfidence.CERTAIN: 36,
            LinkConfidence.HIGH: 6,
            LinkConfidence.TO_CONFIRM: 1,
        }
        assert Counter(paper.published.year for paper in papers) == {2023: 5, 2024: 11, 2025: 10}
        assert [paper.seed_no for paper in papers if paper.arxiv_id is None] == [6]
        assert Counter(paper.track for paper in papers) == {"empirical": 24, "theory": 1, "technical-governance": 1}

    def test_only_the_date_of_a_revision_is_doubted(self) -> None:
        """No. 13 has a date six months after its id; no. 21, a day before the month of its id, is fine."""
        [warning] = parse(TEXT).warnings
        assert warning.path == "papers[12].published"
        assert TEXT.split("\n")[warning.line].strip() == '"seed_no": 13,'

    def test_every_paper_has_a_short_summary_and_no_abstract(self) -> None:
        for paper in parse(TEXT).papers:
            assert 30 < len(paper.summary) <= SUMMARY_LENGTH
            assert paper.summary.count(". ") <= 1
        assert "abstract" not in TEXT.lower()

    def test_tracks_and_streams_are_those_of_the_demo_cohort(self) -> None:
        cohort = parse_cohort((CONFIG / "cohorts" / "2027-06.yaml").read_bytes()).file
        assert cohort is not None
        papers = parse(TEXT).papers
        assert {paper.track for paper in papers} <= {track.key for track in cohort.tracks}
        assert {key for paper in papers for key in paper.streams} <= {stream.key for stream in cohort.streams}
        assert all(paper.streams for paper in papers)

    def test_names_are_kept_as_given(self) -> None:
        papers = {paper.seed_no: paper for paper in parse(TEXT).papers}
        assert "Adria Garriga-Alonso" in papers[8].authors
        assert "Rokas Gipiškis" in papers[5].authors
        assert len(papers[8].authors) == 29
        assert papers[6].authors[3:5] == ("Alan Chan", "Nicholas Carlini")
        assert "Teun van der Weij" in papers[12].authors
        [link] = papers[20].fellows
        assert (link.name, link.author, link.confidence) == ("Jenny Bao", "Xuchan Bao", LinkConfidence.TO_CONFIRM)


class TestMistakes:
    def test_the_sample_is_right(self) -> None:
        assert parse(record()).errors == ()

    @pytest.mark.parametrize(
        ("changes", "rule", "words"),
        [
            ({"title": ""}, Rule.MISSING_KEY, "title"),
            ({"title": None}, Rule.MISSING_KEY, "title"),
            ({"title": 3}, Rule.WRONG_TYPE, "text"),
            ({"title": "a\nb"}, Rule.BAD_TEXT, "one line"),
            ({"title": "a\u0000b"}, Rule.BAD_TEXT, "one line"),
            ({"title": "\ud800"}, Rule.BAD_TEXT, "one line"),
            ({"title": "x" * 501}, Rule.BAD_TEXT, "at most 500"),
            ({"summary": "x" * 141}, Rule.BAD_TEXT, "at most 140"),
            ({"abstract": ["We show"]}, Rule.BAD_TEXT, "20,000"),
            ({"cohort": "June 2027"}, Rule.BAD_KEY, "small letters"),
            ({"titel": "A"}, Rule.UNKNOWN_KEY, "did you mean 'title'"),
            ({"authors": [], "fellows": []}, Rule.MISSING_KEY, "authors"),
            ({"authors": "Ada", "fellows": []}, Rule.WRONG_TYPE, "list"),
            ({"authors": ["Ada Example", "Ada Example"]}, Rule.DUPLICATE_NAME, "twice"),
            (
                {"fellows": [{"name": "A", "author": "Ada Exampel", "confidence": "high"}]},
                Rule.REFERENCE,
                "did you mean",
            ),
            ({"fellows": [{"name": "A", "confidence": "sure"}]}, Rule.NOT_A_CHOICE, "certain"),
            ({"fellows": ["Ada Example"]}, Rule.WRONG_TYPE, "links"),
            ({"published": "May 2024"}, Rule.BAD_DATE, "whole date"),
            ({"published": "2024-05"}, Rule.BAD_DATE, "month"),
            ({"published": "2024-02-30"}, Rule.BAD_DATE, "calendar"),
            ({"arxiv_id": "arXiv:2405"}, Rule.BAD_TEXT, "2405.15943"),
            ({"url": "javascript:alert(1)"}, Rule.BAD_TEXT, "http"),
            ({"url": "//example.org"}, Rule.BAD_TEXT, "http"),
            ({"topic": "Theory!"}, Rule.BAD_KEY, "small letters"),
            ({"streams": ["a b"]}, Rule.BAD_KEY, "small letters"),
            ({"seed_no": True}, Rule.WRONG_TYPE, "whole number"),
        ],
    )
    def test_each_says_what_is_wrong(self, changes: dict[str, Any], rule: Rule, words: str) -> None:
        error = only(record(**changes))
        assert error.rule is rule
        assert words in error.message
        assert error.path.startswith("papers[0].")

    def test_markup_and_other_scripts_are_only_text(self) -> None:
        for title in (
            "<script>alert(1)</script>",
            "$4.6M & AI R&D",
            r"\textit{x}",
            "\u05e9\u05dc\u05d5\u05dd 你好",
            "=1+1",
        ):
            parsed = parse(record(title=title))
            assert [paper.title for paper in parsed.papers] == [title]

    def test_the_line_of_the_record_is_named(self) -> None:
        broken = TEXT.replace('"published": "2024-05-24"', '"published": "May 2024"')
        error = only(broken)
        assert broken.split("\n")[error.line].strip() == '"seed_no": 4,'

    def test_one_paper_twice(self) -> None:
        twice = json.loads(record())["papers"] * 2
        assert only(json.dumps(twice)).rule is Rule.DUPLICATE_KEY
        untold = json.loads(record(arxiv_id=None))["papers"] * 2
        assert only(json.dumps(untold)).rule is Rule.DUPLICATE_KEY

    @pytest.mark.parametrize(
        ("content", "rule"),
        [
            (b"", Rule.SYNTAX),
            (TEXT.encode()[:5000], Rule.SYNTAX),
            (TEXT.encode("utf-16"), Rule.ENCODING),
            ("é".encode("latin-1"), Rule.ENCODING),
            (b"[" * 200_000, Rule.NESTING),
            (b" " * (MAX_BYTES + 1), Rule.SIZE),
            (b"{}", Rule.WRONG_TYPE),
            (b"3", Rule.WRONG_TYPE),
            (b'{"paper": []}', Rule.UNKNOWN_KEY),
            (b'{"papers": {}}', Rule.WRONG_TYPE),
            (b'{"papers": [3]}', Rule.WRONG_TYPE),
            (b'{"papers": [], "papers": []}', Rule.DUPLICATE_KEY),
            (b'{"papers": [' + b"1" * 10_000 + b"]}", Rule.OUT_OF_RANGE),
            (b'{"papers": [NaN]}', Rule.WRONG_TYPE),
        ],
    )
    def test_hostile_files(self, content: bytes, rule: Rule) -> None:
        parsed = parse(content)
        assert parsed.papers == ()
        assert parsed.errors[0].rule is rule

    def test_a_truncated_file_is_named_by_its_last_line(self) -> None:
        assert only(TEXT[: TEXT.index('"seed_no": 3')]).line >= 30

    def test_ten_thousand_papers(self) -> None:
        paper = json.loads(record())["papers"][0]
        many = [paper | {"arxiv_id": None, "title": f"Paper {n}", "url": ""} for n in range(10_000)]
        assert len(parse(json.dumps(many)).papers) == 10_000

    @given(st.binary(max_size=200) | st.text(max_size=200))
    def test_anything_gets_an_answer(self, content: bytes | str) -> None:
        parsed = parse(content)
        assert parsed.papers == () or not parsed.errors

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda part: st.lists(part, max_size=3)))
    def test_any_value_in_any_place_gets_an_answer(self, value: Any) -> None:
        for key in json.loads(record())["papers"][0]:
            parsed = parse(record(**{key: value}))
            assert len(parsed.papers) == (0 if parsed.errors else 1)
