"""What is wrong with a cohort file: each finding names the place, the rule and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """The rules a cohort file can break."""

    ENCODING = "encoding"
    SIZE = "size"
    SYNTAX = "syntax"
    NESTING = "nesting"
    ALIAS = "alias"
    TAG = "tag"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    NOT_A_CHOICE = "not-a-choice"
    OUT_OF_RANGE = "out-of-range"
    BAD_KEY = "bad-key"
    BAD_TEXT = "bad-text"
    BAD_DATE = "bad-date"
    NAIVE_INSTANT = "naive-instant"
    WALL_TIME = "wall-time"
    DATE_ORDER = "date-order"
    REFERENCE = "reference"
    DUPLICATE_NAME = "duplicate-name"
    SEATS = "seats"
    WEIGHTS = "weights"
    SHORT_WINDOW = "short-window"
    UNUSED = "unused"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, order=True)
class FileError:
    """One finding. ``line`` and ``column`` count from 1; ``path`` reads like ``streams[3].seats.max``."""

    line: int
    column: int
    path: str
    message: str
    rule: Rule

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}" + (f"  {self.path}" if self.path else "")
        return f"{where}: {self.message} [{self.rule}]"


class Stop(Exception):
    """The text is no tree at all: one error, and nothing else can be said about the file."""

    def __init__(self, error: FileError) -> None:
        super().__init__(str(error))
        self.error = error


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt ``name``: ``; did you mean 'seats'?``, or the known names where nothing is close."""
    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1, cutoff=0.6):
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(names)}" if names and len(names) <= 30 else ""
