"""Applications that several more reviewers share, so that severity can be told from quality.

Scores are compared through the applications two reviewers have both read, or through others in between. Where the
graph of reviewers falls apart, a severe group and a weak pile look the same (``calibration`` says so too).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from matsapply.rules.assignment import Pair


def shared(
    applications: Sequence[int], reviewers: Collection[int], conflicts: Collection[Pair], number: int, seed: int
) -> tuple[int, ...]:
    """The ``number`` applications best read by several more: those that most people may read, by lot among equals."""
    people = set(reviewers)
    barred = Counter(a for a, r in conflicts if r in people)
    chosen = sorted(set(applications), key=lambda a: (barred[a], crc32(f"{seed}:shared:{a}".encode()), a))
    return tuple(sorted(chosen[:number]))


def islands(pairs: Iterable[Pair]) -> list[tuple[int, ...]]:
    """The groups of reviewers tied together by applications they share, the largest first.

    Between two groups nothing tells a severe reviewer from weak applications: one group is what is wanted.
    """
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    first: dict[int, int] = {}
    for application, reviewer in sorted(pairs):
        parent.setdefault(reviewer, reviewer)
        other = first.setdefault(application, reviewer)
        parent[root(reviewer)] = root(other)
    groups: dict[int, list[int]] = {}
    for reviewer in sorted(parent):
        groups.setdefault(root(reviewer), []).append(reviewer)
    return sorted((tuple(group) for group in groups.values()), key=lambda group: (-len(group), group))


def bridges(
    pairs: Collection[Pair],
    anchors: Sequence[int],
    conflicts: Collection[Pair],
    caps: Mapping[int, int],
    loads: Mapping[int, int],
    affinity: Mapping[Pair, float] | None = None,
) -> tuple[Pair, ...]:
    """Further readings that tie all groups of reviewers together, as few as can be: one for each group but the first.

    Each gives an application of the largest group, an anchor where there is one, to a reviewer of another who has room.
    """
    barred, known = set(conflicts), set(pairs)
    room = {reviewer: caps.get(reviewer, 0) - loads.get(reviewer, 0) for reviewer in caps}
    groups = islands(known)
    made: list[Pair] = []
    for group in groups[1:]:
        middle = set(groups[0])
        able = [
            (a not in anchors, -(affinity or {}).get((a, r), 0.0), -room[r], a, r)
            for a in {a for a, r in known if r in middle}
            for r in group
            if (a, r) not in barred and room.get(r, 0) > 0
        ]
        if able:
            *_, application, reviewer = min(able)
            made.append((application, reviewer))
            room[reviewer] -= 1
    return tuple(sorted(made))
