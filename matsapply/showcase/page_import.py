"""The programme's page as entries: names looked at, fellows linked to authors, abstracts checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from matsapply.rules.names import folded
from matsapply.rules.people_names import link_fellow, possible_split, same_person_pairs
from matsapply.rules.showcase import LinkConfidence, QuestionKind
from matsapply.showcase.file import FellowLink, PaperEntry
from matsapply.showcase.findings import Finding, FindingCode, Question, Severity
from matsapply.showcase.page import PageRecord, read_page
from matsapply.showcase.reading import Known, Reading, answer_key, link_findings, revision_finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matsapply.showcase.page import Name

GIVEN = frozenset({"title", "authors", "fellows", "published", "abstract"})
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"']+[^\s<>\"'.,;:)\]]")
_ENDS_WITH_ADDRESS = re.compile(r"(?:(?:https?://|www\.)\S+|\S+\.(?:com|org|net|io|ai|edu)(?:/\S*)?)\s*$")
_ENDS = re.compile(r"[.!?…][\"'’”)\]]*\s*$")
# A quotation mark with a word on both sides, and a plural's apostrophe with the next word on it.
_LOST_BLANK = re.compile(r"[\w,]\"(?=\w)|(?<=[a-z]{2}s)'(?=[a-z]{2})")
_LATEX = re.compile(r"\\[A-Za-z]+\{|``|\$[^$\s][^$]{0,80}[\\^_][^$]{0,80}\$")


def read(text: str, known: Known) -> Reading:
    """Read the page; never raises."""
    page = read_page(text)
    work = _Work(known, page.records)
    entries = [work.entry(record) for record in page.records]
    work.look_for_aliases(page.records)
    work.look_for_repeats(page.records)
    findings = sorted((*page.findings, *work.findings), key=lambda finding: (finding.line, finding.column))
    return Reading(
        source="page",
        entries=() if page.broken else tuple(entries),
        findings=tuple(findings),
        questions=tuple(work.questions),
        notes=page.notes,
        read=page.read,
        rejected=page.read if page.broken else page.rejected,
        empty_items=page.empty_items,
        broken=page.broken,
    )


class _Work:
    def __init__(self, known: Known, records: Iterable[PageRecord]) -> None:
        self.known = known
        # A name that cannot be two people vouches for its parts elsewhere.
        names = {name.text for record in records for name in (*record.authors, *record.fellows)}
        self.names = known.names | {name for name in names if not possible_split(name, ())}
        self.findings: list[Finding] = []
        self.questions: list[Question] = []
        self.linked: set[frozenset[str]] = set()

    def say(
        self, line: int, column: int, code: FindingCode, severity: Severity, record: int, seen: str, done: str
    ) -> None:
        self.findings.append(Finding(line, column, code, severity, record, seen, done))

    def entry(self, record: PageRecord) -> PaperEntry:
        title = folded(record.title)
        authors = self.people(record.authors, record.authors_line, record.number, title)
        fellows = self.people(record.fellows, record.fellows_line, record.number, title)
        exact = set(authors) & set(fellows)
        columns = {name.text: name.column for name in record.fellows}
        links = []
        for fellow in fellows:
            link = self.link(fellow, authors, exact, title)
            links.append(link)
            column = columns.get(fellow, 1)
            self.findings += link_findings(link, record.fellows_line, column, record.number)
            if link.confidence is LinkConfidence.TO_CONFIRM:
                proposal = (link.author,) if link.author else ()
                self.questions.append(
                    Question(QuestionKind.FELLOW_LINK, record.number, fellow, proposal, link.basis, link.confidence)
                )
        self.look_at_abstract(record)
        arxiv_id = self.known.arxiv_ids.get(title)
        if arxiv_id and (found := revision_finding(record.date_line, record.number, record.published, arxiv_id)):
            self.findings.append(found)
        return PaperEntry(
            title=record.title,
            summary="",
            authors=tuple(authors),
            fellows=tuple(links),
            published=record.published,
            arxiv_id=None,
            url="",
            topic="",
            track="",
            streams=(),
            seed_no=record.number,
            line=record.line,
            abstract=record.abstract,
            given=GIVEN,
        )

    def people(self, names: Iterable[Name], line: int, record: int, title: str) -> list[str]:
        """The names, each as one person unless a person has said that it is several."""
        found: list[str] = []
        for name in names:
            said = self.known.answers.get(answer_key(QuestionKind.SPLIT_NAME, title, name.text))
            if said is not None:
                found += said[1] if said[0] else (name.text,)
                continue
            found.append(name.text)
            if parts := possible_split(name.text, self.names):
                words = len(name.text.split())
                seen = f"{name.text}: a name with {words} words, possible missing comma"
                done = f"kept as one name; {' | '.join(parts)}? a person has to say"
                self.say(line, name.column, FindingCode.MISSING_COMMA, Severity.WARNING, record, seen, done)
                basis = "each part is a known name" if set(parts) <= self.names else "two words each"
                self.questions.append(Question(QuestionKind.SPLIT_NAME, record, name.text, parts, basis))
        return found

    def link(self, fellow: str, authors: list[str], exact: set[str], title: str) -> FellowLink:
        said = self.known.answers.get(answer_key(QuestionKind.FELLOW_LINK, title, fellow))
        if said is not None:
            author = said[1][0] if said[0] and said[1] else ""
            if not author or author in authors:
                basis = "a person confirmed it" if author else "a person said: no author of it"
                return FellowLink(fellow, author, basis, LinkConfidence.CERTAIN)
        found = link_fellow(fellow, authors, exact)
        if found.author and found.author != fellow:
            self.linked.add(frozenset({fellow, found.author}))
        return FellowLink(fellow, found.author, found.basis, found.confidence)

    def look_at_abstract(self, record: PageRecord) -> None:
        text, line = record.abstract, record.abstract_line
        if not _ENDS.search(text) and not _ENDS_WITH_ADDRESS.search(text):
            seen = f"text ends without a full stop: …{text[-30:]}"
            done = "searched as it is; cut off?"
            self.say(line, len(text), FindingCode.ABSTRACT_CUT, Severity.WARNING, record.number, seen, done)
        if lost := len(_LOST_BLANK.findall(text)):
            seen = f"a blank lost at a quotation mark or an apostrophe, {lost} ×"
            first = _LOST_BLANK.search(text)
            column = first.start() + 1 if first else 1
            self.say(line, column, FindingCode.LOST_BLANKS, Severity.INFORMATION, record.number, seen, "not repaired")
        if marks := _LATEX.findall(text):
            seen = f"LaTeX in the text: {' '.join(dict.fromkeys(marks))}"[:80]
            self.say(line, 1, FindingCode.MARKUP, Severity.INFORMATION, record.number, seen, "read as plain text")
        for match in _ADDRESS.finditer(text):
            self.offer_address(match[0], line, match.start() + 1, record)

    def offer_address(self, shown: str, line: int, column: int, record: PageRecord) -> None:
        address = shown if "://" in shown else f"https://{shown}"
        done = "a project link only if a person says so"
        self.say(line, column, FindingCode.WEB_ADDRESS, Severity.INFORMATION, record.number, shown, done)
        if answer_key(QuestionKind.PROJECT_LINK, folded(record.title), record.title) not in self.known.answers:
            basis = "in the abstract" if address == shown else "in the abstract, without https://"
            question = Question(QuestionKind.PROJECT_LINK, record.number, record.title[:500], (address[:500],), basis)
            self.questions.append(question)

    def look_for_aliases(self, records: Iterable[PageRecord]) -> None:
        """Two spellings of what may be one person on different papers: told, asked, never merged here."""
        first: dict[str, tuple[int, int, int]] = {}
        papers: dict[str, set[int]] = {}
        for record in records:
            parts = ((record.authors_line, record.authors), (record.fellows_line, record.fellows))
            for line, names in parts:
                for name in names:
                    first.setdefault(name.text, (line, name.column, record.number))
                    papers.setdefault(name.text, set()).add(record.number)
        for pair in same_person_pairs(first, self.known.full_names):
            key = answer_key(QuestionKind.SAME_PERSON, "", pair.one, (pair.other,))
            # On one paper both names are linked there, or are two people.
            apart = not papers[pair.one] & papers[pair.other]
            if key in self.known.answers or frozenset({pair.one, pair.other}) in self.linked or not apart:
                continue
            line, column, record_number = max(first[pair.one], first[pair.other])
            seen = f"{pair.one} / {pair.other}: {pair.basis}"
            done = "kept apart; one person? a person may say"
            self.say(line, column, FindingCode.POSSIBLE_ALIAS, Severity.INFORMATION, record_number, seen, done)
            self.questions.append(Question(QuestionKind.SAME_PERSON, 0, pair.one, (pair.other,), pair.basis))

    def look_for_repeats(self, records: Iterable[PageRecord]) -> None:
        seen_at: dict[str, PageRecord] = {}
        for record in records:
            before = seen_at.setdefault(folded(record.title), record)
            if before is not record:
                seen = f"the same title as no. {before.number} on line {before.line}"
                done = "compared with it, not added twice"
                self.say(record.line, 1, FindingCode.REPEATED_PAPER, Severity.WARNING, record.number, seen, done)
