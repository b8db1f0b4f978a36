"""arXiv ids: their form, and what the month in them says about a date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

_ID = r"\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7}"
_WHOLE = re.compile(_ID)
_GIVEN = re.compile(rf"(?:arxiv:\s*|https?://(?:[a-z.]+\.)?arxiv\.org/(?:abs|pdf)/)?({_ID})(?:v\d+)?(?:\.pdf)?", re.I)


def is_id(text: str) -> bool:
    """Whether ``text`` is an arXiv id without a version, like 2405.15943 or math.GT/0309136."""
    return len(text) <= 20 and _WHOLE.fullmatch(text) is not None


def id_in(text: str) -> str | None:
    """The id without its version in ``arXiv:2405.15943v2``, in an address of arxiv.org, or alone; else None."""
    match = _GIVEN.fullmatch(text.strip())
    return match[1] if match and is_id(match[1]) else None


def months_apart(published: date, arxiv_id: str) -> int:
    """The months between a date and the month in the id; 0 where that is one or less, or an old id says nothing.

    The id carries the month in which the first version was announced, which may be the one after the date.
    """
    if "/" in arxiv_id or not 1 <= int(arxiv_id[2:4]) <= 12:
        return 0
    year, month = 2000 + int(arxiv_id[:2]), int(arxiv_id[2:4])
    apart = abs((published.year - year) * 12 + published.month - month)
    return apart if apart > 1 else 0
