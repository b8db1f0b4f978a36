"""How well a reviewer suits an application: the tracks they can judge, and what they wish for. From 0 to 1.

The weights are this project's own. A track weighs most, since a reading by somebody who does not know the field is the
one that helps least; the wishes decide among those who do.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

TRACK, LANGUAGE, ZONE = 0.7, 0.15, 0.15
FURTHER_TRACK = 0.6  # of what one's first track counts
ANY_TRACK = 0.8  # a reviewer without named tracks reads all of them, and none as well as somebody who named it
HALF_A_DAY = 12.0
# Among equals a lot decides, so small that it never outweighs a wish, and the same for the same seed.
LOT = 1e-3


@dataclass(frozen=True, slots=True)
class Wants:
    """An application: its tracks in the applicant's order, the applicant's language and hours ahead of UTC."""

    tracks: tuple[str, ...]
    language: str = ""
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Reads:
    """A reviewer: the tracks they can judge (empty: all), the languages they wish for (empty: any), and their offset
    from UTC in hours where they wish for applicants near it (None: anywhere)."""

    tracks: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    offset: float | None = None


def affinity(wants: Wants, reads: Reads) -> float:
    """The worth of one reading."""
    language = 1.0 if not reads.languages or wants.language in reads.languages else 0.0
    zone = 1.0 if reads.offset is None else 1.0 - hours_apart(wants.offset, reads.offset) / HALF_A_DAY
    return TRACK * _track(wants, reads) + LANGUAGE * language + ZONE * zone


def _track(wants: Wants, reads: Reads) -> float:
    if not reads.tracks:
        return ANY_TRACK
    if wants.tracks and wants.tracks[0] in reads.tracks:
        return 1.0
    return FURTHER_TRACK if not reads.tracks.isdisjoint(wants.tracks) else 0.0


def hours_apart(one: float, other: float) -> float:
    """The hours between two offsets from UTC, the short way round the day: 0 to 12."""
    apart = abs(one - other) % 24.0
    return min(apart, 24.0 - apart)


def by_lot(seed: int, application: int, reviewer: int) -> float:
    """A share of ``LOT`` that looks random and is the same for the same three numbers."""
    return LOT * crc32(f"{seed}:{application}:{reviewer}".encode()) / 2**32
