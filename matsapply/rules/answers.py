"""Answers to a form: what was typed, what it becomes, what is wrong with it, and how far an applicant has come.

A value is what is kept as JSON: text for ``text``, ``long``, ``email``, ``timezone`` and ``choice``; a list of texts
for ``multi``, ``urls``, ``track_rank`` and ``stream_interest``; true or false for ``bool``; None for nothing yet.
A draft may be wrong or unfinished and is kept all the same; only what no database could keep is refused at once.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from matsapply.rules.counting import counted_length, most_allowed
from matsapply.rules.stages import QuestionType
from matsapply.rules.wall_time import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_BYTES = 1_000_000
MOST_LINE = 1_000  # characters of a one-line answer, and of one link
MOST_LONG = 100_000  # characters of an answer whose question sets no limit
MOST_LINKS = 20

_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;.]+(\.[^\s@<>,;.]+)+")
_ONE_LINE = frozenset({QuestionType.TEXT, QuestionType.EMAIL, QuestionType.TIMEZONE, QuestionType.CHOICE})
_LISTS = frozenset({QuestionType.MULTI, QuestionType.TRACK_RANK, QuestionType.STREAM_INTEREST})
# Kept elsewhere than among the answers, and so neither saved nor checked as one of them.
ELSEWHERE = frozenset({QuestionType.FILE, QuestionType.REFEREES, QuestionType.SEPARATE_STORE})

# Names that the page of a form needs itself: its own fields, and the parts of a form object here and in a browser.
_OWN_FIELDS = {"version", "order", "move", "then", "remove", "conflict", "csrf_token", "main"}
_OF_FORM_OBJECTS = {"data", "errors", "hidden_tag", "is_submitted", "meta", "populate_obj", "post_process", "process",
                    "validate", "validate_on_submit"}  # fmt: skip
_OF_BROWSERS = {"action", "closest", "dataset", "elements", "length", "matches", "method", "reset", "submit", "target"}
_RESERVED = _OWN_FIELDS | _OF_FORM_OBJECTS | _OF_BROWSERS
_RESERVED_BEGINNINGS = ("_", "apart-", "keep-")


def is_reserved(key: str) -> bool:
    """Whether a question cannot have this key, because its field would stand in the way of another."""
    return key in _RESERVED or key.startswith(_RESERVED_BEGINNINGS)


class ProblemCode(StrEnum):
    MISSING = auto()
    TOO_LONG = auto()
    UNSTORABLE = auto()
    NOT_AN_OPTION = auto()
    NOT_AN_ADDRESS = auto()
    NOT_A_ZONE = auto()
    NOT_A_LINK = auto()
    TOO_FEW = auto()
    TOO_MANY = auto()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one answer. ``detail`` holds the number or the words that the sentence needs."""

    question_key: str
    code: ProblemCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the rules see it. ``when_track`` is a track's key, or empty where everybody is asked.

    ``minimum`` and ``maximum`` count entries of lists. ``options`` are the allowed values of choices and of tracks;
    which streams may be chosen is not for the form to say.
    """

    key: str
    section: str
    type: QuestionType
    label: str
    required: bool = False
    limit: int | None = None
    when_track: str = ""
    options: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    max_mb: int | None = None
    blind: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SectionState:
    """How far a section is. ``least`` and ``most`` are the minutes it still takes; equal where only the form's word for
    it is known (``measured`` is False then)."""

    section: str
    asked: int
    answered: int
    required: int
    missing: tuple[str, ...]
    wrong: tuple[Problem, ...]
    least: int
    most: int
    measured: bool

    @property
    def done(self) -> bool:
        return not self.missing and not self.wrong

    @property
    def begun(self) -> bool:
        return self.answered > 0


def read(question: Asked, given: Sequence[str]) -> Any | Problem:
    """The value of what a form sent for ``question``, or the reason why it cannot be kept at all.

    Text stays as it was typed, save that line ends become LF and that a one-line answer has none.
    """
    for text in given:
        if (problem := _unstorable(question, text)) is not None:
            return problem
    if question.type is QuestionType.BOOL:
        return any(text not in ("", "0", "false", "off") for text in given)
    if question.type is QuestionType.URLS:
        return [line.strip() for text in given for line in text.splitlines() if line.strip()] or None
    if question.type in _LISTS:
        return list(dict.fromkeys(text for text in given if text)) or None
    text = (given[0] if given else "").replace("\r\n", "\n").replace("\r", "\n")
    if question.type in _ONE_LINE:
        text = " ".join(text.split("\n"))
        if question.type is not QuestionType.TEXT:
            text = text.strip()
    return text or None


def _unstorable(question: Asked, text: str) -> Problem | None:
    if "\x00" in text:
        return Problem(question.key, ProblemCode.UNSTORABLE, "a NUL character")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return Problem(question.key, ProblemCode.UNSTORABLE, "half of a character (a lone surrogate)")
    if size > MOST_BYTES:
        return Problem(question.key, ProblemCode.TOO_LONG, "1 MB")
    return None


def is_empty(value: Any) -> bool:
    """Whether nothing was answered. An unticked box is nothing; blanks and invisible characters are nothing."""
    if isinstance(value, str):
        return not any(unicodedata.category(letter)[0] not in "ZC" for letter in value)
    return not value


def applies(question: Asked, tracks: Iterable[str]) -> bool:
    """Whether the question is asked of somebody who picked ``tracks``."""
    return not question.when_track or question.when_track in tracks


def problems_of(question: Asked, value: Any) -> list[Problem]:
    """What is wrong with an answer that is there; nothing where it is empty."""
    if is_empty(value) or question.type in ELSEWHERE:
        return []
    found = _by_type(question, value)
    return [Problem(question.key, code, detail) for code, detail in found]


def _by_type(question: Asked, value: Any) -> list[tuple[ProblemCode, str]]:
    match question.type:
        case QuestionType.TEXT | QuestionType.LONG:
            return _text(question, str(value))
        case QuestionType.EMAIL:
            return [] if len(value) <= 255 and _EMAIL.fullmatch(value) else [(ProblemCode.NOT_AN_ADDRESS, "")]
        case QuestionType.TIMEZONE:
            return [] if zone_named(str(value)) is not None else [(ProblemCode.NOT_A_ZONE, "")]
        case QuestionType.CHOICE:
            return [] if value in question.options else [(ProblemCode.NOT_AN_OPTION, str(value)[:80])]
        case QuestionType.URLS:
            bad = [link for link in value if not _is_link(link)]
            return [(ProblemCode.NOT_A_LINK, link[:80]) for link in bad[:3]] + _count(question, value, MOST_LINKS)
        case QuestionType.STREAM_INTEREST:
            return _count(question, value, None)
        case QuestionType.MULTI | QuestionType.TRACK_RANK:
            strange = [each for each in value if each not in question.options]
            wrong = [(ProblemCode.NOT_AN_OPTION, str(each)[:80]) for each in strange[:3]]
            return wrong + _count(question, value, None)
        case _:
            return []


def _text(question: Asked, text: str) -> list[tuple[ProblemCode, str]]:
    if question.limit is not None:
        counted = counted_length(text)
        over = counted > most_allowed(question.limit)
        if over:
            return [(ProblemCode.TOO_LONG, f"{counted} of {question.limit}")]
    # Signs that are no letters do not count, but nobody may send a book of them.
    most = MOST_LINE if question.type is QuestionType.TEXT and question.limit is None else MOST_LONG
    if question.limit is not None:
        most = max(most, 10 * question.limit)
    return [(ProblemCode.TOO_LONG, f"{len(text):,} characters of {most:,}")] if len(text) > most else []


def _is_link(link: str) -> bool:
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return False
    plain = not any(letter.isspace() or unicodedata.category(letter) == "Cc" for letter in link)
    return parts.scheme in {"http", "https"} and "." in host and plain and len(link) <= MOST_LINE


def _count(question: Asked, value: Sequence[str], most: int | None) -> list[tuple[ProblemCode, str]]:
    maximum = question.maximum if question.maximum is not None else most
    if maximum is not None and len(value) > maximum:
        return [(ProblemCode.TOO_MANY, str(maximum))]
    if question.minimum is not None and len(value) < question.minimum:
        return [(ProblemCode.TOO_FEW, str(question.minimum))]
    return []


def check(
    questions: Iterable[Asked], answers: Mapping[str, Any], tracks: Sequence[str], counts: Mapping[str, int]
) -> list[Problem]:
    """Everything that stands between these answers and a submission, in the order of the form.

    ``counts`` gives, by question key, how many files or referees there are, since those are kept elsewhere.
    """
    found: list[Problem] = []
    for question in questions:
        if not applies(question, tracks):
            continue
        if question.type in ELSEWHERE:
            found += _elsewhere(question, counts.get(question.key, 0))
        elif is_empty(answers.get(question.key)):
            if question.required:
                found.append(Problem(question.key, ProblemCode.MISSING))
        else:
            found += problems_of(question, answers[question.key])
    return found


def _elsewhere(question: Asked, count: int) -> list[Problem]:
    if question.type is QuestionType.SEPARATE_STORE:
        return []
    least = max(question.minimum or 0, 1 if question.required else 0)
    if count < least:
        code = ProblemCode.TOO_FEW if count else ProblemCode.MISSING
        return [Problem(question.key, code, str(least))]
    if question.maximum is not None and count > question.maximum:
        return [Problem(question.key, ProblemCode.TOO_MANY, str(question.maximum))]
    return []


def progress(
    questions: Sequence[Asked],
    answers: Mapping[str, Any],
    tracks: Sequence[str],
    counts: Mapping[str, int],
    stated_minutes: int,
    pace: Mapping[str, tuple[float, float]],
) -> list[SectionState]:
    """How far each section is, in the order of the form.

    ``pace`` holds, by section, between how many minutes the middle half of people needed. Where it has nothing, the
    form's stated minutes are shared among all questions by weight (a long answer by its limit, others equally). What is
    answered has no minutes left, and questions of tracks that were not picked take none.
    """
    asked = [question for question in questions if applies(question, tracks)]
    problems = check(asked, answers, tracks, counts)
    total = sum(_weight(question) for question in asked) or 1.0
    states = []
    for section in dict.fromkeys(question.section for question in questions):
        here = [question for question in asked if question.section == section]
        empty = {question.key for question in here if _unanswered(question, answers, counts)}
        left = sum(_weight(question) for question in here if question.key in empty)
        own = [problem for problem in problems if problem.question_key in {question.key for question in here}]
        whole = sum(_weight(question) for question in here) or 1.0
        stated = stated_minutes * whole / total
        low, high = (minutes * left / whole for minutes in pace.get(section, (stated, stated)))
        least = max(1, round(low)) if empty else 0
        states.append(
            SectionState(
                section=section,
                asked=len(here),
                answered=len(here) - len(empty),
                required=sum(question.required for question in here),
                missing=tuple(problem.question_key for problem in own if problem.code is ProblemCode.MISSING),
                wrong=tuple(problem for problem in own if problem.code is not ProblemCode.MISSING),
                least=least,
                most=max(least, round(high)) if empty else 0,
                measured=section in pace,
            )
        )
    return states


def _unanswered(question: Asked, answers: Mapping[str, Any], counts: Mapping[str, int]) -> bool:
    if question.type in ELSEWHERE:
        return not counts.get(question.key)
    return is_empty(answers.get(question.key))


def _weight(question: Asked) -> float:
    """In minutes before scaling: writing takes time by its length, ticking takes little."""
    match question.type:
        case QuestionType.LONG:
            return (question.limit or 800) / 60
        case QuestionType.FILE | QuestionType.REFEREES | QuestionType.STREAM_INTEREST | QuestionType.TRACK_RANK:
            return 3.0
        case QuestionType.TEXT if question.limit:
            return 2.0
        case _:
            return 0.5


def canonical(content: Mapping[str, Any]) -> str:
    """The one text of a snapshot's content: keys sorted, no blanks, so that equal contents have equal digests."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text, 64 hexadecimal digits: what an applicant keeps as a receipt."""
    return hashlib.sha256(canonical(content).encode("utf-8")).hexdigest()
