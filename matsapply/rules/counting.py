"""How the length of an answer is counted: one definition, shared with the browser's counter.

Counting letters and digits only makes the number independent of how people space, punctuate and wrap their text, and
counting after composition (NFC) makes it independent of how their keyboard produces an accent.
"""

from __future__ import annotations

import unicodedata

DEFAULT_TOLERANCE_PERCENT = 5


def counted_length(text: str) -> int:
    """The number of characters of ``text``, composed to NFC, that are letters (category L*) or numbers (N*)."""
    if text.isascii():  # the usual case, and several times faster than asking for each category
        return sum(map(str.isalnum, text))
    category = unicodedata.category
    return sum(category(character)[0] in "LN" for character in unicodedata.normalize("NFC", text))


def most_allowed(limit: int, tolerance_percent: int = DEFAULT_TOLERANCE_PERCENT) -> int:
    """The largest counted length that is still accepted for a stated ``limit``, in whole characters."""
    return limit * (100 + tolerance_percent) // 100


def within_limit(text: str, limit: int | None, tolerance_percent: int = DEFAULT_TOLERANCE_PERCENT) -> bool:
    """Whether ``text`` may be submitted under ``limit`` (None: no limit). Integers only, so no rounding surprises."""
    return limit is None or counted_length(text) <= most_allowed(limit, tolerance_percent)
