"""Small instances of who reads what, and every plan there is for one: the measure of the algorithms."""

from __future__ import annotations

from itertools import combinations, product
from math import fsum
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from matsapply.rules.auction import BARRED, Sale
from matsapply.rules.exchange import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

Readers = tuple[tuple[int, ...], ...]


@st.composite
def tasks(draw: st.DrawFn, *, least: bool = False, roomy: bool = False) -> Task:
    """Up to 4 × 4, in eighths, so that two plans are equally good or differ by an eighth at least."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    eighths = st.integers(0, 8).map(lambda number: number / 8)
    value = eighths if roomy else st.one_of(st.just(BARRED), eighths)
    room = [draw(st.integers(2 if roomy else 0, 3)) for _ in range(columns)]
    return Task(
        [[draw(value) for _ in range(columns)] for _ in range(rows)],
        [draw(st.integers(0, 2)) for _ in range(rows)],
        room,
        [draw(st.integers(0, min(2, most))) if least else 0 for most in room],
    )


def total(task: Task, readers: Readers) -> float:
    return fsum(row[column] for row, columns in zip(task.values, readers, strict=True) for column in columns)


def served(task: Task, readers: Readers) -> list[float]:
    return [fsum(row[column] for column in columns) for row, columns in zip(task.values, readers, strict=True)]


def loads(task: Task, readers: Readers) -> list[int]:
    return [sum(column in columns for columns in readers) for column in range(len(task.room))]


def lacking(task: Task, readers: Readers) -> int:
    return sum(number - len(columns) for number, columns in zip(task.wanted, readers, strict=True))


def idle(task: Task, readers: Readers) -> int:
    """By how much columns stay below their least."""
    return sum(max(0, least - load) for least, load in zip(task.least, loads(task, readers), strict=True))


def every(task: Task) -> list[Readers]:
    """Every way to give rows no more columns than they want, within the room there is."""
    choices = []
    for row, number in zip(task.values, task.wanted, strict=True):
        free = [column for column, value in enumerate(row) if value > BARRED]
        choices.append([picked for size in range(number + 1) for picked in combinations(free, size)])
    return [picked for picked in product(*choices) if _fits(task, picked)]


def _fits(task: Task, readers: Sequence[tuple[int, ...]]) -> bool:
    return all(load <= most for load, most in zip(loads(task, tuple(readers)), task.room, strict=True))


def sound(task: Task, sale: Sale) -> None:
    for row, number, columns in zip(task.values, task.wanted, sale.readers, strict=True):
        assert len(set(columns)) == len(columns) <= number
        assert all(row[column] > BARRED for column in columns)
    assert _fits(task, sale.readers)
