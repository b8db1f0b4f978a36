"""Reviews as a plain text that is filled in anywhere: written from what is to be read, and read back strictly.

A line that begins with ``#=`` divides the text; other lines that begin with ``#`` are notes for the reader. Answers are
indented, so that nothing an applicant wrote can ever be taken for a line of the form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEAD = "#= reviews 1"
HELP = (
    "# Fill in what stands after a colon, and write under note and feedback. Lines that begin with # are not read.",
    '# "submit: yes" submits the review when you upload the file; "submit: no" keeps it as a draft.',
    "# Leave the lines that begin with #= as they are. You may delete whole reviews, from #= review to #= end.",
)
SUBMIT, CONFIDENCE = "submit", "confidence"
TEXTS = ("note", "feedback")
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion with what its steps mean, in one line."""

    key: str
    label: str
    hint: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One review as it goes into the text: ``about`` are lines for the reader, ``answers`` (question, answer)."""

    ref: str
    version: str
    about: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    answers: tuple[tuple[str, str], ...]
    scores: dict[str, int] = field(default_factory=dict)
    confidence: int | None = None
    note: str = ""
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """One review as it came back. ``lines`` tells where each field stands; scores are as typed."""

    ref: str
    version: str
    line: int
    submit: bool
    scores: dict[str, str]
    confidence: str
    note: str
    feedback: str
    lines: dict[str, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which line (from 1)."""

    line: int
    text: str


def write(sheets: Iterable[Sheet]) -> str:
    """The whole text."""
    parts = [HEAD, *HELP, ""]
    for sheet in sheets:
        parts += [f"#= review {sheet.ref} {sheet.version}", *(f"# {_one_line(line)}" for line in sheet.about), ""]
        for question, answer in sheet.answers:
            parts += [f"# {_one_line(question)}", *(INDENT + line for line in lines_of(answer)), ""]
        parts.append("#= scores")
        for each in sheet.criteria:
            parts += [
                f"# {_one_line(each.label)}: {_one_line(each.hint)}" if each.hint else f"# {_one_line(each.label)}"
            ]
            parts.append(f"{each.key}: {sheet.scores.get(each.key, '')}".rstrip())
        parts += [
            "# How sure are you, from 1 to 5? It may stay empty.",
            f"{CONFIDENCE}: {sheet.confidence or ''}".rstrip(),
        ]
        parts += [
            f"{SUBMIT}: no",
            "#= note",
            *_escaped(sheet.note),
            "#= feedback",
            *_escaped(sheet.feedback),
            "#= end",
            "",
        ]
    return "\n".join(parts)


def parse(text: str) -> tuple[list[Filled], list[Problem]]:
    """The reviews, and everything that is wrong; where anything is, no review should be used."""
    reader = _Reader()
    for number, line in enumerate(lines_of(text.removeprefix("\ufeff")), 1):
        reader.take(number, line)
    return reader.finish()


class _Reader:
    """Goes through the lines; ``part`` is what the present line belongs to."""

    def __init__(self) -> None:
        self.found: list[Filled] = []
        self.refs: set[str] = set()
        self.problems: list[Problem] = []
        self.part = ""
        self.last = 0
        self._begin("", "", 0)

    def _begin(self, ref: str, version: str, line: int) -> None:
        self.ref, self.version, self.line = ref, version, line
        self.fields: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.texts: dict[str, list[str]] = {name: [] for name in TEXTS}

    def take(self, number: int, line: str) -> None:
        self.last = number
        if number == 1:
            if line.rstrip() != HEAD:
                self._wrong(number, f"The first line has to be “{HEAD}”: is this the file you downloaded?")
            self.part = "between"
        elif line.startswith("#="):
            self._divide(number, line[2:].split())
        elif self.part in TEXTS:
            self.texts[self.part].append(line[1:] if line.startswith("\\") and _divides(line) else line)
        elif line.startswith("#") or not line.strip() or (self.part == "answers" and line.startswith(INDENT)):
            pass
        elif self.part == "scores":
            self._field(number, line)
        else:
            self._wrong(number, "This line belongs to nothing. Scores stand between “#= scores” and “#= note”.")

    def _divide(self, number: int, words: list[str]) -> None:
        order = {"scores": "answers", "note": "scores", "feedback": "note", "end": "feedback"}
        match words:
            case ["review", ref, version] if self.part == "between":
                if ref in self.refs:
                    self._wrong(number, "This review stands in the file twice.")
                self.refs.add(ref)
                self._begin(ref, version, number)
                self.part = "answers"
            case ["end"] if self.part == order["end"]:
                self._end()
                self.part = "between"
            case [word] if word in order and word != "end" and self.part == order[word]:
                self.part = word
                self.lines[word] = number
            case _:
                self._wrong(number, f"“#= {' '.join(words)[:60]}” is not expected here. Was a line deleted or moved?")
                if words and words[0] in order:
                    self.part = words[0]
                    self.lines.setdefault(words[0], number)

    def _field(self, number: int, line: str) -> None:
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon:
            self._wrong(number, "Write a name, a colon and a number, such as “research: 4”.")
        elif name in self.fields:
            self._wrong(number, f"“{name[:60]}” stands here twice.")
        else:
            self.fields[name] = value.strip()
            self.lines[name] = number

    def _end(self) -> None:
        submit = self.fields.pop(SUBMIT, "no").lower()
        if submit not in {"yes", "no"}:
            self._wrong(self.lines[SUBMIT], "After “submit:” write yes or no.")
        confidence = self.fields.pop(CONFIDENCE, "")
        if confidence not in {"", "1", "2", "3", "4", "5"}:
            self._wrong(self.lines[CONFIDENCE], "After “confidence:” write a number from 1 to 5, or nothing.")
        texts = {name: "\n".join(lines).strip() for name, lines in self.texts.items()}
        scores = {name: value for name, value in self.fields.items() if value}
        filled = Filled(
            self.ref, self.version, self.line, submit == "yes", scores, confidence, **texts, lines=dict(self.lines)
        )
        self.found.append(filled)

    def _wrong(self, number: int, text: str) -> None:
        self.problems.append(Problem(number, text))

    def finish(self) -> tuple[list[Filled], list[Problem]]:
        if self.part not in {"", "between"}:
            self._wrong(self.last, "The file ends in the middle of a review: “#= end” is missing.")
        if not self.found and not self.problems:
            self._wrong(max(self.last, 1), "There is no review in this file.")
        return self.found, self.problems


def lines_of(text: str) -> Sequence[str]:
    """The lines of a text as they are counted here."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> list[str]:
    return [f"\\{line}" if _divides(line) else line for line in lines_of(text)]


def _divides(line: str) -> bool:
    """Whether a line of somebody's text would be taken for one of the form's, but for backslashes before it."""
    return line.lstrip("\\").startswith("#=")
