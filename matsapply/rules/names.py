"""Names and titles folded for comparison and for addresses. The name itself is always kept as it was given."""

from __future__ import annotations

import re
import unicodedata

# Letters that do not decompose into a base letter and a mark.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})
_SPACES = re.compile(r"\s+")
_NOT_ADDRESS = re.compile(r"[^a-z0-9]+")
SLUG_LENGTH = 80


def folded(text: str) -> str:
    """``text`` without accents, letter case and surplus blanks: ``Iván  Arcuschin`` becomes ``ivan arcuschin``."""
    if text.isascii():
        return _SPACES.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    base = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return _SPACES.sub(" ", base.translate(_LETTERS)).strip()


def slug(text: str, taken: frozenset[str] | set[str] = frozenset(), fallback: str = "paper") -> str:
    """A short part of an address for ``text`` that is not in ``taken``; ``fallback`` where nothing of it is left."""
    words = _NOT_ADDRESS.sub("-", folded(text)).strip("-")
    if len(words) > SLUG_LENGTH:
        words = words[:SLUG_LENGTH].rpartition("-")[0] or words[:SLUG_LENGTH]
    words = words or fallback
    found, number = words, 1
    while found in taken:
        number += 1
        found = f"{words}-{number}"
    return found
