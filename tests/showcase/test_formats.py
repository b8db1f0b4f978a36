"""CSV, BibTeX, CSL-JSON and arXiv ids: what is read of them, and what is told of the rest."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from sqlalchemy.orm import Session

from matsapply.showcase import arxiv
from matsapply.showcase.importing import CHANGED, UNCHANGED, import_papers
from matsapply.showcase.known import known
from matsapply.showcase.reading import Known, Reading
from matsapply.showcase.sources import read
from tests.showcase.test_import import NOW, load

CSV = """title,authors,published,fellows,arxiv_id,topic
"Lamps, counted",Ann Berg; Bo C. Lind,2024-05-03,Bo Lind,arXiv:2405.00001v2,lamps
Boats,Cy Dahl,"Jun 1, 2024",,,
"""
BIBTEX = r"""
% from a reference manager
@article{lamps,
  title = {{Lamps}, counted: {\"o} and \'e},
  author = {Berg, Ann and van den Lind, Bo and {The Lamp Team}},
  date = {2024-05-03},
  eprint = {2405.00001},
  abstract = {We count lamps.}
}
@misc{boats, title = "Boats", author = "Cy Dahl", year = 2024, month = jun, day = 1, url = {https://example.org/boats}}
"""
CSL = [
    {
        "type": "article",
        "title": "Lamps, counted",
        "author": [
            {"family": "Berg", "given": "Ann"},
            {"family": "Lind", "given": "Bo", "non-dropping-particle": "van den"},
            {"literal": "The Lamp Team"},
        ],
        "issued": {"date-parts": [[2024, 5, 3]]},
        "DOI": "10.48550/arXiv.2405.00001",
    },
    {"title": "Boats", "author": [{"family": "Dahl", "given": "Cy"}], "issued": {"raw": "2024-06-01"}},
]
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>"""
ENTRY = """<entry><id>http://arxiv.org/abs/{}v3</id><published>2024-05-03T10:00:00Z</published>
<title>Lamps,
  counted</title><summary>We count.</summary><author><name>Ann Berg</name></author></entry>"""


def text_of(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def errors(reading: Reading) -> list[tuple[int, str]]:
    return [(finding.line, str(finding.code)) for finding in reading.findings if finding.severity == "E"]


def test_csv() -> None:
    reading = read(CSV.encode())
    lamps, boats = reading.entries
    assert (lamps.title, lamps.authors, lamps.published) == (
        "Lamps, counted", ("Ann Berg", "Bo C. Lind"), date(2024, 5, 3),
    )  # fmt: skip
    assert (lamps.arxiv_id, lamps.topic) == ("2405.00001", "lamps")
    assert [(link.name, link.author) for link in lamps.fellows] == [("Bo Lind", "Bo C. Lind")]
    assert (boats.published, boats.line) == (date(2024, 6, 1), 3)
    assert "topic" not in boats.given  # an empty cell says nothing
    assert errors(reading) == []


def test_bibtex() -> None:
    lamps, boats = read(BIBTEX.encode()).entries
    assert lamps.title == "Lamps, counted: ö and é"
    assert lamps.authors == ("Ann Berg", "Bo van den Lind", "The Lamp Team")
    assert (lamps.arxiv_id, lamps.url) == ("2405.00001", "https://arxiv.org/abs/2405.00001")
    assert (lamps.abstract, lamps.line) == ("We count lamps.", 3)
    assert (boats.published, boats.url) == (date(2024, 6, 1), "https://example.org/boats")


def test_csl_json() -> None:
    lamps, boats = read(text_of(CSL)).entries
    assert lamps.authors == ("Ann Berg", "Bo van den Lind", "The Lamp Team")
    assert (lamps.arxiv_id, lamps.published) == ("2405.00001", date(2024, 5, 3))
    assert (boats.title, boats.published) == ("Boats", date(2024, 6, 1))
    assert boats.line > lamps.line


class TestBadRecords:
    """A bad record is left out and told with its line; its neighbours stay."""

    @pytest.mark.parametrize(
        ("text", "line", "code", "left"),
        [
            (CSV + "Late,Di Moe,May 2024,,,\n", 4, "bad-date", 2),
            (CSV + "Late,,2024-05-01,,,\n", 4, "missing-key", 2),
            (CSV + "Late,Di Moe,2024-05-01,,,Not A Key\n", 4, "bad-key", 2),
            (CSV + "Late,Di Moe\n", 4, "syntax", 0),
            (CSV + '"Late,Di Moe,2024-05-01,,,\n', 4, "syntax", 0),
            (CSV.replace("topic", "topicc", 1), 1, "syntax", 0),
            (BIBTEX.replace("date = {2024-05-03}", "year = 2024, month = may"), 3, "bad-date", 1),
            (BIBTEX + "@misc{x, title = {cut off", 11, "syntax", 2),
            (BIBTEX + "@misc{boats, title = {Again}}", 11, "syntax", 2),
        ],
    )
    def test_each_is_told(self, text: str, line: int, code: str, left: int) -> None:
        reading = read(text.encode())
        assert errors(reading) == [(line, code)]
        assert len(reading.entries) == left
        assert reading.broken is (left == 0)

    def test_a_month_alone_keeps_the_date_of_a_paper_that_is_known(self) -> None:
        text = BIBTEX.replace("date = {2024-05-03}", "year = 2024, month = may")
        reading = read(text.encode(), Known(arxiv_ids={"lamps": "2405.00001"}))
        assert errors(reading) == []
        assert "published" not in reading.entries[0].given

    @pytest.mark.parametrize(
        "item",
        [
            {"title": 1, "issued": {}},
            {"title": "T", "author": "Ann", "issued": {"date-parts": [[2024, 5, 3]]}},
            {"title": "T", "author": [{"given": 3}], "issued": {"date-parts": [["x"]]}},
            {"title": "T", "author": [None], "issued": {"date-parts": "2024"}},
        ],
    )
    def test_csl_of_any_shape(self, item: dict[str, object]) -> None:
        reading = read(text_of([item, *CSL]))
        assert len(reading.entries) == 2
        assert len(errors(reading)) >= 1

    @given(st.sampled_from([CSV, BIBTEX, json.dumps(CSL)]), st.integers(0, 400), st.text(max_size=5))
    def test_any_damage_gets_a_report(self, text: str, place: int, noise: str) -> None:
        damaged = text[:place] + noise + text[place + 3 :]
        assert read(damaged.encode("utf-8", "surrogatepass"), ask=nothing_there).lines()


def nothing_there(_ids: list[str]) -> bytes:
    raise arxiv.Unreachable("no network")


class TestArxiv:
    IDS = b"2405.00001  # lamps\n\nhttps://arxiv.org/abs/2405.00002v2\n"

    def test_asked_once_then_from_the_cache(self, tmp_path: Path) -> None:
        asked: list[list[str]] = []

        def answer(ids: list[str]) -> bytes:
            asked.append(ids)
            return ATOM.format("".join(ENTRY.format(arxiv_id) for arxiv_id in ids)).encode()

        first = read(self.IDS, cache=tmp_path / "arxiv", ask=answer)
        assert [(entry.arxiv_id, entry.title, entry.line) for entry in first.entries] == [
            ("2405.00001", "Lamps, counted", 1),
            ("2405.00002", "Lamps, counted", 3),
        ]
        assert asked == [["2405.00001", "2405.00002"]]
        again = read(self.IDS, cache=tmp_path / "arxiv", ask=nothing_there)
        assert again.entries == first.entries

    def test_without_a_network_each_id_says_so_and_what_to_do(self, tmp_path: Path) -> None:
        reading = read(self.IDS, cache=tmp_path, ask=nothing_there)
        assert errors(reading) == [(1, "no-answer"), (3, "no-answer")]
        assert "cannot be reached: no network" in reading.findings[0].seen
        assert "JSON, CSV or BibTeX" in reading.findings[0].done
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("answer", [b"", b"<html>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff"])
    def test_an_answer_that_is_none(self, answer: bytes) -> None:
        assert errors(read(b"2405.00001", ask=lambda _ids: answer)) == [(1, "no-answer")]

    def test_an_id_that_arxiv_does_not_know(self) -> None:
        reading = read(b"2405.00001", ask=lambda _ids: ATOM.format("").encode())
        assert "knows no such id" in reading.findings[0].seen


def test_a_citation_says_nothing_of_fellows_streams_and_topic(session: Session) -> None:
    load(session)
    item = {
        "title": "BatchTopK Sparse Autoencoders",
        "author": [{"literal": name} for name in ("Bart Bussmann", "Patrick Leask", "Neel Nanda")],
        "issued": {"date-parts": [[2024, 12, 9]]},
        "URL": "https://arxiv.org/abs/2412.06410",
    }
    reading = read(text_of([item]), known(session))
    assert import_papers(session, reading, False, NOW, confirmed=True).count(UNCHANGED) == 1
    moved = read(text_of([item | {"issued": {"date-parts": [[2024, 12, 10]]}}]), known(session))
    assert import_papers(session, moved, False, NOW, confirmed=True).count(CHANGED) == 1
    assert import_papers(session, moved, False, NOW, confirmed=True).count(UNCHANGED) == 1
    assert load(session).count(CHANGED) == 1  # the date alone
