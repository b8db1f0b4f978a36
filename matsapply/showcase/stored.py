"""The showcase as it is stored, read once: to find a paper again, to compare it, and to write single ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from matsapply.rules.names import folded, slug
from matsapply.rules.showcase import LinkConfidence, PaperRole
from matsapply.showcase.file import FellowLink
from matsapply.showcase.models import Fellow, Paper, PaperPerson, PaperStream
from matsapply.showcase.searching import abstract_words
from matsapply.showcase.stream_papers import set_streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from matsapply.showcase.file import PaperEntry


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose stored value is not the file's."""

    field: str
    stored: str
    given: str


# Parts of an address that are pages of their own.
RESERVED_SLUGS = frozenset({"fellows", "map", "papers", "feed", "import", "questions", "link", "links"})

# The columns of a paper that a file can give, by the names of its fields.
_COLUMNS = {
    "title": "title",
    "summary": "summary",
    "published": "published",
    "arxiv_id": "arxiv_id",
    "url": "url",
    "project_url": "project_url",
    "topic": "topic",
    "track": "track_key",
    "cohort": "cohort_key",
}


class StoredShowcase:
    """Every paper with its people and streams, by id, address and title."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.papers = list(session.scalars(sa.select(Paper).options(undefer(Paper.abstract_words))))
        self.people: dict[int, list[PaperPerson]] = defaultdict(list)
        for person in session.scalars(sa.select(PaperPerson).order_by(PaperPerson.position)):
            self.people[person.paper_id].append(person)
        self.streams: dict[int, list[str]] = defaultdict(list)
        for paper_id, key in session.execute(
            sa.select(PaperStream.paper_id, PaperStream.stream_key).order_by(PaperStream.position, PaperStream.id)
        ):
            self.streams[paper_id].append(key)
        self.fellows: dict[str, list[int]] = defaultdict(list)
        for key, name, aliases in session.execute(
            sa.select(Fellow.id, Fellow.name, Fellow.aliases).order_by(Fellow.id)
        ):
            for known_as in {name, *aliases}:
                self.fellows[known_as].append(key)
        self.slugs = {paper.slug for paper in self.papers} | RESERVED_SLUGS
        self.fellow_slugs = set(session.scalars(sa.select(Fellow.slug)))
        self.by_arxiv = {paper.arxiv_id: paper for paper in self.papers if paper.arxiv_id}
        self.by_url = {paper.url: paper for paper in self.papers if paper.url}
        self.by_title = {folded(title): paper for paper in self.papers for title in (*paper.other_titles, paper.title)}
        self.by_people = {(paper.published, self.names(paper.id, PaperRole.AUTHOR)): paper for paper in self.papers}

    def find(self, entry: PaperEntry) -> Paper | None:
        """The stored paper that ``entry`` is: by id, else address, else title, else the same day and authors."""
        if entry.arxiv_id is not None and (row := self.by_arxiv.get(entry.arxiv_id)):
            return row
        found = [self.by_url.get(entry.url), self.by_title.get(folded(entry.title))]
        if "arxiv_id" not in entry.given:
            found.append(self.by_people.get((entry.published, entry.authors)))
        for row in found:
            # Two different ids are two papers, whatever their titles say.
            if row is not None and (row.arxiv_id is None or entry.arxiv_id is None):
                return row
        return None

    def names(self, paper_id: int, role: PaperRole) -> tuple[str, ...]:
        return tuple(person.name for person in self.people[paper_id] if person.role is role)

    # --- comparing ----------------------------------------------------------------------------------------------

    def settled(self, row: Paper, entry: PaperEntry, splits: Mapping[str, tuple[str, ...]]) -> PaperEntry:
        """``entry`` with what is settled in the stored paper already: a name that may be several people (``splits``)
        and stands there as several, a link that was confirmed or made with more certainty."""
        stored = self.names(row.id, PaperRole.AUTHOR)
        several = tuple(part for name in entry.authors for part in splits.get(name, (name,)))
        people = [person for person in self.people[row.id] if person.role is PaperRole.FELLOW]
        links = {person.name: person for person in people}
        fellows = tuple(_surer(links.get(link.name), link) for link in entry.fellows)
        if "fellows" not in entry.given:
            fellows = tuple(_link_of(person) for person in people)
        return replace(entry, authors=several if several == stored else entry.authors, fellows=fellows)

    def differences(self, row: Paper, entry: PaperEntry) -> tuple[Difference, ...]:
        """What a settled ``entry`` says otherwise than the stored paper."""
        pairs: list[tuple[str, Any, Any]] = [
            (column, getattr(row, column), getattr(entry, name))
            for name, column in _COLUMNS.items()
            if name in entry.given and not (name == "title" and entry.title in row.other_titles)
        ]
        people = [person for person in self.people[row.id] if person.role is PaperRole.FELLOW]
        # A reason in other words is the same link.
        fellows = tuple(replace(_link_of(person), basis="") for person in people)
        given = tuple(replace(link, basis="") for link in entry.fellows)
        pairs += [("authors", self.names(row.id, PaperRole.AUTHOR), entry.authors), ("fellows", fellows, given)]
        if "streams" in entry.given:
            pairs.append(("streams", tuple(self.streams[row.id]), entry.streams))
        found = [Difference(name, told(was), told(given)) for name, was, given in pairs if was != given]
        if "abstract" in entry.given and (words := abstract_words(entry.abstract)) != row.abstract_words:
            found.append(Difference("abstract", _words_told(row.abstract_words), _words_told(words)))
        return tuple(found)

    # --- writing ------------------------------------------------------------------------------------------------

    def save(self, pairs: Iterable[tuple[Paper | None, PaperEntry]]) -> list[int]:
        """Write each entry as a new paper, or over the row it is given with; the keys in the same order."""
        pairs = list(pairs)
        rows = []
        for row, entry in pairs:
            if row is None:
                row = Paper(slug=slug(entry.title, self.slugs), position=entry.seed_no, **_all_values(entry))
                self.slugs.add(row.slug)
                self.session.add(row)
            else:
                self._overwrite(row, entry)
            rows.append(row)
        self.session.flush()
        people: list[dict[str, Any]] = []
        streams: list[dict[str, Any]] = []
        self._add_fellows(pairs)
        for row, (before, entry) in zip(rows, pairs, strict=True):
            people += self._people_of(row.id, entry)
            if before is None and "streams" in entry.given:
                streams += [
                    {"paper_id": row.id, "stream_key": key, "position": position}
                    for position, key in enumerate(entry.streams, 1)
                ]
        for model, values in ((PaperPerson, people), (PaperStream, streams)):
            if values:
                self.session.execute(sa.insert(model), values)
        return [row.id for row in rows]

    def _overwrite(self, row: Paper, entry: PaperEntry) -> None:
        title = row.title
        for name, column in _COLUMNS.items():
            if name in entry.given:
                setattr(row, column, getattr(entry, name))
        if row.title != title:
            row.other_titles = [*(other for other in row.other_titles if other != row.title), title]
        if "abstract" in entry.given:
            row.abstract_words = abstract_words(entry.abstract)
        self.session.execute(sa.delete(PaperPerson).where(PaperPerson.paper_id == row.id))
        if "streams" in entry.given:
            set_streams(self.session, row.id, entry.streams)

    def _add_fellows(self, pairs: Iterable[tuple[Paper | None, PaperEntry]]) -> None:
        """An entry for each fellow's name that has none. Two people of one name are never told apart by this, so a
        name that two entries have gets one of its own."""
        new: dict[str, Fellow] = {}
        for row, entry in pairs:
            before = self._fellows_before(row)
            for link in entry.fellows:
                if link.name in before or len(self.fellows[link.name]) == 1 or link.name in new:
                    continue
                fellow = Fellow(slug=slug(link.name, self.fellow_slugs, "fellow"), name=link.name)
                self.fellow_slugs.add(fellow.slug)
                new[link.name] = fellow
        self.session.add_all(new.values())
        self.session.flush()
        for name, fellow in new.items():
            self.fellows[name] = [fellow.id]

    def _fellows_before(self, row: Paper | None) -> dict[str, int]:
        people = self.people[row.id] if row is not None else ()
        return {person.name: person.fellow_id for person in people if person.fellow_id is not None}

    def _people_of(self, paper_id: int, entry: PaperEntry) -> list[dict[str, Any]]:
        before = {person.name: person.fellow_id for person in self.people[paper_id] if person.fellow_id is not None}
        plain = {"fellow_id": None, "linked_author": "", "link_basis": "", "link_confidence": None}
        found: list[dict[str, Any]] = [
            {"role": PaperRole.AUTHOR, "position": position, "name": name, **plain}
            for position, name in enumerate(entry.authors, 1)
        ]
        found += [
            {
                "role": PaperRole.FELLOW,
                "position": position,
                "name": link.name,
                "fellow_id": before.get(link.name) or self.fellows[link.name][-1],
                "linked_author": link.author,
                "link_basis": link.basis[:120],
                "link_confidence": link.confidence,
            }
            for position, link in enumerate(entry.fellows, 1)
        ]
        return [{"paper_id": paper_id, "folded_name": folded(row["name"])[:200], **row} for row in found]


def _link_of(person: PaperPerson) -> FellowLink:
    confidence = person.link_confidence or LinkConfidence.TO_CONFIRM
    return FellowLink(person.name, person.linked_author, person.link_basis, confidence)


_SURENESS = {LinkConfidence.TO_CONFIRM: 0, LinkConfidence.HIGH: 1, LinkConfidence.CERTAIN: 2}


def _surer(person: PaperPerson | None, link: FellowLink) -> FellowLink:
    """The stored link where it is the same and surer than the file's, or certain where the file only asks."""
    if person is None or person.link_confidence is None:
        return link
    settled = person.link_confidence is LinkConfidence.CERTAIN and link.confidence is LinkConfidence.TO_CONFIRM
    if person.linked_author != link.author and not settled:
        return link
    if _SURENESS[person.link_confidence] <= _SURENESS[link.confidence]:
        return link
    return FellowLink(link.name, person.linked_author, person.link_basis, person.link_confidence)


def _all_values(entry: PaperEntry) -> dict[str, Any]:
    values = {column: getattr(entry, name) for name, column in _COLUMNS.items()}
    return values | {"abstract_words": abstract_words(entry.abstract)}


def _words_told(words: str) -> str:
    return f"{len(words.split())} distinct words" if words else "none"


def told(value: Any) -> str:
    """A stored or given value in words."""
    match value:
        case tuple():
            return ", ".join(_link_told(item) for item in value) or "none"
        case date():
            return value.isoformat()
        case None | "":
            return "none"
    return str(value)


def _link_told(item: Any) -> str:
    if not isinstance(item, FellowLink):
        return str(item)
    if item.author in ("", item.name):
        return item.name
    return f"{item.name} ({item.author}{', to be confirmed' if item.confidence is LinkConfidence.TO_CONFIRM else ''})"
