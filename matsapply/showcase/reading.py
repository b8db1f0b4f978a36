"""What came out of a file of papers, whatever its format: entries to store, findings to tell, questions to ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from matsapply.rules.arxiv import months_apart
from matsapply.rules.showcase import LinkConfidence, QuestionKind
from matsapply.showcase.findings import Finding, FindingCode, Question, Severity, by_code, counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from matsapply.showcase.file import FellowLink, PaperEntry


@dataclass(frozen=True, slots=True)
class Known:
    """What the showcase knows before a file is read.

    ``names`` are one person each for sure, ``full_names`` are those with parts under which people also publish,
    ``arxiv_ids`` are by folded title, ``answers`` by ``answer_key``: what a person said, and to which proposal.
    """

    names: frozenset[str] = frozenset()
    full_names: tuple[str, ...] = ()
    arxiv_ids: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[tuple[str, str, str], tuple[bool, tuple[str, ...]]] = field(default_factory=dict)


def answer_key(kind: QuestionKind, title: str, name: str, proposal: tuple[str, ...] = ()) -> tuple[str, str, str]:
    """How an answer is found again; ``title`` is folded, and empty where the question is about several papers."""
    return kind.value, title, f"{name} = {proposal[0]}" if kind is QuestionKind.SAME_PERSON else name


@dataclass(frozen=True, slots=True)
class Reading:
    """``entries`` may be stored. ``broken``: the file cannot be trusted and nothing of it may be stored."""

    source: str
    entries: tuple[PaperEntry, ...] = ()
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    read: int = 0
    rejected: int = 0
    empty_items: int = 0
    broken: bool = False

    @property
    def needs_a_person(self) -> bool:
        return self.broken or any(finding.severity is Severity.ERROR for finding in self.findings)

    def asked(self, kind: QuestionKind) -> int:
        return sum(question.kind is kind for question in self.questions)

    @property
    def summary(self) -> str:
        """The first line of the report."""
        warnings = sum(finding.severity is Severity.WARNING for finding in self.findings)
        codes = by_code(self.findings, Severity.WARNING)
        links = [link for entry in self.entries for link in entry.fellows if link.confidence is not _CERTAIN]
        high = sum(link.confidence is LinkConfidence.HIGH for link in links)
        parts = [
            f"{counted(self.read, 'record')} read",
            f"{len(self.entries):,} importable",
            f"{self.rejected:,} rejected",
            counted(warnings, "warning") + (f" ({codes})" if codes else ""),
            f"{counted(len(links), 'fellow link')} proposed"
            + (f" ({high} high, {_persons(len(links) - high)})" if links else ""),
            f"{counted(self.asked(QuestionKind.SPLIT_NAME), 'name')} to split",
        ]
        if self.notes:
            parts.append(f"{counted(len(self.notes), 'trailing line')} kept as notes")
        if self.empty_items:
            parts.append(counted(self.empty_items, "announced-but-empty item"))
        return " · ".join(parts)

    def lines(self) -> list[str]:
        """The whole report: the summary, then a line for each finding."""
        return [self.summary, *(str(finding) for finding in self.findings)]


_CERTAIN = LinkConfidence.CERTAIN


def _persons(number: int) -> str:
    return f"{number} needs a person" if number == 1 else f"{number} need a person"


def revision_finding(line: int, record: int, published: date, arxiv_id: str) -> Finding | None:
    """The id carries the month of the first version; a date far from it is probably that of a revision."""
    apart = months_apart(published, arxiv_id)
    if not apart:
        return None
    seen = f"{published.isoformat()} is {apart} months from arXiv {arxiv_id}: perhaps the date of a revision"
    return Finding(line, 1, FindingCode.REVISION_DATE, Severity.WARNING, record, seen, "the date given is kept")


def link_findings(link: FellowLink, line: int, column: int, record: int) -> list[Finding]:
    """What is told about a fellow's link: nothing where it is certain."""
    if link.confidence is LinkConfidence.CERTAIN:
        return []
    if link.confidence is LinkConfidence.HIGH:
        seen, done = f"{link.name} = {link.author}: {link.basis}", "linked, high confidence"
        return [Finding(line, column, FindingCode.FELLOW_LINKED, Severity.WARNING, record, seen, done)]
    who = f" = {link.author}?" if link.author else ""
    seen = f"{link.name}{who}: {link.basis}"
    return [
        Finding(line, column, FindingCode.LINK_UNSURE, Severity.ERROR, record, seen, "not linked; a person has to say"),
        Finding(
            line, column, FindingCode.FELLOW_UNSURE, Severity.WARNING, record, seen, "paper importable without the link"
        ),
    ]
