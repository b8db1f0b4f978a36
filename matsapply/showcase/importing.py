"""Bringing papers into the showcase: new ones are added, known ones compared, differences applied only when confirmed.

A paper is known by its arXiv id, else by its address on the web, else by its title. A fellow is known by the full name
as given: two people with one name stay one entry until a person separates them, and two spellings stay two.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.rules.access import ANONYMOUS
from matsapply.rules.names import folded, slug
from matsapply.rules.stages import LinkConfidence, PaperRole
from matsapply.showcase.file import FellowLink
from matsapply.showcase.models import Fellow, ImportIssue, ImportRun, Paper, PaperPerson, PaperStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.file_errors import FileError
    from matsapply.rules.access import Actor
    from matsapply.showcase.file import PaperEntry

CREATED, CHANGED, UNCHANGED = "created", "changed", "unchanged"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose stored value is not the file's."""

    field: str
    stored: str
    given: str


@dataclass(frozen=True, slots=True)
class PaperOutcome:
    title: str
    line: int
    outcome: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do on a dry run; differences of ``changed`` papers count only if ``applied``."""

    papers: tuple[PaperOutcome, ...]
    dry_run: bool
    applied: bool
    fellows_created: int
    to_confirm: tuple[str, ...] = ()

    def count(self, outcome: str) -> int:
        return sum(paper.outcome == outcome for paper in self.papers)

    def __str__(self) -> str:
        counts = " · ".join(f"{self.count(outcome)} {outcome}" for outcome in (CREATED, CHANGED, UNCHANGED))
        lines = [f"{len(self.papers)} papers read · {counts} · {self.fellows_created} new fellows"]
        for paper in self.papers:
            for change in paper.differences:
                lines.append(f"  line {paper.line}: {paper.title}: {change.field}: {change.stored} → {change.given}")
        lines += [f"  a person must confirm: {link}" for link in self.to_confirm]
        if self.dry_run:
            lines.append("  nothing was written (dry run)")
        elif self.count(CHANGED) and not self.applied:
            lines.append("  differences were not applied; confirm to apply them")
        return "\n".join(lines)


def import_papers(
    session: Session,
    papers: Sequence[PaperEntry],
    dry_run: bool,
    now: datetime,
    *,
    confirmed: bool = False,
    actor: Actor | None = None,
    source: str = "",
    warnings: Sequence[FileError] = (),
) -> ImportReport:
    """Compare ``papers`` with the stored ones and write what may be written: nothing on a dry run. Never commits."""
    stored = _Stored(session)
    outcomes = []
    for entry in papers:
        row = stored.find(entry)
        differences = () if row is None else stored.differences(row, entry)
        outcome = CREATED if row is None else CHANGED if differences else UNCHANGED
        outcomes.append(PaperOutcome(entry.title, entry.line, outcome, differences))
        if not dry_run and (row is None or (differences and confirmed)):
            stored.save(row, entry)
    report = ImportReport(
        papers=tuple(outcomes),
        dry_run=dry_run,
        applied=confirmed,
        fellows_created=len(_fellow_names(papers) - stored.fellows_before),
        to_confirm=tuple(
            f"{link.name} = {link.author or 'an author of it'} ({entry.title})"
            for entry in papers
            for link in entry.fellows
            if link.confidence is LinkConfidence.TO_CONFIRM
        ),
    )
    if not dry_run and (report.count(CREATED) or (confirmed and report.count(CHANGED))):
        _record_run(session, report, papers, now, actor or ANONYMOUS, source, warnings)
    session.flush()
    return report


def _fellow_names(papers: Sequence[PaperEntry]) -> set[str]:
    return {link.name for entry in papers for link in entry.fellows}


def _record_run(
    session: Session,
    report: ImportReport,
    papers: Sequence[PaperEntry],
    now: datetime,
    actor: Actor,
    source: str,
    warnings: Sequence[FileError],
) -> None:
    counts = {outcome: report.count(outcome) for outcome in (CREATED, CHANGED, UNCHANGED)}
    run = ImportRun(
        kind="papers",
        source=source[-200:],
        digest=hashlib.sha256(repr(tuple(papers)).encode()).hexdigest(),
        dry_run=False,
        actor_id=actor.person_id,
        counts=counts,
        finished_at=now,
    )
    session.add(run)
    session.flush()
    session.add_all(
        ImportIssue(
            import_run_id=run.id,
            line=warning.line,
            code=warning.rule.value,
            severity="W",
            record=warning.path[:200],
            seen=warning.message,
            done="kept as given",
        )
        for warning in warnings
    )
    audit.record(
        session, actor, "showcase.import", now, subject_type="import_run", subject_id=run.id, detail=dict(counts)
    )


class _Stored:
    """The showcase as it is, read once, and the writing of single papers."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.papers = list(session.scalars(sa.select(Paper)))
        self.people: dict[int, list[PaperPerson]] = defaultdict(list)
        for person in session.scalars(sa.select(PaperPerson).order_by(PaperPerson.position)):
            self.people[person.paper_id].append(person)
        self.streams: dict[int, list[str]] = defaultdict(list)
        for paper_id, key in session.execute(
            sa.select(PaperStream.paper_id, PaperStream.stream_key).order_by(PaperStream.position, PaperStream.id)
        ):
            self.streams[paper_id].append(key)
        self.fellows = {fellow.name: fellow for fellow in session.scalars(sa.select(Fellow))}
        self.fellows_before = frozenset(self.fellows)
        self.slugs = {paper.slug for paper in self.papers}
        self.fellow_slugs = {fellow.slug for fellow in self.fellows.values()}
        self.by_arxiv = {paper.arxiv_id: paper for paper in self.papers if paper.arxiv_id}
        self.by_url = {paper.url: paper for paper in self.papers if paper.url}
        self.by_title = {folded(paper.title): paper for paper in self.papers}

    def find(self, entry: PaperEntry) -> Paper | None:
        if entry.arxiv_id is not None and (row := self.by_arxiv.get(entry.arxiv_id)):
            return row
        for row in (self.by_url.get(entry.url), self.by_title.get(folded(entry.title))):
            # Two different ids are two papers, whatever their titles say.
            if row is not None and (row.arxiv_id is None or entry.arxiv_id is None):
                return row
        return None

    def names(self, paper_id: int, role: PaperRole) -> list[PaperPerson]:
        return [person for person in self.people[paper_id] if person.role is role]

    def differences(self, row: Paper, entry: PaperEntry) -> tuple[Difference, ...]:
        authors = tuple(person.name for person in self.names(row.id, PaperRole.AUTHOR))
        fellows = tuple(self._link(person, entry) for person in self.names(row.id, PaperRole.FELLOW))
        pairs: list[tuple[str, Any, Any]] = [
            (name, getattr(row, name), value) for name, value in _values(entry).items() if name != "search_text"
        ]
        pairs += [
            ("authors", authors, entry.authors),
            ("fellows", fellows, entry.fellows),
            ("streams", tuple(self.streams[row.id]), entry.streams),
        ]
        return tuple(Difference(name, _told(was), _told(given)) for name, was, given in pairs if was != given)

    @staticmethod
    def _link(person: PaperPerson, entry: PaperEntry) -> FellowLink:
        """The stored link in the file's form; one that a person has confirmed counts as the file's doubtful one."""
        confidence = person.link_confidence or LinkConfidence.TO_CONFIRM
        stored = FellowLink(person.name, person.linked_author, person.link_basis, confidence)
        for link in entry.fellows:
            same = (link.name, link.author) == (stored.name, stored.author)
            if same and confidence is LinkConfidence.CERTAIN and link.confidence is LinkConfidence.TO_CONFIRM:
                return link
        return stored

    def save(self, row: Paper | None, entry: PaperEntry) -> None:
        if row is None:
            row = Paper(slug=slug(entry.title, self.slugs), **_values(entry))
            self.slugs.add(row.slug)
            self.session.add(row)
        else:
            for name, value in _values(entry).items():
                setattr(row, name, value)
            self.session.execute(sa.delete(PaperPerson).where(PaperPerson.paper_id == row.id))
            self.session.execute(sa.delete(PaperStream).where(PaperStream.paper_id == row.id))
        self.session.flush()
        for position, name in enumerate(entry.authors, 1):
            self.session.add(
                PaperPerson(
                    paper_id=row.id,
                    role=PaperRole.AUTHOR,
                    position=position,
                    name=name,
                    folded_name=folded(name)[:200],
                )
            )
        for position, link in enumerate(entry.fellows, 1):
            self.session.add(self._fellow_of(row.id, position, link))
        for position, key in enumerate(entry.streams, 1):
            self.session.add(PaperStream(paper_id=row.id, stream_key=key, position=position))

    def _fellow_of(self, paper_id: int, position: int, link: FellowLink) -> PaperPerson:
        fellow = self.fellows.get(link.name)
        if fellow is None:
            fellow = Fellow(slug=slug(link.name, self.fellow_slugs, "fellow"), name=link.name)
            self.fellow_slugs.add(fellow.slug)
            self.fellows[link.name] = fellow
            self.session.add(fellow)
            self.session.flush()
        return PaperPerson(
            paper_id=paper_id,
            role=PaperRole.FELLOW,
            position=position,
            name=link.name,
            folded_name=folded(link.name)[:200],
            fellow_id=fellow.id,
            linked_author=link.author,
            link_basis=link.basis,
            link_confidence=link.confidence,
        )


def _values(entry: PaperEntry) -> dict[str, Any]:
    """The columns of a paper; the text for searching follows from the others."""
    names = [*entry.authors, *(link.name for link in entry.fellows)]
    words = [entry.title, entry.summary, *names, entry.topic.replace("-", " "), entry.track]
    return {
        "title": entry.title,
        "summary": entry.summary,
        "published": entry.published,
        "arxiv_id": entry.arxiv_id,
        "url": entry.url,
        "topic": entry.topic,
        "track_key": entry.track,
        "position": entry.seed_no,
        "search_text": folded(" ".join(words)),
    }


def _told(value: Any) -> str:
    match value:
        case tuple():
            return ", ".join(getattr(item, "name", None) or str(item) for item in value) or "none"
        case date():
            return value.isoformat()
        case None | "":
            return "none"
    return str(value)
