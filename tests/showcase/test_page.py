"""The programme's page as text: an invented page with every oddity, and whatever can be wrong with one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st

from matsapply.rules.showcase import LinkConfidence, QuestionKind
from matsapply.showcase import sources
from matsapply.showcase.findings import Severity
from matsapply.showcase.page import parse_day
from matsapply.showcase.page_import import read
from matsapply.showcase.reading import Known, Reading, answer_key
from tests.showcase.sample_page import INVENTED, INVENTED_REPORT, KNOWN, page, record


def told(reading: Reading, severity: str = "EW") -> list[tuple[int, str, str]]:
    return [(f.line, f.severity.value, f.code) for f in reading.findings if f.severity.value in severity]


def only(*records: str, known: Known | None = None) -> Reading:
    return read(page(*records), known or Known())


class TestInventedPage:
    def test_the_report_line_by_line(self) -> None:
        assert read(INVENTED, KNOWN).lines() == INVENTED_REPORT

    def test_windows_line_ends_and_a_byte_order_mark_change_nothing(self) -> None:
        same = sources.read(("\ufeff" + INVENTED.replace("\n", "\r\n")).encode(), KNOWN)
        assert same.lines() == INVENTED_REPORT

    def test_names_stay_as_given_and_in_order(self) -> None:
        entry = read(INVENTED, KNOWN).entries[2]
        assert entry.authors == (
            "Joost van den Berg", "Aurelia Whitlock Prentiss", "Siân Gruffydd", "Mei-Lin Okoye", "Lo Lo",
        )  # fmt: skip
        assert [link.name for link in entry.fellows] == ["Siân Gruffydd", "Joost van den Berg"]

    def test_what_people_answered_is_not_asked_again(self) -> None:
        split = answer_key(QuestionKind.SPLIT_NAME, "letters & numbers: the $3.2m question's answer", SPLIT)
        link = answer_key(QuestionKind.FELLOW_LINK, "teaching parrots to say no", "Poppy Adeyemi")
        same = answer_key(QuestionKind.SAME_PERSON, "", "Tim Aldous", ("Timothy Aldous",))
        answers = {
            split: (True, ("Rosa Lindgren", "Pavel Dvorak")),
            link: (True, ("Folake Adeyemi",)),
            same: (False, ("Timothy Aldous",)),
        }
        reading = read(INVENTED, Known(KNOWN.names, KNOWN.full_names, KNOWN.arxiv_ids, answers))
        assert not reading.needs_a_person
        assert "Rosa Lindgren" in reading.entries[1].authors
        assert reading.entries[6].fellows[0].author == "Folake Adeyemi"
        assert reading.entries[6].fellows[0].confidence is LinkConfidence.CERTAIN
        codes = {finding.code for finding in reading.findings}
        assert not codes & {"missing-comma", "link-unsure", "fellow-unsure", "possible-alias"}

    def test_a_name_that_a_person_left_whole_stays_whole(self) -> None:
        key = answer_key(QuestionKind.SPLIT_NAME, "letters & numbers: the $3.2m question's answer", SPLIT)
        reading = read(INVENTED, Known(answers={key: (False, ("Rosa Lindgren", "Pavel Dvorak"))}))
        assert SPLIT in reading.entries[1].authors
        assert reading.asked(QuestionKind.SPLIT_NAME) == 0


SPLIT = "Rosa Lindgren Pavel Dvorak"


class TestBrokenPages:
    @pytest.mark.parametrize("lines", range(1, 8))
    def test_a_page_cut_off_inside_a_record_stores_nothing(self, lines: int) -> None:
        whole = record(title="The first") + record(title="The second")
        cut = "\n".join(whole.splitlines()[: 8 + lines])
        reading = read("About.\n" + cut, Known())
        if lines < 3:  # a title, an abstract: they could be notes, and are kept as such
            assert (len(reading.entries), len(reading.notes)) == (1, lines)
            assert [code for _, _, code in told(reading)] == (["perhaps-cut"] if lines == 1 else [])
        else:
            assert reading.broken
            assert reading.entries == ()
            [finding] = [finding for finding in reading.findings if finding.severity is Severity.ERROR]
            assert finding.code == "undelimited"
            assert finding.line == 9 + lines
            assert "cut off" in finding.done

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("", 1, "is this the page"),
            ("only words", 1, "is this the page"),
            (page(record(), record().replace("Fellows:\n", "")), 14, "where Fellows: belongs"),
            (page(record(), record().replace("Authors:\n", "")), 13, "without Authors:"),
            (page(record(), "Title\nAuthors:\nA B\nFellows:\nA B\nDate:\nMay 1, 2024\n"), 11, "one line before"),
            (page(record(), record().replace("Authors:\nAnn", "Authors: Ann"), record()), 12, "a label where a title"),
        ],
    )  # fmt: skip
    def test_records_that_cannot_be_told_apart(self, text: str, line: int, words: str) -> None:
        reading = read(text, Known())
        assert reading.broken
        assert reading.entries == ()
        errors = [finding for finding in reading.findings if finding.severity is Severity.ERROR]
        assert line in {finding.line for finding in errors}
        assert any(words in f"{finding.seen} {finding.done}" for finding in errors)

    @pytest.mark.parametrize(
        "day", ["Sep 2023", "September 2023", "2023", "Sept. 31, 2023", "31 Sep 2023", "Okt 6, 2023", "", "Sep 15, 0"]
    )
    def test_a_day_that_is_none_leaves_its_record_out(self, day: str) -> None:
        reading = only(record(), record(title="Another", day=day))
        assert told(reading) == [(17, "E", "bad-date")]
        assert "Sep 15, 2023" in reading.findings[-1].done
        assert [entry.title for entry in reading.entries] == ["A title"]
        assert (reading.read, reading.rejected, reading.broken) == (2, 1, False)

    def test_a_page_cut_off_inside_a_date_stores_nothing(self) -> None:
        reading = only(record(), record(title="Another", day="Sep 15, 20").rstrip("\n"))
        assert reading.broken
        assert told(reading) == [(17, "E", "undelimited")]

    def test_the_wrong_encoding_names_the_place(self) -> None:
        reading = sources.read(page(record(authors="Iván Berg")).encode("latin-1"))
        assert reading.broken
        assert told(reading) == [(5, "E", "encoding")]
        assert sources.read(page(record()).encode("utf-16")).broken
        assert sources.read(b"\x00" + page(record()).encode()).broken

    def test_ten_thousand_records(self) -> None:
        reading = only(*(record(title=f"Paper {number}") for number in range(10_000)))
        assert len(reading.entries) == 10_000
        assert told(reading) == []

    @given(st.text(max_size=400))
    def test_any_text_gets_a_report(self, text: str) -> None:
        assert sources.read(text.encode("utf-8", "surrogatepass")).lines()

    @given(st.lists(st.sampled_from([*record().splitlines(), "Read more", "", "Fellow: Bo"]), max_size=40))
    def test_any_order_of_lines_gets_a_report(self, lines: list[str]) -> None:
        reading = read("\n".join(lines), Known())
        assert reading.read >= len(reading.entries) + (0 if reading.broken else reading.rejected)


class TestStrangeContent:
    @pytest.mark.parametrize(
        "title",
        [
            "<script>alert(1)</script>",
            r"\textbf{Bold} $x_1$ & 100 %",
            "חקר המפרשים של רשתות",
            "=HYPERLINK(1)",
            "Title: with, commas; and 'quotes' \"here\"",
        ],
    )
    def test_a_title_is_text_and_stays_as_it_is(self, title: str) -> None:
        reading = only(record(title=title))
        assert reading.entries[0].title == title
        assert told(reading) == []

    def test_letters_that_turn_the_direction_are_taken_out(self) -> None:
        reading = only(record(title="A \u202eelttil\u202c title"))
        assert reading.entries[0].title == "A elttil title"
        assert told(reading) == [(2, "W", "hidden-letters")]

    def test_a_title_that_is_too_long_or_shows_nothing(self) -> None:
        assert told(only(record(title="x" * 501))) == [(2, "E", "bad-text")]
        assert told(only(record(), record(title="\u200b"))) == [(10, "W", "hidden-letters"), (10, "E", "bad-text")]

    def test_an_abstract_of_several_lines(self) -> None:
        reading = only(record(), record(title="Another", abstract="One.\nTwo.\n\nThree."))
        assert reading.entries[1].abstract == "One. Two. Three."
        assert told(reading) == [(10, "W", "several-lines")]

    def test_names_written_in_other_ways(self) -> None:
        reading = only(record(authors="Ann Berg, , Bo Lind, Jr., and Cy Dahl, Ann Berg", fellows="Scholars: Ann Berg"))
        assert reading.entries[0].authors == ("Ann Berg", "Bo Lind, Jr.", "Cy Dahl")
        codes = [finding.code for finding in reading.findings]
        assert codes == ["ignored-line", "empty-name", "repeated-name", "repeated-label"]

    def test_an_abstract_that_ends_in_an_address_or_a_quotation_is_not_cut(self) -> None:
        for ending in (
            "at www.example.org/x",
            "see https://example.org",
            'so we said "yes."',
            "why?)",
            "on example.org",
        ):
            assert told(only(record(abstract=f"Words {ending}"))) == []

    def test_two_records_of_one_title_are_told(self) -> None:
        assert told(only(record(), record())) == [(10, "W", "repeated-paper")]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Sep 15, 2023", date(2023, 9, 15)),
        ("Oct 6, 2023", date(2023, 10, 6)),
        ("December 1, 2025", date(2025, 12, 1)),
        ("Sept. 3, 2024", date(2024, 9, 3)),
        ("Feb 29, 2023", None),
        ("06/10/2023", None),
        ("May 2024", None),
    ],
)
def test_english_days_whatever_the_machine_speaks(text: str, day: date | None) -> None:
    assert parse_day(text) == day
