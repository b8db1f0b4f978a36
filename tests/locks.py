"""What a piece of work locks on PostgreSQL, and whether that keeps the one order."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = ("application", "stream", "cohort")
LOCKED = re.compile(r"FROM (application|stream|cohort)\b.*FOR UPDATE", re.DOTALL)


@contextmanager
def locks(engine: Any) -> Iterator[list[tuple[str, list[int]]]]:
    """What is locked meanwhile, in order: the table, and the keys its statement locked."""
    taken: list[tuple[str, list[int]]] = []

    def seen(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: Any) -> None:
        if (found := LOCKED.search(statement)) is not None:
            values = parameters.values() if isinstance(parameters, dict) else parameters
            taken.append((found[1], sorted(value for value in values if isinstance(value, int))))

    sa.event.listen(engine, "after_cursor_execute", seen)
    try:
        yield taken
    finally:
        sa.event.remove(engine, "after_cursor_execute", seen)


def in_order(taken: list[tuple[str, list[int]]]) -> bool:
    """Whether no lock was new after one that comes later in the order of tables and keys."""
    held: set[tuple[int, int]] = set()
    for table, keys in taken:
        for key in keys:
            lock = (ORDER.index(table), key)
            if lock not in held and lock < max(held, default=lock):
                return False
            held.add(lock)
    return True
