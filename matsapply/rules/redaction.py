"""Where a text names its author or a referee, and the text without it: what a blind reader is given.

Two kinds of mention. A *sure* one (a whole name in any order, an address, a handle, the name of a file) is hidden
always. An *unsure* one (one part of a name, which may be a word like any other) is hidden until somebody of the team
has looked at the answer and decided. Comparison is blind to case, accents and characters that cannot be seen.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HIDDEN = "[hidden]"
ALL_HIDDEN = "[This answer is hidden by the team.]"
LEAST_SURE = 3  # letters of a handle or of a name of one word; shorter ones are found in too many words
LEAST_PART = 2
LEAST_UNBOUNDED = 9  # letters of a name that is found within longer words too
GAP = r"[\W_]{0,3}"  # between the parts of a name: "Ada Lovelace", "ada.lovelace", "Sean O'Brien"
TURNED = r"(?:[._-]|,?\s{0,2})"  # where the last one stands first: "Lovelace, Ada"
# Letters that are no plain one with a mark, as they are typed without a keyboard for them.
PLAIN = {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
# Letters that are also written as two, in both directions: "Müller" and "Mueller".
AS_TWO = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
AS_ONE = re.compile(r"(?<=[aou])e")
LEAST_AS_ONE = 4  # letters of what is left: a "Doe" is not looked for as "Do"
# Parts of names that are never looked for on their own.
PARTICLES = frozenset("al bin da das de del della den der di do dos du el ibn la le of st ter the van von zu".split())
# Of addresses that say nothing about their owner, and of paths on sites where people have pages.
GENERIC = frozenset(
    "about admin app blog co com contact dev docs edu en github gitlab gmail hello home html https in index info io"
    " linkedin mail me medium net org papers pages people profile profiles projects publications scholar site substack"
    " twitter u user users view watch wiki work www x youtube".split()
)
HOSTS_OF_PEOPLE = (
    "github.com",
    "gitlab.com",
    "linkedin.com",
    "twitter.com",
    "x.com",
    "medium.com",
    "huggingface.co",
    "lesswrong.com",
    "alignmentforum.org",
    "youtube.com",
    "kaggle.com",
    "orcid.org",
)
SITES_OF_PEOPLE = (".github.io", ".gitlab.io", ".substack.com", ".medium.com", ".wordpress.com", ".blogspot.com")


@dataclass(frozen=True, slots=True)
class Mention:
    """``text[start:end]`` names somebody; ``sure`` where it can be nothing else."""

    start: int
    end: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Redaction:
    """What the team decided on one answer as it stood then: the stretches to hide, or all of it.

    A decision without a stretch is a decision too: nothing in the answer but sure mentions is hidden.
    """

    digest: str
    spans: tuple[tuple[int, int], ...] = ()
    whole: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"digest": self.digest, "spans": [list(span) for span in self.spans], "whole": self.whole}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Redaction:
        return cls(kept["digest"], tuple((int(start), int(end)) for start, end in kept["spans"]), bool(kept["whole"]))


# What to look for in folded text: letters without which there is nothing to find, and the pattern. Few texts hold the
# letters, and only for those is the pattern compiled and run.
Needle = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Everything to look for."""

    sure: tuple[Needle, ...]
    unsure: tuple[Needle, ...]


def names_of(
    names: Iterable[str],
    addresses: Iterable[str] = (),
    links: Iterable[str] = (),
    others: Iterable[str] = (),
) -> Names:
    """``names`` and ``links`` are the author's, ``addresses`` anybody's, ``others`` names looked for as a whole."""
    sure: set[Needle] = set()
    unsure: set[Needle] = set()
    for parts in (spelled for name in names for spelled in _spellings(name)):
        sure |= _whole(parts)
        if len(parts) > 1:
            telling = [part for part in parts if len(part) >= LEAST_PART and part not in PARTICLES]
            unsure |= {(part, _bounded(re.escape(part))) for part in telling}
    for parts in (spelled for name in others for spelled in _spellings(name)):
        sure |= _whole(parts)
    for address in addresses:
        local, _, domain = fold(address.strip())[0].partition("@")
        if local and domain:
            behind = re.escape(f"@{domain}")
            sure.add((local, re.escape(local) + behind))
            if len(local) > LEAST_SURE and local not in GENERIC:
                sure.add((local, f"{_bounded(re.escape(local))}(?:{behind})?"))
    for link in links:
        sure |= {(handle, _bounded(re.escape(handle))) for handle in _handles(link)}
    return Names(tuple(sorted(sure)), tuple(sorted(unsure)))


def find(text: str, names: Names) -> tuple[Mention, ...]:
    """The mentions in their order; what lies within a sure one is not told again."""
    folded, starts = fold(text)
    sure = _merged(_places(names.sure, folded, starts))
    # "will" is a word where "Will" is a name; letters without case are taken as they are.
    unsure = (span for span in _places(names.unsure, folded, starts) if not text[span[0]].islower())
    parts = [span for span in _merged(unsure) if not any(low < span[1] and span[0] < high for low, high in sure)]
    found = [*(Mention(*span, sure=True) for span in sure), *(Mention(*span, sure=False) for span in parts)]
    return tuple(sorted(found, key=lambda each: each.start))


def _places(needles: Iterable[Needle], folded: str, starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    for letters, pattern in needles:
        if letters in folded:
            for match in re.finditer(pattern, folded):
                yield starts[match.start()], starts[match.end()]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches in their order; those that touch or overlap are one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > start:
            out.append((start, end))
    return out


def phrases(text: str, phrase: str) -> tuple[tuple[int, int], ...]:
    """Every place of a phrase in a text, compared as names are."""
    wanted = fold(phrase.strip())[0]
    if not wanted:
        return ()
    folded, starts = fold(text)
    return tuple((starts[each.start()], starts[each.end()]) for each in re.finditer(re.escape(wanted), folded))


def blinded(text: str, names: Names, decided: Redaction | None = None) -> str:
    """The text as a blind reader has it. A decision on another wording than this one does not count."""
    mentions = find(text, names)
    if decided is None or decided.digest != digest_of(text):
        return hide(text, [(each.start, each.end) for each in mentions])
    if decided.whole:
        return ALL_HIDDEN
    return hide(text, [*decided.spans, *((each.start, each.end) for each in mentions if each.sure)])


def blinded_value(value: Any, names: Names) -> Any:
    """The same for an answer that is no plain text: every string within."""
    if isinstance(value, str):
        return blinded(value, names)
    if isinstance(value, list):
        return [blinded_value(each, names) for each in value]
    if isinstance(value, dict):
        return {key: blinded_value(each, names) for key, each in value.items()}
    return value


def hide(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with each stretch replaced by one word that does not tell how long it was."""
    out: list[str] = []
    at = 0
    for start, end in _merged(spans):
        out += [text[at:start], HIDDEN]
        at = end
    return "".join(out) + text[at:]


def digest_of(text: str) -> str:
    """Names one wording of an answer."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fold(text: str) -> tuple[str, Sequence[int]]:
    """The text for comparison, and for each place in it (and its end) the place in the text it comes from."""
    if text.isascii():
        return text.lower(), range(len(text) + 1)
    out: list[str] = []
    starts: list[int] = []
    for place, letter in enumerate(text):
        for each in unicodedata.normalize("NFKD", letter):
            if unicodedata.combining(each) or unicodedata.category(each) == "Cf":
                continue
            for low in each.casefold():
                for plain in PLAIN.get(low, low):
                    out.append(plain)
                    starts.append(place)
    starts.append(len(text))
    return "".join(out), starts


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", fold(name)[0]) if part]


def _spellings(name: str) -> list[list[str]]:
    """The parts of a name as it stands, with its umlauts written as two letters, and with two letters as one."""
    own = _parts(name)
    two = _parts(unicodedata.normalize("NFC", name).casefold().translate(AS_TWO))
    one = [single if len(single := AS_ONE.sub("", part)) >= LEAST_AS_ONE else part for part in own]
    return [own, *(parts for parts in (two, one) if parts != own)]


def _whole(parts: list[str]) -> set[Needle]:
    """A whole name: its parts in their order, the last one first, and the first with the last."""
    if not parts:
        return set()
    if len(parts) == 1:
        (only,) = parts
        if not only.isascii():
            return {(only, re.escape(only))} if len(only) >= LEAST_PART else set()
        return {(only, _bounded(re.escape(only)))} if len(only) >= LEAST_SURE else set()
    escaped = [re.escape(part) for part in parts]
    first, last = escaped[0], escaped[-1]
    patterns = {GAP.join(escaped), first + GAP + last, last + TURNED + GAP.join(escaped[:-1]), last + TURNED + first}
    # "Li An" is in "Italian"; a long name is a name wherever it stands, and some scripts have no words apart.
    short = sum(map(len, parts)) < LEAST_UNBOUNDED and all(part.isascii() for part in parts)
    ends = max(parts[0], parts[-1], key=len)  # every one of the patterns has them
    return {(ends, _bounded(pattern) if short else pattern) for pattern in patterns}


def _handles(link: str) -> set[str]:
    """What a link tells of its owner: the page of a person on a site of many, the person's own site, and itself."""
    folded = re.sub(r"^[a-z]+://", "", fold(link.strip())[0]).removeprefix("www.")
    host, _, path = folded.partition("/")
    found = set()
    for ending in SITES_OF_PEOPLE:
        if host.endswith(ending):
            found.add(host.removesuffix(ending))
    if any(host == site or host.endswith(f".{site}") for site in HOSTS_OF_PEOPLE):
        words = [word.lstrip("@") for word in re.split(r"[/?#&=]", path) if word]
        found.update(word for word in words[:2] if word not in GENERIC)
    found = {handle for handle in found if len(handle) >= LEAST_SURE and handle not in GENERIC}
    # The address itself: one's own site, or a page of one's own somewhere. The name of a site of many tells nothing.
    whole = folded.rstrip("/")
    return found | {whole} if "." in host and (path.strip("/") or host not in HOSTS_OF_PEOPLE) else found


def _bounded(pattern: str) -> str:
    return rf"(?<![^\W_]){pattern}(?![^\W_])"
