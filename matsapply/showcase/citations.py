"""Papers as others keep them: CSV, BibTeX and CSL-JSON, each record turned into the one form and checked there."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bibtexparser
from bibtexparser import middlewares

from matsapply.rules.arxiv import id_in
from matsapply.rules.people_names import link_fellow
from matsapply.rules.showcase import LinkConfidence, QuestionKind
from matsapply.showcase.file import read_record
from matsapply.showcase.findings import Finding, FindingCode, Question, Severity
from matsapply.showcase.page import parse_day
from matsapply.showcase.reading import Reading, link_findings, revision_finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matsapply.cohorts.file_errors import FileError
    from matsapply.showcase.file import PaperEntry
    from matsapply.showcase.reading import Known

MOST = 20_000
CSV_LISTS = ("authors", "fellows", "streams")
CSV_TEXTS = ("title", "summary", "published", "arxiv_id", "url", "topic", "track", "cohort", "project_url", "abstract")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Raw:
    """One record before it is checked: values by the keys of the JSON form, and the line where it begins."""

    line: int
    values: dict[str, Any]


def broken(source: str, line: int, code: FindingCode, seen: str) -> Reading:
    finding = Finding(line, 1, code, Severity.ERROR, 0, seen, "nothing was read; mend the file")
    return Reading(source, findings=(finding,), broken=True)


def gather(source: str, raws: Iterable[Raw], known: Known, findings: Iterable[Finding] = ()) -> Reading:
    """Check each record by itself: a bad one is left out and told, the others stay."""
    told = list(findings)
    lost = sum(finding.severity is Severity.ERROR for finding in told)
    entries: list[PaperEntry] = []
    questions: list[Question] = []
    number = 0
    for number, raw in enumerate(raws, 1):
        values = _dated(raw, number, known, told)
        if values is None:
            continue
        errors: list[FileError] = []
        entry = read_record(
            {"seed_no": number, **_linked(values)}, raw.line, f"papers[{number - 1}]", errors, [], whole=False
        )
        if errors:
            for error in errors:
                seen = f"{error.path.partition('.')[2]}: {error.message}"
                code = error.rule.value
                told.append(Finding(raw.line, 1, code, Severity.ERROR, number, seen, "not imported"))
            continue
        entries.append(entry)
        for link in entry.fellows:
            told += link_findings(link, raw.line, 1, number)
            if link.confidence is LinkConfidence.TO_CONFIRM:
                proposal = (link.author,) if link.author else ()
                questions.append(Question(QuestionKind.FELLOW_LINK, number, link.name, proposal, link.basis))
        if entry.arxiv_id and "published" in entry.given:
            told += filter(None, [revision_finding(raw.line, number, entry.published, entry.arxiv_id)])
    told.sort(key=lambda finding: (finding.line, finding.column))
    read = number + lost
    return Reading(source, tuple(entries), tuple(told), tuple(questions), read=read, rejected=read - len(entries))


def _dated(raw: Raw, number: int, known: Known, told: list[Finding]) -> dict[str, Any] | None:
    """The values with a whole date; without the date where the paper is known and has one; None otherwise."""
    given = str(raw.values.get("published") or "")
    day = parse_day(given)
    if day is not None:
        return {**raw.values, "published": day.isoformat()}
    if _DAY.fullmatch(given):
        return raw.values
    seen = f"{given[:60] or 'no date'} is no whole date, like 2024-05-24"
    if raw.values.get("arxiv_id") in set(known.arxiv_ids.values()):
        values = {key: value for key, value in raw.values.items() if key != "published"}
        done = "the date that is stored for this id stays"
        told.append(Finding(raw.line, 1, FindingCode.BAD_DATE, Severity.WARNING, number, seen, done))
        return values
    told.append(Finding(raw.line, 1, FindingCode.BAD_DATE, Severity.ERROR, number, seen, "not imported"))
    return None


def _linked(values: dict[str, Any]) -> dict[str, Any]:
    """Fellows given as plain names, linked to the authors."""
    if "fellows" not in values:
        return values
    names, authors = values["fellows"], values.get("authors", [])
    exact = set(authors) & set(names)
    found = [(name, link_fellow(name, authors, exact)) for name in names]
    links = [
        {"name": name, "author": link.author, "basis": link.basis[:120], "confidence": link.confidence.value}
        for name, link in found
    ]
    return {**values, "fellows": links}


# --- CSV ----------------------------------------------------------------------------------------------------------


def is_csv(text: str) -> bool:
    """Whether the first line is a head with a column for titles and one for authors."""
    try:
        head = next(csv.reader(text.splitlines()[:1]), [])
    except csv.Error:
        return False
    return {"title", "authors"} <= {name.strip().lower() for name in head}


def from_csv(text: str, known: Known) -> Reading:
    """A head with the names of the JSON form; several people or streams in a cell are parted by semicolons."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip().lower() for name in next(reader)]
        if unknown := sorted(set(head) - {*CSV_LISTS, *CSV_TEXTS}):
            return broken("csv", 1, FindingCode.SYNTAX, f"the column {unknown[0][:60]!r}, which is not known here")
        raws = []
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(head):
                    seen = f"{len(cells)} cells where the head has {len(head)}"
                    return broken("csv", line, FindingCode.SYNTAX, seen)
                raws.append(Raw(line, _cells(dict(zip(head, cells, strict=True)))))
            line = reader.line_num + 1
    except csv.Error as error:
        return broken("csv", reader.line_num, FindingCode.SYNTAX, f"no CSV: {error}")
    if len(raws) > MOST:
        return broken("csv", 1, FindingCode.SIZE, f"{len(raws):,} records; at most {MOST:,} are read")
    return gather("csv", raws, known)


def _cells(row: dict[str, str]) -> dict[str, Any]:
    """The values of a row; an empty cell says nothing."""
    values: dict[str, Any] = {}
    for name, cell in ((name, cell.strip()) for name, cell in row.items() if cell.strip()):
        if name in CSV_LISTS:
            values[name] = [part.strip() for part in cell.split(";") if part.strip()]
        elif name == "arxiv_id":
            values[name] = id_in(cell) or cell
        else:
            values[name] = cell
    return values


# --- BibTeX -------------------------------------------------------------------------------------------------------


def is_bibtex(text: str) -> bool:
    return re.match(r"(?:\s|%[^\n]*\n)*@\s*[A-Za-z]+\s*[{(]", text) is not None


def from_bibtex(text: str, known: Known) -> Reading:
    """Entries with author, title and a whole date (``date``, or ``year``, ``month`` and ``day``)."""
    log = logging.getLogger("bibtexparser")
    level = log.level
    log.setLevel(logging.CRITICAL)  # what it would log is told in the report
    try:
        library = bibtexparser.parse_string(
            text, append_middleware=[middlewares.LatexDecodingMiddleware(), middlewares.SeparateCoAuthors()]
        )
    finally:
        log.setLevel(level)
    findings = [
        Finding(_line(block), 1, FindingCode.SYNTAX, Severity.ERROR, 0, f"no entry: {_why(block)}", "not imported")
        for block in library.failed_blocks
    ]
    if len(library.entries) > MOST:
        return broken("bibtex", 1, FindingCode.SIZE, f"{len(library.entries):,} records; at most {MOST:,} are read")
    raws = [
        Raw(_line(entry), _entry({field.key.lower(): field.value for field in entry.fields}))
        for entry in library.entries
    ]
    return gather("bibtex", raws, known, findings)


def _line(block: Any) -> int:
    return int(block.start_line or 0) + 1


def _why(block: Any) -> str:
    reason = getattr(block.error, "abort_reason", "") or block.error
    return " ".join(str(reason).split())[:160] or "it cannot be read"


def _entry(fields: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": _plain(fields.get("title", "")),
        "authors": [_natural(_plain(name)) for name in fields.get("author", ())],
        "published": _plain(fields.get("date") or _date_of(fields)),
    }
    return _with_links(values, fields.get("eprint", ""), fields.get("url", ""), fields.get("doi", ""), fields)


def _with_links(values: dict[str, Any], eprint: str, url: str, doi: str, fields: dict[str, Any]) -> dict[str, Any]:
    arxiv_id = id_in(str(eprint)) or id_in(str(url)) or id_in(str(doi).lower().replace("10.48550/arxiv.", "arxiv:"))
    if arxiv_id:
        values["arxiv_id"] = arxiv_id
    if address := str(url).strip() or (f"https://doi.org/{doi}" if doi else ""):
        values["url"] = f"https://arxiv.org/abs/{arxiv_id}" if arxiv_id and "arxiv.org" in address else address
    elif arxiv_id:
        values["url"] = f"https://arxiv.org/abs/{arxiv_id}"
    if abstract := fields.get("abstract"):
        values["abstract"] = str(abstract)
    return values


def _plain(text: Any) -> str:
    return " ".join(str(text).replace("{", "").replace("}", "").split())


def _natural(name: str) -> str:
    """``van Berg, Ann`` and ``Berg, Jr., Ann`` in the order in which they are spoken."""
    parts = [part.strip() for part in name.split(",")]
    match parts:
        case [family, given] if given:
            return f"{given} {family}"
        case [family, suffix, given] if given:
            return f"{given} {family}, {suffix}"
    return name


def _date_of(fields: dict[str, Any]) -> str:
    year, month, day = (_plain(fields.get(name, "")) for name in ("year", "month", "day"))
    if month[:3].lower() in _MONTHS:
        month = str(_MONTHS.index(month[:3].lower()) + 1)
    parts = [year, *(part.zfill(2) for part in (month, day) if part)]
    return "-".join(part for part in parts if part)


# --- CSL-JSON -----------------------------------------------------------------------------------------------------


def is_csl(content: Any) -> bool:
    """A list of items as reference managers write them: dates as parts, or authors in parts."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(item, dict) for item in content)
        and any("issued" in item or _has_parts(item.get("author")) for item in content)
    )


def _has_parts(authors: Any) -> bool:
    return isinstance(authors, list) and any(isinstance(author, dict) for author in authors)


def from_csl(text: str, content: list[dict[str, Any]], known: Known) -> Reading:
    """CSL-JSON has no lines of its own: each record is told with that of its title."""
    if len(content) > MOST:
        return broken("csl", 1, FindingCode.SIZE, f"{len(content):,} records; at most {MOST:,} are read")
    raws = []
    position = 0
    line = 1
    for item in content:
        found = text.find(json.dumps(item.get("title", ""), ensure_ascii=False), position)
        if found >= 0:
            line += text.count("\n", position, found)
            position = found
        raws.append(Raw(line, _item(item)))
    return gather("csl", raws, known)


def _item(item: dict[str, Any]) -> dict[str, Any]:
    people = item.get("author")
    values: dict[str, Any] = {
        "title": item.get("title", ""),
        "authors": [_csl_name(person) for person in people] if isinstance(people, list) else people,
        "published": _csl_date(item.get("issued")),
    }
    number = item.get("number", "")
    number, url, doi = (value if isinstance(value, str) else "" for value in (number, item.get("URL"), item.get("DOI")))
    return _with_links(values, number, url, doi, item)


def _csl_name(person: Any) -> Any:
    if not isinstance(person, dict):
        return person
    if isinstance(literal := person.get("literal"), str):
        return literal
    parts = [person.get(name) for name in ("given", "dropping-particle", "non-dropping-particle", "family")]
    name = " ".join(part for part in parts if isinstance(part, str) and part)
    return f"{name}, {suffix}" if isinstance(suffix := person.get("suffix"), str) else name


def _csl_date(issued: Any) -> str:
    if not isinstance(issued, dict):
        return ""
    parts = issued.get("date-parts")
    if isinstance(parts, list) and parts and isinstance(parts[0], list):
        return "-".join(str(part).zfill(2) for part in parts[0][:3])
    raw = issued.get("raw") or issued.get("literal")
    return raw if isinstance(raw, str) else ""
