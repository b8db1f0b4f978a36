"""The text that a search looks through, kept beside each paper, and the list of all words for misspelt ones."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from matsapply.rules.names import folded
from matsapply.showcase.models import Fellow, Paper, PaperPerson, SearchWord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.orm import Session

AT_ONCE = 500  # papers read and written in one round; some databases take about a thousand values
LONGEST_WORD = 40
SHORTEST_WORD = 3
_WORD = re.compile(r"[^\W\d_][\w'-]*")
# What people type, and what it means here; one word for one thing on the pages, several in a search.
SYNONYMS = {"scholar": "fellow", "scholars": "fellow", "fellows": "fellow"}


def words_of(text: str) -> set[str]:
    """The folded words of a text, without numbers and very long ones."""
    return {word for word in _WORD.findall(folded(text)) if len(word) <= LONGEST_WORD}


def abstract_words(text: str) -> str:
    """The distinct words of an abstract, sorted: enough to search by, and no text that could be read."""
    return " ".join(sorted(words_of(text)))


def refresh(session: Session, paper_ids: Sequence[int], tell: Callable[[int], None] | None = None) -> None:
    """Write the search text of these papers again; what was changed before has to be flushed. ``tell`` hears how many
    are done, every few hundred."""
    for start in range(0, len(paper_ids), AT_ONCE):
        _refresh(session, paper_ids[start : start + AT_ONCE])
        if tell is not None:
            tell(min(start + AT_ONCE, len(paper_ids)))


def _refresh(session: Session, paper_ids: Sequence[int]) -> None:
    names: dict[int, set[str]] = defaultdict(set)
    found = session.execute(
        sa.select(PaperPerson.paper_id, PaperPerson.name, Fellow.name.label("entry"), Fellow.aliases)
        .outerjoin(Fellow, Fellow.id == PaperPerson.fellow_id)
        .where(PaperPerson.paper_id.in_(paper_ids))
    )
    for paper_id, name, entry, aliases in found:
        names[paper_id] |= {name} if entry is None else {name, entry, *aliases, "fellow"}
    words: set[str] = set()
    papers = session.scalars(sa.select(Paper).where(Paper.id.in_(paper_ids)).options(undefer(Paper.abstract_words)))
    for paper in papers:
        parts = [paper.title, *paper.other_titles, paper.summary, *sorted(names[paper.id])]
        parts += [paper.topic.replace("-", " "), paper.track_key.replace("-", " "), paper.abstract_words]
        paper.search_text = folded(" ".join(parts))
        words |= {word for word in words_of(paper.search_text) if len(word) >= SHORTEST_WORD}
    session.flush()
    _remember(session, words)


def _remember(session: Session, words: Iterable[str]) -> None:
    wanted = sorted(words)
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        known = set(session.scalars(sa.select(SearchWord.word).where(SearchWord.word.in_(part))))
        if new := [{"word": word, "length": len(word)} for word in part if word not in known]:
            session.execute(sa.insert(SearchWord), new)


def meant(session: Session, word: str) -> str:
    """The word of some paper that ``word`` is a misspelling of; empty where it is contained in one, or none is near.

    One letter may be wrong, missing, added or swapped in a word of four to seven letters, two in a longer one.
    """
    allowed = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
    near = session.scalars(
        sa.select(SearchWord.word).where(SearchWord.length.between(len(word) - allowed, LONGEST_WORD))
    ).all()
    if not allowed or any(word in other for other in near):
        return ""
    ranked = sorted(
        (distance, other[:1] != word[:1], other)
        for other in near
        if len(other) <= len(word) + allowed and (distance := letters_apart(word, other, allowed)) <= allowed
    )
    return ranked[0][2] if ranked else ""


def letters_apart(one: str, other: str, most: int) -> int:
    """How many letters are wrong, missing, added or swapped with their neighbour; ``most + 1`` where it is more."""
    if abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, theirs in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and theirs == one[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
