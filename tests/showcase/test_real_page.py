"""The programme's own page, where this machine has it: its report, line by line, beside the list of its oddities.

The page itself is no part of the repository. In CI it lies beside the clone and these tests have to run; elsewhere
they are skipped with the reason, and the invented page in ``pages/`` covers every oddity anyway.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from matsapply.rules.names import folded, slug
from matsapply.rules.people_names import same_person_pairs
from matsapply.rules.showcase import LinkConfidence, QuestionKind
from matsapply.showcase.known import RECALLED_NAMES
from matsapply.showcase.page_import import read
from matsapply.showcase.reading import Known, Reading, answer_key
from tests.showcase.sample_page import shared

# Every finding that the list of oddities asks for, by its number there: severity, line, code, record.
Expected = tuple[str, int, str, int]
FINDINGS: dict[int, list[Expected]] = {
    1: [("I", 27, "repeated-label", 3), ("I", 54, "repeated-label", 6)],
    2: [("W", 52, "missing-comma", 6)],
    4: [("W", 36, "fellow-linked", 4)],
    5: [("W", 62, "fellow-linked", 7)],
    6: [("W", 86, "fellow-linked", 10), ("W", 86, "fellow-linked", 10)],
    7: [("W", 94, "fellow-linked", 11), ("W", 94, "fellow-linked", 11)],
    8: [("E", 166, "link-unsure", 20), ("W", 166, "fellow-unsure", 20)],
    9: [("I", 116, "possible-alias", 14), ("I", 172, "possible-alias", 21)],
    13: [("W", 112, "revision-date", 13)],
    16: [("W", 170, "abstract-cut", 21)],
    17: [("I", line, "lost-blanks", no) for line, no in ((40, 5), (58, 7), (74, 9), (90, 11), (194, 24), (202, 25))],
    18: [("I", 4, "markup", 1), ("I", 162, "markup", 20)],
    19: [("I", line, "web-address", no) for line, no in ((114, 14), (122, 15), (130, 16), (138, 17))],
    23: [("I", 1, "ignored-line", 0), ("I", 2, "ignored-line", 0)],
    24: [("I", 217, "notes", 0), *(("I", line, "announced-empty", 0) for line in (218, 220, 225))],
}
# Where on their lines the names begin that are told, as the page has them.
COLUMNS = [
    ("fellow-linked", 36, 1), ("missing-comma", 52, 43), ("fellow-linked", 62, 21), ("fellow-linked", 86, 1),
    ("fellow-linked", 86, 27), ("fellow-linked", 94, 1), ("fellow-linked", 94, 24), ("link-unsure", 166, 1),
    ("fellow-unsure", 166, 1),
]  # fmt: skip
# Oddities that ask for silence, or for something besides a finding: the tests named after them below.
BEHAVIOUR = {3, 10, 11, 12, 14, 15, 20, 21, 22, 25, 26, 27, 28}
SUMMARY = (
    "26 records read · 26 importable · 0 rejected · 10 warnings (6 fellow-linked, 1 missing-comma, 1 revision-date, "
    "1 fellow-unsure, 1 abstract-cut) · 7 fellow links proposed (6 high, 1 needs a person) · 1 name to split · "
    "9 trailing lines kept as notes · 3 announced-but-empty items"
)


@pytest.fixture(scope="module")
def facts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shared("domain/papers.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def text() -> str:
    return shared("seed/*.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def known(facts: list[dict[str, Any]]) -> Known:
    ids = {folded(paper["title"]): paper["arxiv_id"] for paper in facts if paper["arxiv_id"]}
    return Known(full_names=RECALLED_NAMES, arxiv_ids=ids)


@pytest.fixture(scope="module")
def reading(text: str, known: Known) -> Reading:
    return read(text, known)


def test_every_oddity_of_the_list_is_placed_here() -> None:
    table = shared("domain/showcase-oddities.md").read_text(encoding="utf-8")
    numbers = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert numbers == set(range(1, 29)) == FINDINGS.keys() | BEHAVIOUR
    assert not FINDINGS.keys() & BEHAVIOUR


def test_the_report_has_exactly_the_lines_the_list_asks_for(reading: Reading) -> None:
    found = sorted((f.severity.value, f.line, str(f.code), f.record) for f in reading.findings)
    assert found == sorted(line for lines in FINDINGS.values() for line in lines)
    assert reading.summary == SUMMARY
    told = {code for code, _, _ in COLUMNS}
    assert [(f.code, f.line, f.column) for f in reading.findings if f.code in told] == COLUMNS
    assert all(f.seen and f.done for f in reading.findings)
    assert reading.needs_a_person  # the one link that only a person can make


def test_2_and_3_one_name_is_split_and_only_by_a_person(reading: Reading) -> None:
    [question] = [question for question in reading.questions if question.kind is QuestionKind.SPLIT_NAME]
    assert (question.name, question.proposal) == ("Alan Chan Nicholas Carlini", ("Alan Chan", "Nicholas Carlini"))
    assert "Alan Chan Nicholas Carlini" in reading.entries[5].authors
    [finding] = [finding for finding in reading.findings if finding.code == "missing-comma"]
    assert finding.column == len("Winnie Xiao, Cole Killian, Henry Sleight, ") + 1


def test_4_to_8_every_link_as_a_person_judged_it(reading: Reading) -> None:
    links = json.loads(shared("domain/fellow_links.json").read_text(encoding="utf-8"))
    confidences = {"certain": LinkConfidence.CERTAIN, "high": LinkConfidence.HIGH}
    judged = [
        (link["seed_no"], link["fellow"], link["author"], link["basis"],
         confidences.get(link["confidence"], LinkConfidence.TO_CONFIRM))
        for link in links
    ]  # fmt: skip
    found = [
        (entry.seed_no, link.name, link.author, link.basis, link.confidence)
        for entry in reading.entries
        for link in entry.fellows
    ]
    assert found == judged
    assert len(found) == 43


def test_10_nobody_is_taken_for_a_namesake(reading: Reading) -> None:
    names = {name for entry in reading.entries for name in entry.authors}
    pairs = {frozenset((pair.one, pair.other)) for pair in same_person_pairs(names, RECALLED_NAMES)}
    assert pairs == {frozenset(("Tom McGrath", "Thomas McGrath")), frozenset(("Logan Riggs", "Logan Smith"))}


def test_11_12_21_26_the_facts_as_given(reading: Reading, facts: list[dict[str, Any]], known: Known, text: str) -> None:
    assert [entry.title for entry in reading.entries] == [paper["title"] for paper in facts]
    assert [entry.published.isoformat() for entry in reading.entries] == [paper["published"] for paper in facts]
    assert [[link.name for link in entry.fellows] for entry in reading.entries] == [p["fellows"] for p in facts]
    slots = [name for entry in reading.entries for name in entry.authors]
    assert (len(slots), len(set(slots))) == (208, 170)
    key = answer_key(QuestionKind.SPLIT_NAME, folded(reading.entries[5].title), "Alan Chan Nicholas Carlini")
    answered = read(text, Known(arxiv_ids=known.arxiv_ids, answers={key: (True, ("Alan Chan", "Nicholas Carlini"))}))
    assert [list(entry.authors) for entry in answered.entries] == [paper["authors"] for paper in facts]


def test_14_22_27_no_warning_for_the_month_before_its_id_nor_for_a_paper_without_one(reading: Reading) -> None:
    dated = {finding.record for finding in reading.findings if finding.code in ("revision-date", "bad-date")}
    assert dated == {13}


def test_17_the_lost_blanks_are_counted(reading: Reading) -> None:
    counts = {f.record: f.seen.rpartition(", ")[2] for f in reading.findings if f.code == "lost-blanks"}
    assert counts == {5: "3 ×", 7: "4 ×", 9: "2 ×", 11: "2 ×", 24: "1 ×", 25: "2 ×"}


def test_20_every_title_makes_an_address_of_its_own(reading: Reading) -> None:
    taken: set[str] = set()
    for entry in reading.entries:
        taken.add(slug(entry.title, taken))
    assert len(taken) == 26
    assert all(taken)


def test_24_what_follows_the_records_is_kept(reading: Reading) -> None:
    assert len(reading.notes) == 9
    assert reading.notes[1].endswith("areas such as:")
