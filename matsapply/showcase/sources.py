"""Any file of papers, by its content: JSON, CSL-JSON, CSV, BibTeX, arXiv ids, or the programme's page as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matsapply.rules.showcase import LinkConfidence, QuestionKind
from matsapply.showcase import arxiv, citations, page_import
from matsapply.showcase.file import MAX_BYTES, parse
from matsapply.showcase.findings import Finding, FindingCode, Question, Severity
from matsapply.showcase.reading import Known, Reading

if TYPE_CHECKING:
    from matsapply.cohorts.file_errors import FileError
    from matsapply.showcase.file import ParsedPapers

Ask = Callable[[list[str]], bytes]

_RECORD = re.compile(r"papers\[(\d+)\]")


def read(source: bytes, known: Known | None = None, *, cache: Path | None = None, ask: Ask = arxiv.fetch) -> Reading:
    """Read a file of papers; never raises. What cannot be read at all is ``broken``.

    ``cache`` is a folder for what arXiv answered, ``ask`` the way to it.
    """
    if len(source) > MAX_BYTES:
        return unreadable(FindingCode.SIZE, f"more than {MAX_BYTES:,} bytes", "nothing was read")
    text = _decoded(source)
    return text if isinstance(text, Reading) else _by_content(text, known or Known(), cache, ask)


def _by_content(text: str, known: Known, cache: Path | None, ask: Ask) -> Reading:
    start = text.lstrip()[:1]
    if not start:
        return unreadable(FindingCode.EMPTY, "an empty file", "nothing was read")
    if start in "{[":
        content = _json(text)
        return citations.from_csl(text, content, known) if citations.is_csl(content) else from_json(parse(text))
    if citations.is_bibtex(text):
        return citations.from_bibtex(text, known)
    if citations.is_csv(text):
        return citations.from_csv(text, known)
    if ids := arxiv.ids_in(text):
        return arxiv.read_ids(ids, known, cache, ask)
    return page_import.read(text, known)


def _json(text: str) -> Any:
    """The content; None where it is no JSON, which the reader of the JSON form tells in full."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _decoded(source: bytes) -> str | Reading:
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        column = error.start - source.rfind(b"\n", 0, error.start)
        seen = f"byte {source[error.start]:#04x}, which is not UTF-8"
        return unreadable(FindingCode.ENCODING, seen, "nothing was read; save the file as UTF-8", line, column)
    if "\x00" in text:
        seen = "bytes of zero: UTF-16, or no text at all"
        return unreadable(FindingCode.ENCODING, seen, "nothing was read; save the file as UTF-8")
    return text


def unreadable(code: FindingCode, seen: str, done: str, line: int = 1, column: int = 1) -> Reading:
    """A file of which nothing can be stored, and why."""
    return Reading("file", findings=(Finding(line, column, code, Severity.ERROR, 0, seen, done),), broken=True)


def from_json(parsed: ParsedPapers) -> Reading:
    """A JSON file is wholly right or not read at all: it is written by hand or by a program, and can be mended."""
    findings = [_finding(error, Severity.ERROR, "nothing is imported; mend the file") for error in parsed.errors]
    findings += [_finding(warning, Severity.WARNING, "the date given is kept") for warning in parsed.warnings]
    findings.sort(key=_place)
    questions = tuple(
        Question(QuestionKind.FELLOW_LINK, paper.seed_no, link.name, (link.author,) if link.author else (), link.basis)
        for paper in parsed.papers
        for link in paper.fellows
        if link.confidence is LinkConfidence.TO_CONFIRM
    )
    read = len(parsed.papers)
    return Reading("json", parsed.papers, tuple(findings), questions, read=read, broken=bool(parsed.errors))


def _place(finding: Finding) -> tuple[int, int]:
    return finding.line, finding.column


def _finding(error: FileError, severity: Severity, done: str) -> Finding:
    match = _RECORD.match(error.path)
    record = int(match[1]) + 1 if match else 0
    code = error.rule.value if severity is Severity.ERROR else FindingCode.REVISION_DATE.value
    path = error.path[match.end() + 1 :] if match else error.path
    seen = f"{path}: {error.message}" if path else error.message
    return Finding(error.line, error.column, code, severity, record, seen, done)
