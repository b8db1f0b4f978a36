"""The showcase as a JSON file, ``{"papers": [...]}``, read into frozen values; each mistake has its record's line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

from matsapply.cohorts.file_errors import FileError, Rule, suggestion
from matsapply.rules.arxiv import is_id, months_apart
from matsapply.rules.showcase import LinkConfidence

MAX_BYTES = 20_000_000
MAX_PAPERS = 20_000
SUMMARY_LENGTH = 140
KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
WEB = re.compile(r"https?://[^\s/?#]+\.[^\s/?#]+\S*")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_START = re.compile(r'\s*(?:\{\s*"papers"\s*:\s*)?\[\s*')
_BETWEEN = re.compile(r"\s*,\s*")


EVERY_FIELD = frozenset(
    {"title", "summary", "authors", "fellows", "published", "arxiv_id", "url", "topic", "track", "streams"}
)


@dataclass(frozen=True, slots=True)
class FellowLink:
    """A fellow as named beside a paper, the author he or she is taken to be, and how sure that is."""

    name: str
    author: str
    basis: str
    confidence: LinkConfidence


@dataclass(frozen=True, slots=True)
class PaperEntry:
    """One paper as facts. ``line`` is where its record begins and takes no part in comparisons."""

    title: str
    summary: str
    authors: tuple[str, ...]
    fellows: tuple[FellowLink, ...]
    published: date
    arxiv_id: str | None
    url: str
    topic: str
    track: str
    streams: tuple[str, ...]
    seed_no: int
    line: int = 0
    cohort: str = ""
    project_url: str = ""
    abstract: str = field(default="", repr=False)
    # The fields that the source speaks of; what it does not name stays as it is stored.
    given: frozenset[str] = EVERY_FIELD


@dataclass(frozen=True, slots=True)
class ParsedPapers:
    """``papers`` is empty where there are errors."""

    papers: tuple[PaperEntry, ...]
    errors: tuple[FileError, ...]
    warnings: tuple[FileError, ...]


class _Stop(Exception):
    def __init__(self, line: int, column: int, message: str, rule: Rule) -> None:
        super().__init__(message)
        self.error = FileError(line, column, "", message, rule)


def parse(source: bytes | str) -> ParsedPapers:
    """Read a showcase file. Never raises: the answer is papers, or errors with their lines."""
    try:
        text = _decoded(source)
        records = _records(text)
    except _Stop as stop:
        return ParsedPapers((), (stop.error,), ())
    errors: list[FileError] = []
    warnings: list[FileError] = []
    papers = []
    for index, (line, record) in enumerate(zip(_lines(text, len(records)), records, strict=True)):
        papers.append(read_record(record, line, f"papers[{index}]", errors, warnings))
    _check_unique(papers, errors)
    return ParsedPapers(() if errors else tuple(papers), tuple(errors), tuple(warnings))


def _decoded(source: bytes | str) -> str:
    if len(source) > MAX_BYTES:
        raise _Stop(1, 1, f"the file is larger than {MAX_BYTES:,} bytes", Rule.SIZE)
    if isinstance(source, str):
        return source
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise _Stop(line, 1, "the file is not UTF-8 text; save it as UTF-8", Rule.ENCODING) from None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Stop(1, 1, f"a record has the key {twice!r} twice", Rule.DUPLICATE_KEY)
    return found


def _records(text: str) -> list[Any]:
    """The records of the file; the whole text has to be JSON."""
    try:
        content = json.loads(text, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise _Stop(error.lineno, error.colno, f"the JSON cannot be read: {error.msg}", Rule.SYNTAX) from None
    except RecursionError:
        raise _Stop(1, 1, "the file is nested too deeply", Rule.NESTING) from None
    except ValueError:  # a number of thousands of digits
        raise _Stop(1, 1, "the file holds a number that is too long to read", Rule.OUT_OF_RANGE) from None
    if isinstance(content, dict):
        if unknown := sorted(set(content) - {"papers"}):
            raise _Stop(1, 1, f"the key {unknown[0][:60]!r} is not known here; 'papers' is", Rule.UNKNOWN_KEY)
        content = content.get("papers")
    if not isinstance(content, list):
        raise _Stop(1, 1, 'a list of papers is needed: {"papers": [...]}', Rule.WRONG_TYPE)
    if len(content) > MAX_PAPERS:
        raise _Stop(1, 1, f"the file has {len(content):,} papers; at most {MAX_PAPERS:,} are read", Rule.SIZE)
    return content


def _lines(text: str, number: int) -> Iterator[int]:
    """The line on which each record begins."""
    match = _START.match(text)
    position = match.end() if match else 0
    line, counted = 1, 0
    decoder = json.JSONDecoder()
    for _ in range(number):
        line += text.count("\n", counted, position)
        counted = position
        yield line
        _, end = decoder.raw_decode(text, position)
        between = _BETWEEN.match(text, end)
        position = between.end() if between else end


_FIELDS = tuple(field.name for field in fields(PaperEntry) if field.name not in {"line", "given"})
# What a file need not speak of; left out, the stored value stays.
_OPTIONAL = ("cohort", "project_url", "abstract")
LONGEST_ABSTRACT = 20_000


def read_record(
    record: Any, line: int, path: str, errors: list[FileError], warnings: list[FileError], *, whole: bool = True
) -> PaperEntry:
    """One record as an entry; what is wrong with it is added to ``errors``, and then the entry is not to be used.

    Where it is not ``whole`` (a citation has no topic), it speaks only of the keys it has.
    """
    reader = _Record(record, line, path, errors, warnings)
    entry = reader.read(whole=whole)
    return entry if whole else replace(entry, given=frozenset(reader.values))


class _Record:
    """Reads one record and notes what is wrong with it."""

    def __init__(self, record: Any, line: int, path: str, errors: list[FileError], warnings: list[FileError]) -> None:
        self.line = line
        self.path = path
        self.errors = errors
        self.warnings = warnings
        self.values: dict[str, Any] = record if isinstance(record, dict) else {}
        if not isinstance(record, dict):
            self.error("", "a paper is a table of keys and values", Rule.WRONG_TYPE)

    def error(self, key: str, message: str, rule: Rule) -> None:
        path = f"{self.path}.{key}" if key else self.path
        self.errors.append(FileError(self.line, 1, path, message, rule))

    def read(self, *, whole: bool) -> PaperEntry:
        for key in self.values:
            if key not in _FIELDS:
                self.error(key[:60], f"the key is not known here{suggestion(key, _FIELDS)}", Rule.UNKNOWN_KEY)
        authors = self.texts("authors", required=True)
        paper = PaperEntry(
            title=self.text("title", 500),
            summary=self.text("summary", SUMMARY_LENGTH, ""),
            authors=authors,
            fellows=self.fellows(authors),
            published=self.published() if whole or "published" in self.values else date.min,
            arxiv_id=self.arxiv_id(),
            url=self.url("url"),
            topic=self.key("topic", None if whole else ""),
            track=self.key("track", ""),
            streams=self.keys("streams"),
            seed_no=self.number("seed_no"),
            line=self.line,
            cohort=self.key("cohort", ""),
            project_url=self.url("project_url"),
            abstract=self.abstract(),
            given=EVERY_FIELD | {name for name in _OPTIONAL if name in self.values},
        )
        self.check_revision(paper)
        return paper

    def text(self, key: str, most: int, default: str | None = None) -> str:
        value = self.values.get(key)
        if value is None or value == "":
            if default is None:
                self.error(key, f"{key!r} is missing", Rule.MISSING_KEY)
            return default or ""
        if not isinstance(value, str):
            self.error(key, "a text is needed", Rule.WRONG_TYPE)
            return ""
        if len(value) > most:
            self.error(key, f"the text has {len(value)} characters; at most {most} are allowed", Rule.BAD_TEXT)
        if _UNPRINTABLE.search(value) or not value.strip():
            self.error(key, "one line of readable text is needed", Rule.BAD_TEXT)
            return ""
        return value

    def key(self, name: str, default: str | None = None) -> str:
        value = self.text(name, 60, default)
        if value and not KEY.fullmatch(value):
            self.error(name, f"{value!r} cannot be a key: small letters, digits, - and _", Rule.BAD_KEY)
        return value

    def number(self, key: str) -> int:
        value = self.values.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
            self.error(key, "a whole number from 0 to 1,000,000 is needed", Rule.WRONG_TYPE)
            return 0
        return value

    def texts(self, key: str, *, required: bool = False, most: int = 500) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.error(key, "a list of texts is needed", Rule.WRONG_TYPE)
            return ()
        if required and not value:
            self.error(key, f"{key!r} is missing or empty", Rule.MISSING_KEY)
        if len(value) > most or any(not item.strip() or len(item) > 200 or _UNPRINTABLE.search(item) for item in value):
            self.error(key, f"at most {most} readable texts of up to 200 characters are needed", Rule.BAD_TEXT)
            return ()
        if len(set(value)) != len(value):
            twice = next(item for item in value if value.count(item) > 1)
            self.error(key, f"{twice!r} stands here twice", Rule.DUPLICATE_NAME)
        return tuple(value)

    def keys(self, key: str) -> tuple[str, ...]:
        found = self.texts(key, most=50)
        for value in found:
            if not KEY.fullmatch(value):
                self.error(key, f"{value[:60]!r} cannot be a key: small letters, digits, - and _", Rule.BAD_KEY)
        return found

    def published(self) -> date:
        value = self.values.get("published")
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            message = "the whole date is needed, like 2024-05-24; a month or a year alone is not enough"
            self.error("published", message, Rule.BAD_DATE)
            return date.min
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.error("published", f"{value} does not exist in the calendar", Rule.BAD_DATE)
            return date.min

    def arxiv_id(self) -> str | None:
        value = self.values.get("arxiv_id")
        if value is None:
            return None
        if not isinstance(value, str) or not is_id(value):
            self.error("arxiv_id", "an arXiv id looks like 2405.15943; null where there is none", Rule.BAD_TEXT)
            return None
        return value

    def abstract(self) -> str:
        """Any text; only its words are kept, for the search."""
        value = self.values.get("abstract", "")
        if not isinstance(value, str) or len(value) > LONGEST_ABSTRACT:
            self.error("abstract", f"a text of up to {LONGEST_ABSTRACT:,} characters is needed", Rule.BAD_TEXT)
            return ""
        return value

    def url(self, key: str) -> str:
        value = self.text(key, 500, "")
        if value and not WEB.fullmatch(value):
            self.error(key, "a web address with http:// or https:// is needed", Rule.BAD_TEXT)
            return ""
        return value

    def fellows(self, authors: tuple[str, ...]) -> tuple[FellowLink, ...]:
        value = self.values.get("fellows", [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.error("fellows", "a list of links is needed: name, author, basis, confidence", Rule.WRONG_TYPE)
            return ()
        found: list[FellowLink] = []
        for index, item in enumerate(value):
            part = _Record(item, self.line, f"{self.path}.fellows[{index}]", self.errors, self.warnings)
            link = part.link(authors)
            if link.name and link.name in {other.name for other in found}:
                part.error("name", f"{link.name!r} stands here twice", Rule.DUPLICATE_NAME)
            found.append(link)
        return tuple(found)

    def link(self, authors: tuple[str, ...]) -> FellowLink:
        known = ("name", "author", "basis", "confidence")
        for key in self.values:
            if key not in known:
                self.error(key[:60], f"the key is not known here{suggestion(key, known)}", Rule.UNKNOWN_KEY)
        name, author = self.text("name", 200), self.text("author", 200, "")
        if author and author not in authors:
            self.error("author", f"{author!r} is no author of this paper{suggestion(author, authors)}", Rule.REFERENCE)
        confidence = self.text("confidence", 20)
        levels = [level.value for level in LinkConfidence]
        if confidence and confidence not in levels:
            message = f"{confidence!r} is not allowed here{suggestion(confidence, levels)}"
            self.error("confidence", message, Rule.NOT_A_CHOICE)
        level = LinkConfidence(confidence) if confidence in levels else LinkConfidence.TO_CONFIRM
        return FellowLink(name, author, self.text("basis", 120, ""), level)

    def check_revision(self, paper: PaperEntry) -> None:
        """An id carries the month of the first version; a date far from it is probably that of a revision."""
        if paper.arxiv_id is None or paper.published == date.min:
            return
        if apart := months_apart(paper.published, paper.arxiv_id):
            message = f"the date {paper.published} is {apart} months from the id {paper.arxiv_id}: a revision's?"
            self.warnings.append(FileError(self.line, 1, f"{self.path}.published", message, Rule.BAD_DATE))


def _check_unique(papers: list[PaperEntry], errors: list[FileError]) -> None:
    """Each id, and each title of a paper without an id, occurs once."""
    seen: dict[str, int] = {}
    for index, paper in enumerate(papers):
        name = paper.arxiv_id or paper.title.casefold()
        if name and name in seen:
            message = f"this paper already stands on line {seen[name]}"
            errors.append(FileError(paper.line, 1, f"papers[{index}]", message, Rule.DUPLICATE_KEY))
        seen.setdefault(name, paper.line)
