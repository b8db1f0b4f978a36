"""Bringing papers into the showcase: new ones are added, known ones compared, differences applied only when confirmed.

A paper is known by its arXiv id, else by its address on the web, else by its title, else (where the file has no ids)
by its day and authors. A fellow is known by the full name as given: two people with one name stay one entry until a
person separates them, and two spellings stay two.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.rules.access import ANONYMOUS
from matsapply.rules.names import folded
from matsapply.rules.showcase import LinkConfidence, PaperRole, QuestionAnswer, QuestionKind
from matsapply.showcase.findings import counted
from matsapply.showcase.models import ImportIssue, ImportRun, ShowcaseQuestion
from matsapply.showcase.searching import refresh
from matsapply.showcase.stored import Difference, StoredShowcase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor
    from matsapply.showcase.file import PaperEntry
    from matsapply.showcase.findings import Question
    from matsapply.showcase.models import Paper
    from matsapply.showcase.reading import Reading

CREATED, CHANGED, UNCHANGED, REPEATED = "created", "changed", "unchanged", "repeated"


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
    questions_asked: int
    to_confirm: tuple[str, ...] = ()

    def count(self, outcome: str) -> int:
        return sum(paper.outcome == outcome for paper in self.papers)

    @property
    def would_write(self) -> bool:
        """Whether confirming would change anything."""
        return bool(self.count(CREATED) or self.count(CHANGED) or self.questions_asked)

    def __str__(self) -> str:
        outcomes = [CREATED, CHANGED, UNCHANGED, *([REPEATED] if self.count(REPEATED) else [])]
        counts = " · ".join(f"{self.count(outcome):,} {outcome}" for outcome in outcomes)
        lines = [
            f"{counted(len(self.papers), 'paper')} compared · {counts} · {counted(self.fellows_created, 'new fellow')}"
            f" · {counted(self.questions_asked, 'new question')} for a person"
        ]
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
    reading: Reading,
    dry_run: bool,
    now: datetime,
    *,
    confirmed: bool = False,
    actor: Actor | None = None,
    source: str = "",
    tell: Callable[[int], None] | None = None,
) -> ImportReport:
    """Compare what was read with what is stored and write what may be written: nothing on a dry run, differences of
    papers that are there only if ``confirmed``. ``tell`` hears how many papers are written so far. Never commits.
    Raises ``ValueError`` for a broken file."""
    if reading.broken:
        raise ValueError("a file whose records cannot be told apart is not imported")
    stored = StoredShowcase(session)
    asked = _Asked(session, reading, stored)
    outcomes: list[PaperOutcome] = []
    to_save: list[tuple[Paper | None, PaperEntry]] = []
    seen: set[str] = set()
    for read in reading.entries:
        entry, row = read, stored.find(read)
        key = str(row.id) if row is not None else entry.arxiv_id or folded(entry.title)
        if key in seen:
            outcomes.append(PaperOutcome(entry.title, entry.line, REPEATED))
            continue
        seen.add(key)
        asked.about(entry, row)
        if row is None:
            differences: tuple[Difference, ...] = ()
        else:
            entry = stored.settled(row, entry, asked.splits(entry))
            differences = stored.differences(row, entry)
        outcome = CREATED if row is None else CHANGED if differences else UNCHANGED
        outcomes.append(PaperOutcome(entry.title, entry.line, outcome, differences))
        if row is None or (differences and confirmed):
            to_save.append((row, entry))
    names = {link.name for entry in reading.entries for link in entry.fellows}
    report = ImportReport(
        papers=tuple(outcomes),
        dry_run=dry_run,
        applied=confirmed,
        fellows_created=len(names - {name for name, keys in stored.fellows.items() if keys}),
        questions_asked=len(asked.new()),
        to_confirm=tuple(
            f"{link.name} = {link.author or 'an author of it'} ({entry.title})"
            for entry in reading.entries
            for link in entry.fellows
            if link.confidence is LinkConfidence.TO_CONFIRM
        ),
    )
    if not dry_run:
        saved = stored.save(to_save)
        refresh(session, saved, tell)
        asked.saved({entry.seed_no: paper_id for paper_id, (_, entry) in zip(saved, to_save, strict=True)})
        session.add_all(asked.new())
        if saved or report.questions_asked:
            _record_run(session, report, reading, now, actor or ANONYMOUS, source)
        session.flush()
    return report


def fingerprint(kind: QuestionKind, title: str, name: str, proposal: tuple[str, ...]) -> str:
    """What makes a question the same question: 64 hexadecimal digits."""
    return hashlib.sha256("\x1f".join((kind.value, folded(title), name, *proposal)).encode()).hexdigest()


class _Asked:
    """The questions of a reading, put to the papers they are about; those asked before are not asked again."""

    def __init__(self, session: Session, reading: Reading, stored: StoredShowcase) -> None:
        self.before = set(session.scalars(sa.select(ShowcaseQuestion.fingerprint)))
        self.stored = stored
        self.by_record: dict[int, list[Question]] = defaultdict(list)
        for question in reading.questions:
            self.by_record[question.record].append(question)
        self.titles = {entry.seed_no: entry.title for entry in reading.entries}
        self.paper_ids: dict[int, int] = {}
        self.dropped: set[Question] = set()

    def splits(self, entry: PaperEntry) -> Mapping[str, tuple[str, ...]]:
        questions = self.by_record[entry.seed_no]
        return {one.name: one.proposal for one in questions if one.kind is QuestionKind.SPLIT_NAME}

    def about(self, entry: PaperEntry, row: Paper | None) -> None:
        """Note the paper; what is stored there as an answer already is not asked."""
        if row is None:
            return
        self.paper_ids[entry.seed_no] = row.id
        authors = self.stored.names(row.id, PaperRole.AUTHOR)
        for question in self.by_record[entry.seed_no]:
            split = question.kind is QuestionKind.SPLIT_NAME and set(question.proposal) <= set(authors)
            linked = question.kind is QuestionKind.PROJECT_LINK and row.project_url in question.proposal
            if split or linked:
                self.dropped.add(question)

    def saved(self, paper_ids: Mapping[int, int]) -> None:
        self.paper_ids.update(paper_ids)

    def new(self) -> list[ShowcaseQuestion]:
        found: dict[str, ShowcaseQuestion] = {}
        for record, questions in self.by_record.items():
            for question in questions:
                title = self.titles.get(record, "")
                key = fingerprint(question.kind, title, question.name, question.proposal)
                if key in self.before or question in self.dropped or (record and not title):
                    continue
                found[key] = ShowcaseQuestion(
                    kind=question.kind,
                    paper_id=self.paper_ids.get(record),
                    name=question.name,
                    proposal=list(question.proposal),
                    basis=question.basis,
                    confidence=question.confidence,
                    fingerprint=key,
                    answer=QuestionAnswer.OPEN,
                )
        return list(found.values())


def _record_run(
    session: Session, report: ImportReport, reading: Reading, now: datetime, actor: Actor, source: str
) -> None:
    counts = {outcome: report.count(outcome) for outcome in (CREATED, CHANGED, UNCHANGED)}
    run = ImportRun(
        kind=reading.source,
        source=source[-200:],
        digest=hashlib.sha256(repr((reading.entries, reading.notes)).encode()).hexdigest(),
        dry_run=False,
        actor_id=actor.person_id,
        counts=counts,
        notes=list(reading.notes),
        finished_at=now,
    )
    session.add(run)
    session.flush()
    session.add_all(
        ImportIssue(
            import_run_id=run.id,
            line=finding.line,
            column=finding.column,
            code=finding.code,
            severity=finding.severity.value,
            record=str(finding.record),
            seen=finding.seen,
            done=finding.done,
        )
        for finding in reading.findings
    )
    audit.record(
        session, actor, "showcase.import", now, subject_type="import_run", subject_id=run.id, detail=dict(counts)
    )
