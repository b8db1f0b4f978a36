"""What an import saw and did, in one form for every kind of file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from matsapply.rules.showcase import LinkConfidence, QuestionKind

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(StrEnum):
    """E: needs a person, or a better file. W: done, and worth a look. I: for information."""

    ERROR = "E"
    WARNING = "W"
    INFORMATION = "I"


class FindingCode(StrEnum):
    """What can be found in a list of papers; the codes of a faulty JSON file are those of ``cohorts.file_errors``."""

    # The file
    ENCODING = "encoding"
    SIZE = "size"
    SYNTAX = "syntax"
    EMPTY = "empty"
    UNDELIMITED = "undelimited"
    # A record
    BAD_DATE = "bad-date"
    BAD_TEXT = "bad-text"
    NO_AUTHORS = "no-authors"
    NO_ABSTRACT = "no-abstract"
    SEVERAL_LINES = "several-lines"
    REPEATED_PAPER = "repeated-paper"
    NO_ANSWER = "no-answer"
    # Names
    REPEATED_LABEL = "repeated-label"
    MISSING_COMMA = "missing-comma"
    EMPTY_NAME = "empty-name"
    REPEATED_NAME = "repeated-name"
    FELLOW_LINKED = "fellow-linked"
    FELLOW_UNSURE = "fellow-unsure"
    LINK_UNSURE = "link-unsure"
    POSSIBLE_ALIAS = "possible-alias"
    # Dates and texts
    REVISION_DATE = "revision-date"
    ABSTRACT_CUT = "abstract-cut"
    LOST_BLANKS = "lost-blanks"
    MARKUP = "markup"
    WEB_ADDRESS = "web-address"
    HIDDEN_LETTERS = "hidden-letters"
    # The page around the records
    IGNORED_LINE = "ignored-line"
    NOTES = "notes"
    PERHAPS_CUT = "perhaps-cut"
    ANNOUNCED_EMPTY = "announced-empty"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``line``, ``column`` and ``record`` (the paper's number) count from 1; 0 is the file."""

    line: int
    column: int
    code: str
    severity: Severity
    record: int
    seen: str
    done: str

    def __str__(self) -> str:
        where = f"no. {self.record}" if self.record else "file"
        return f"{self.line}:{self.column}  {self.severity} {self.code}  {where}  {self.seen}  {self.done}"


@dataclass(frozen=True, slots=True)
class Question:
    """What would have to be guessed. ``record`` is 0 where the question is about names on several papers."""

    kind: QuestionKind
    record: int
    name: str
    proposal: tuple[str, ...]
    basis: str
    confidence: LinkConfidence = LinkConfidence.TO_CONFIRM


def by_code(findings: Iterable[Finding], severity: Severity) -> str:
    """``3 abstract-cut, 1 missing-comma``: how often each code of ``severity`` occurs, the commonest first."""
    counts = Counter(finding.code for finding in findings if finding.severity is severity)
    return ", ".join(f"{number} {code}" for code, number in counts.most_common())


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 record``, ``2 records``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
