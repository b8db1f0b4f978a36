"""Names compared: which author a fellow is, which two names may be one person, where a comma is missing.

Nothing here splits a name into first and last, and nothing decides alone what a person has to: what is not certain
says so, with its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from matsapply.rules.names import folded
from matsapply.rules.showcase import LinkConfidence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_BRACKETED = re.compile(r"\s*\(([^()]+)\)\s*")
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})
# Given names and their usual short forms; each line is one family of names.
_SHORT_FORMS = """
alexander alexandra alex sasha|anthony tony|benjamin ben|charles charlie|christopher chris|daniel dan danny|david dave
edward ed eddie|elizabeth liz beth|frederick fred|gregory greg|jacob jake|james jim jimmy|jeffrey jeff|john jack johnny
jonathan jon|joseph joe|joshua josh|katherine catherine kate katie|lawrence larry|leonard leo|margaret maggie
matthew matt|michael mike mick|nathaniel nathan nate|nicholas nick|oliver ollie|patricia pat|peter pete|philip phil
rebecca becca|richard rick|robert rob bob|ronald ron|samuel sam|stephen steven steve|theodore ted|thomas tom tommy
timothy tim|victoria vicky|vincent vince|william will bill|zachary zac zach
"""
_FAMILY_OF: dict[str, frozenset[str]] = {
    name: frozenset(family.split())
    for family in _SHORT_FORMS.replace("\n", "|").split("|")
    if family.strip()
    for name in family.split()
}


@dataclass(frozen=True, slots=True)
class NameLink:
    """The author a fellow is taken to be; empty where none fits or several do."""

    author: str
    basis: str
    confidence: LinkConfidence


@dataclass(frozen=True, slots=True)
class SamePerson:
    """Two names that may be one person's."""

    one: str
    other: str
    basis: str


def listed(text: str) -> list[tuple[int, str]]:
    """The names of a line with commas, each with where it begins (from 0); an empty name where two commas meet."""
    found: list[tuple[int, str]] = []
    position = 0
    for part in text.split(","):
        name = part.strip()
        start = position + len(part) - len(part.lstrip())
        position += len(part) + 1
        if name.startswith("and "):
            start, name = start + 4, name[4:].strip()
        if found and folded(name) in _SUFFIXES:
            before, person = found[-1]
            found[-1] = (before, f"{person}, {name}")
        else:
            found.append((start, name))
    return found


def _is_initial(word: str) -> bool:
    return len(word.rstrip(".")) == 1


def _words(name: str) -> tuple[str, ...]:
    """The folded words of a name without initials."""
    return tuple(word for word in folded(name).split() if not _is_initial(word))


def _used_forms(name: str) -> tuple[str, ...]:
    """``Kajetan (Jett) Janiak``: with the used name in place of the legal ones, and without it."""
    match = _BRACKETED.search(name)
    if match is None:
        return ()
    family = name[match.end() :].strip()
    return f"{match[1]} {family}".strip(), f"{name[: match.start()].strip()} {family}".strip()


def possible_split(name: str, known: Collection[str]) -> tuple[str, ...]:
    """The people that ``name`` would be if commas were missing; empty where it reads as one person.

    ``known`` are names that are one person for sure: a name among them is not split, and cuts follow them where they
    can. Words in small letters belong to the name (``van der``), and so do initials.
    """
    if name in known or "(" in name:
        return ()
    words = name.split()
    counting = [index for index, word in enumerate(words) if word[:1].isupper() and not _is_initial(word)]
    if len(counting) < 4:
        return ()
    for cut in range(2, len(words) - 1):
        parts = " ".join(words[:cut]), " ".join(words[cut:])
        if all(part in known for part in parts):
            return parts
    # Two counting words a person: a cut before every second one, and before nothing that a small word leads.
    starts = [0]
    for index in counting[2::2]:
        begin = index
        while begin - 1 > starts[-1] and words[begin - 1][:1].islower():
            begin -= 1
        starts.append(begin)
    if len(counting) % 2:
        starts.pop()
    return tuple(" ".join(words[a:b]) for a, b in zip(starts, [*starts[1:], len(words)], strict=True))


def link_fellow(fellow: str, authors: Sequence[str], taken: Collection[str] = ()) -> NameLink:
    """Which of ``authors`` the fellow is. ``taken`` are authors that are other fellows by their full names."""
    if fellow in authors:
        return NameLink(fellow, "exact", LinkConfidence.CERTAIN)
    free = [author for author in authors if author not in taken]
    matches = [(author, basis) for author in free if (basis := _sure_basis(fellow, author))]
    if len(matches) == 1:
        return NameLink(*matches[0], LinkConfidence.HIGH)
    if matches:
        return NameLink("", f"{len(matches)} authors fit", LinkConfidence.TO_CONFIRM)
    words = _words(fellow)
    family = words[-1] if words else ""
    same_family = [author for author in free if family and _words(author)[-1:] == (family,)]
    if len(same_family) == 1:
        shown = fellow.split()[-1]
        basis = f"different given name; the only {shown} in the list"
        if words[0] in _FAMILY_OF.get(_words(same_family[0])[0], ()):
            basis = "short form of the given name"
        return NameLink(same_family[0], basis, LinkConfidence.TO_CONFIRM)
    basis = f"{len(same_family)} authors share the family name" if same_family else "no author has this name"
    return NameLink("", basis, LinkConfidence.TO_CONFIRM)


def _sure_basis(fellow: str, author: str) -> str:
    """Why the two names are one with high confidence; empty where they are not."""
    if folded(fellow) == folded(author):
        return "accents or letter case differ"
    for one, other in ((fellow, author), (author, fellow)):
        used = _used_forms(one)
        if used and folded(used[0]) == folded(other):
            return "legal first name with the used name in brackets"
        if used and folded(used[1]) == folded(other):
            return "used name in brackets added"
    mine, theirs = _words(fellow), _words(author)
    if len(mine) < 2 or len(theirs) < 2 or mine[0] != theirs[0]:
        return ""
    if mine == theirs:
        dropped = len(folded(fellow).split()) < len(folded(author).split())
        return "middle initial dropped" if dropped else "middle initial added"
    longer, shorter, verb = (mine, theirs, "added") if len(mine) > len(theirs) else (theirs, mine, "left out")
    if len(longer) == len(shorter):
        return ""
    if longer[: len(shorter)] == shorter:
        return f"second family name {verb}"
    if longer[-1] == shorter[-1] and _in_order(shorter, longer):
        return f"inner family name {verb}"
    return ""


def _in_order(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)


def same_person_pairs(names: Iterable[str], known: Iterable[str] = ()) -> tuple[SamePerson, ...]:
    """Pairs of ``names`` that a person should look at. ``known`` are full names from elsewhere: two names that are
    both parts of one of them are a pair (``Ann Berg`` and ``Ann Lind`` of ``Ann Berg Lind``)."""
    buckets: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        for key in _bucket_keys(name):
            buckets.setdefault(key, []).append(name)
    pairs: dict[tuple[str, str], str] = {}
    for bucket in buckets.values():
        for one, other in combinations(bucket, 2):
            if basis := _sure_basis(one, other) or _short_form_basis(one, other):
                pairs[one, other] = basis
    for full in known:
        for one, other in combinations(sorted(_parts_among(full, buckets)), 2):
            pairs.setdefault((one, other), f"both are parts of the known name {full}")
    return tuple(SamePerson(one, other, basis) for (one, other), basis in sorted(pairs.items()))


def _bucket_keys(name: str) -> set[str]:
    """Two names are compared only where they share one of these, so that thousands of names stay quick."""
    words = _words(name)
    keys = {folded(form) for form in (name, *_used_forms(name))} | {" ".join(words)}
    if len(words) > 1:
        keys |= {f"{words[0]} … {words[-1]}", f"{words[0]} {words[1]} …"}
        if family := _FAMILY_OF.get(words[0]):
            keys.add(" ".join((min(family), *words[1:])))
    return keys


def _parts_among(full: str, buckets: dict[str, list[str]]) -> set[str]:
    """The names in ``buckets`` that are shorter forms of ``full``, which has three words or more."""
    whole = _words(full)
    found: set[str] = set()
    if 3 <= len(whole) <= 6:
        for size in range(1, len(whole) - 1):
            for rest in combinations(whole[1:], size):
                wanted = (whole[0], *rest)
                found |= {name for name in buckets.get(" ".join(wanted), ()) if _words(name) == wanted}
    return found


def _short_form_basis(one: str, other: str) -> str:
    mine, theirs = _words(one), _words(other)
    if len(mine) < 2 or mine[1:] != theirs[1:] or mine[0] == theirs[0]:
        return ""
    return "short form of the given name" if theirs[0] in _FAMILY_OF.get(mine[0], ()) else ""
