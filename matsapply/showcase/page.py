"""The programme's own page as text, read into records: ``title, abstract, [Read more], Authors:, names, Fellows:,
names, Date:, date``, one line each.

Titles have no mark of their own, so the ``Authors:`` lines are what records hang on. The reading never guesses: what
it cannot place is told with its line, and what only a person can answer becomes a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from matsapply.rules.names import folded
from matsapply.rules.people_names import listed
from matsapply.showcase.findings import Finding, FindingCode, Severity, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 40_000_000
MAX_RECORDS = 20_000
LONGEST_TITLE = 500
LONGEST_NAME = 200
LABELS = ("Authors:", "Fellows:", "Date:")
_LABEL = re.compile(r"(Authors?|Fellows?|Scholars?|Dates?)\s*:\s*(.*)", re.IGNORECASE)
_REPEATED = re.compile(r"(Authors?|Fellows?|Scholars?|Dates?)\s*:\s*", re.IGNORECASE)
_READ_MORE = re.compile(r"read more\W*", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DAY = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}), (\d{4})")
# Letters that show nothing: controls, blanks of no width, marks that turn the direction of writing.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
_NEEDS_LINES = 6


@dataclass(frozen=True, slots=True)
class Name:
    """A name as given, and the column (from 1) where it begins."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class PageRecord:
    """One paper of the page. ``number`` counts from 1; lines are those of the file."""

    number: int
    line: int
    title: str
    abstract: str
    abstract_line: int
    authors: tuple[Name, ...]
    authors_line: int
    fellows: tuple[Name, ...]
    fellows_line: int
    published: date
    date_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Page:
    """``broken`` where records cannot be told apart: then nothing of the file may be stored."""

    records: tuple[PageRecord, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    read: int
    rejected: int
    empty_items: int
    broken: bool


def parse_day(text: str) -> date | None:
    """``Sep 15, 2023`` by a fixed English table, whatever the machine's language; None where it is no whole date."""
    match = _DAY.fullmatch(text.strip())
    if match is None:
        return None
    month = match[1].lower()
    names: Sequence[str] = _MONTHS if len(month) == 3 else ("sept",) if month == "sept" else _LONG_MONTHS
    number = 9 if month == "sept" else names.index(month) + 1 if month in names else 0
    try:
        return date(int(match[3]), number, int(match[2]))
    except ValueError:
        return None


def read_page(text: str) -> Page:
    """Never raises. ``text`` is the whole page."""
    return _Reader(text).read()


@dataclass
class _Reader:
    text: str
    findings: list[Finding] = field(default_factory=list)
    records: list[PageRecord] = field(default_factory=list)
    rejected: int = 0
    number: int = 0
    broken: bool = False
    lines: list[str] = field(default_factory=list)

    def say(
        self, line: int, code: FindingCode, severity: Severity, seen: str, done: str, column: int = 1, record: int = 0
    ) -> None:
        self.findings.append(Finding(line, column, code, severity, record, seen, done))

    def read(self) -> Page:
        self.lines = re.split(r"\r\n|\n|\r", self.text)
        if self.lines[-1] == "":
            self.lines.pop()
        anchors = [index for index, line in enumerate(self.lines) if _is_label(line, "Authors:")]
        if not anchors:
            self.fail(1, 0, "no line that says Authors:", "nothing was read; is this the page as plain text?")
            return self.page((), 0)
        if len(anchors) > MAX_RECORDS:
            self.fail(1, 0, f"{len(anchors):,} records", f"nothing was read; at most {MAX_RECORDS:,} are")
            return self.page((), 0)
        begin = 0
        for anchor in anchors:
            self.number += 1
            begin = self.record(begin, anchor)
        notes, empty = self.rest(begin)
        return self.page(notes, empty)

    def page(self, notes: tuple[str, ...], empty: int) -> Page:
        findings = tuple(sorted(self.findings, key=lambda finding: (finding.line, finding.column)))
        return Page(tuple(self.records), findings, notes, self.number, self.rejected, empty, self.broken)

    def fail(self, line: int, record: int, seen: str, done: str) -> None:
        self.broken = True
        self.say(line, FindingCode.UNDELIMITED, Severity.ERROR, seen, done, record=record)

    # --- one record ---------------------------------------------------------------------------------------------

    def record(self, begin: int, anchor: int) -> int:
        """Read the record whose ``Authors:`` stands at ``anchor``; what is before it begins at ``begin``. The answer
        is where the next one may begin."""
        head = self.head(begin, anchor)
        tail = self.tail(anchor)
        if head is None or tail is None:
            self.rejected += 1
            # Go on behind the labels of this record, so that one fault is told once.
            end = anchor + 1
            while end < len(self.lines) and end < anchor + _NEEDS_LINES and not _is_label(self.lines[end], "Authors:"):
                end += 1
            return end
        title_index, title, abstract_index, abstract = head
        authors = self.names(anchor + 1, "author")
        fellows = self.names(anchor + 3, "fellow")
        day = self.day(anchor + 5)
        if not title or not authors or day is None:
            if title and not authors:
                self.say(
                    anchor + 2, FindingCode.NO_AUTHORS, Severity.ERROR, "no author", "not imported", record=self.number
                )
            self.rejected += 1
        else:
            self.records.append(
                PageRecord(
                    number=self.number,
                    line=title_index + 1,
                    title=title,
                    abstract=abstract,
                    abstract_line=abstract_index + 1,
                    authors=authors,
                    authors_line=anchor + 2,
                    fellows=fellows,
                    fellows_line=anchor + 4,
                    published=day,
                    date_line=anchor + 6,
                    last_line=anchor + 6,
                )
            )
        return anchor + _NEEDS_LINES

    def head(self, begin: int, anchor: int) -> tuple[int, str, int, str] | None:
        """Where and what the title and the abstract are; None where they cannot be told apart."""
        filled = [index for index in range(begin, anchor) if self.lines[index].strip()]
        if filled and _READ_MORE.fullmatch(self.lines[filled[-1]].strip()):
            filled.pop()
        for index in filled:
            if _LABEL.fullmatch(self.lines[index].strip()) and self.number > 1:
                seen = f"a label where a title or an abstract belongs: {_short(self.lines[index])}"
                self.fail(index + 1, self.number, seen, "nothing is stored; mend the lines of this record")
                return None
        if self.number == 1:
            self.ignored(begin, filled[-2] if len(filled) > 1 else anchor)
            filled = filled[-2:]
        if len(filled) < 2:
            seen = "one line before Authors:" if filled else "no line before Authors:"
            self.fail(anchor + 1, self.number, seen, "nothing is stored; a title and an abstract are needed")
            return None
        title_index, *abstract_lines = filled
        if len(abstract_lines) > 1:
            seen = f"{len(abstract_lines)} lines between the title and Authors:"
            done = "the first is taken as the title, the others as the abstract"
            self.say(title_index + 1, FindingCode.SEVERAL_LINES, Severity.WARNING, seen, done, record=self.number)
        abstract = " ".join(self.lines[index].strip() for index in abstract_lines)
        return title_index, self.title(title_index), abstract_lines[0], abstract

    def ignored(self, begin: int, end: int) -> None:
        for index in range(begin, end):
            seen = _short(self.lines[index]) if self.lines[index].strip() else "a blank line"
            self.say(index + 1, FindingCode.IGNORED_LINE, Severity.INFORMATION, seen, "page text, not read")

    def title(self, index: int) -> str:
        title = self.clean(index, self.lines[index])
        if len(title) > LONGEST_TITLE or not title:
            seen = f"a title of {len(title):,} characters" if title else "a title that shows nothing"
            done = f"not imported; up to {LONGEST_TITLE} are read"
            self.say(index + 1, FindingCode.BAD_TEXT, Severity.ERROR, seen, done, record=self.number)
            return ""
        return title

    def tail(self, anchor: int) -> bool | None:
        """Whether the six lines from ``Authors:`` to the date are there, in their order."""
        for offset, label in ((2, LABELS[1]), (4, LABELS[2])):
            value, place = anchor + offset - 1, anchor + offset
            for index, wanted in ((value, ""), (place, label)):
                if index >= len(self.lines):
                    self.fail(len(self.lines), self.number, "the file ends inside a record", _cut(label))
                    return None
                line = self.lines[index].strip()
                fits = _is_label(line, wanted) if wanted else not any(_is_label(line, other) for other in LABELS)
                if not fits:
                    seen = f"{_short(line) or 'a blank line'} where {wanted or 'a value'} belongs"
                    self.fail(index + 1, self.number, seen, "nothing is stored; mend the lines of this record")
                    return None
        if anchor + 5 >= len(self.lines):
            self.fail(len(self.lines), self.number, "the file ends inside a record", _cut("the date"))
            return None
        return True

    def names(self, index: int, kind: str) -> tuple[Name, ...]:
        line = self.lines[index]
        start = len(line) - len(line.lstrip())
        if match := _REPEATED.match(line, start):
            start = match.end()
            self.inform(index, FindingCode.REPEATED_LABEL, match[0].strip(), "the repeated label was taken away")
        found: list[Name] = []
        for offset, given in listed(line[start:]):
            name = self.clean(index, given)
            column = start + offset + 1
            if not name:
                self.inform(index, FindingCode.EMPTY_NAME, "two commas without a name", "passed over", column)
            elif len(name) > LONGEST_NAME:
                seen, done = f"a name of {len(name):,} characters", "passed over; is a comma missing?"
                self.say(index + 1, FindingCode.BAD_TEXT, Severity.WARNING, seen, done, column, self.number)
            elif name in {other.text for other in found}:
                seen, done = f"{name} twice as {kind}", "taken once"
                self.say(index + 1, FindingCode.REPEATED_NAME, Severity.WARNING, seen, done, column, self.number)
            else:
                found.append(Name(name, column))
        return tuple(found)

    def inform(self, index: int, code: FindingCode, seen: str, done: str, column: int = 1) -> None:
        self.say(index + 1, code, Severity.INFORMATION, seen, done, column, self.number)

    def clean(self, index: int, text: str) -> str:
        """``text`` without letters that show nothing, which are told; blanks are made single."""
        shown, number = _HIDDEN.subn("", text)
        if number:
            seen, done = counted(number, "letter") + " that show nothing", "taken out"
            self.say(index + 1, FindingCode.HIDDEN_LETTERS, Severity.WARNING, seen, done, record=self.number)
        return " ".join(shown.split())

    def day(self, index: int) -> date | None:
        text = _REPEATED.sub("", self.lines[index].strip(), count=1)
        found = parse_day(text)
        if found is None and index == len(self.lines) - 1 and not self.text.endswith(("\n", "\r")):
            self.fail(index + 1, self.number, f"the file ends inside a record: {_short(text)}", _cut("the whole date"))
        elif found is None:
            done = "not imported; the whole date is needed, like Sep 15, 2023 - a month or a year alone is not enough"
            seen = _short(text) or "a blank line"
            self.say(index + 1, FindingCode.BAD_DATE, Severity.ERROR, seen, done, record=self.number)
        return found

    # --- what follows the last record ---------------------------------------------------------------------------

    def rest(self, begin: int) -> tuple[tuple[str, ...], int]:
        """The lines behind the last record, kept as notes; and how many things they announce without giving them."""
        filled = [(index + 1, self.lines[index].strip()) for index in range(begin, len(self.lines))]
        filled = [(line, text) for line, text in filled if text]
        if not filled:
            return (), 0
        for line, text in filled:
            if match := _LABEL.fullmatch(text):
                seen = f"{match[1]}: without Authors: before it"
                self.fail(line, 0, seen, "nothing is stored; mend the lines of this record")
        empty = 0
        for place, (line, text) in enumerate(filled):
            if seen := _announced(text, [line for _, line in filled[place + 1 : place + 3]]):
                empty += 1
                column = max(text.find(":") + 1, 1) if text.endswith(":") else max(text.find(seen) + 1, 1)
                done = "nothing to keep; left unset"
                self.say(
                    line, FindingCode.ANNOUNCED_EMPTY, Severity.INFORMATION, f"{seen}: nothing there", done, column
                )
        seen = counted(len(filled), "line") + " after the last record"
        self.say(filled[0][0], FindingCode.NOTES, Severity.INFORMATION, seen, "kept as notes")
        line, last = filled[-1]
        if not self.text.endswith(("\n", "\r")) and last[-1].isalnum():
            seen, done = f"the file ends inside a sentence: …{last[-30:]}", "kept as a note; was the file cut off?"
            self.say(line, FindingCode.PERHAPS_CUT, Severity.WARNING, seen, done)
        return tuple(text for _, text in filled), empty


def _announced(text: str, following: Sequence[str]) -> str:
    """What ``text`` announces and nothing gives; empty where it announces nothing."""
    if text.endswith(":"):
        return "" if _is_item(following) else text.rpartition(". ")[2].rstrip(":")[-60:]
    match = re.search(r"\b(this page|this link|click here)\b", text, re.IGNORECASE)
    return match[1] if match and "://" not in text else ""


def _is_item(following: Sequence[str]) -> bool:
    """Whether the first line is something under a heading with a colon: neither a whole sentence nor a heading."""
    if not following or following[0].endswith(":"):
        return False
    heading = len(following) > 1 and following[1].endswith(":")
    return not heading and (len(following[0]) < 80 and not following[0].endswith("."))


def _is_label(line: str, label: str) -> bool:
    return folded(line) in {label.lower(), label.lower().replace("s:", ":")} if line else False


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= 60 else shown[:57] + "…"


def _cut(wanted: str) -> str:
    return f"nothing is stored; {wanted} is missing, so the file was probably cut off"
