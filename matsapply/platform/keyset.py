"""Paging by the last row seen, not by counting: as fast on the last page as on the first.

A list has one order: a column (which may be empty, then the row comes last in either direction) and the internal key.
A cursor carries the place of a row in that order; it is opaque to people and checked when it comes back.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.platform.db import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

LARGEST_KEY = 2**63


@dataclass(frozen=True, slots=True)
class Order:
    """``column`` then ``key``, both downwards if ``down``; ``nullable`` where the column may be empty."""

    column: sa.ColumnElement[Any]
    key: sa.ColumnElement[int]
    down: bool = False
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page and the cursors of its neighbours (None where there is none)."""

    rows: tuple[Any, ...]
    next_cursor: str | None
    prev_cursor: str | None


class BadCursor(ValueError):
    """A cursor that is none of ours."""


def page_of(
    session: Session,
    statement: sa.Select[*tuple[Any, ...]],
    order: Order,
    values: Mapping[str, Any] | None = None,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page:
    """One page of ``statement`` with its ``values``; its rows gain ``place_value`` and ``place_key``.

    One query, two where the page meets the rows whose column is empty. Raises ``BadCursor``.
    """
    backwards = bool(before and not after)
    cursor = _decode(order, before if backwards else after)
    # A statement without values of its own was made for this one page: there is nothing to find again.
    put_together = _segment if values is not None else _segment.__wrapped__
    found: list[Any] = []
    for empty in _segments(order, cursor, backwards):
        part = put_together(statement, order, cursor is not None, empty, backwards)
        place = {"place_value": cursor[0], "place_key": cursor[1]} if cursor else {}
        given = {**(values or {}), **place, "most": limit + 1 - len(found)}
        found += fetch(session, part, **given)
        cursor = None
        if len(found) > limit:
            break
    more = len(found) > limit
    found = found[:limit]
    if backwards:
        found.reverse()
    if not found:
        return Page((), None, None)
    first, last = _encode(found[0]), _encode(found[-1])
    has_next, has_prev = (True, more) if backwards else (more, bool(after))
    return Page(tuple(found), last if has_next else None, first if has_prev else None)


def _segments(order: Order, cursor: tuple[Any, int] | None, backwards: bool) -> list[bool]:
    """Which parts of the list a page may touch, in its direction: False those with a value, True the empty ones."""
    if not order.nullable:
        return [False]
    parts = [True, False] if backwards else [False, True]
    if cursor is None:
        return parts
    begins_empty = cursor[0] is None
    return parts[parts.index(begins_empty) :]


@lru_cache(maxsize=200)
def _segment(
    statement: sa.Select[*tuple[Any, ...]], order: Order, placed: bool, empty: bool, backwards: bool
) -> sa.Select[*tuple[Any, ...]]:
    """One part of the list; put together once for each list, because the places themselves are values."""
    statement = statement.add_columns(order.column.label("place_value"), order.key.label("place_key"))
    down = order.down != backwards
    if order.nullable:
        statement = statement.where(order.column.is_(None) if empty else order.column.is_not(None))
    places: Sequence[sa.ColumnElement[Any]] = (order.key,) if empty else (order.column, order.key)
    if placed:
        key = sa.bindparam("place_key", type_=order.key.type)
        value = sa.bindparam("place_value", type_=order.column.type)
        here, there = (order.key, key) if empty else (sa.tuple_(*places), sa.tuple_(value, key))
        statement = statement.where(here < there if down else here > there)
    statement = statement.order_by(*(place.desc() if down else place.asc() for place in places))
    return statement.limit(sa.bindparam("most", type_=sa.Integer))


def _encode(row: Any) -> str:
    value = row.place_value
    kept = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([kept, row.place_key]).encode()).decode().rstrip("=")


def _decode(order: Order, cursor: str | None) -> tuple[Any, int] | None:
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        value, key = json.loads(base64.urlsafe_b64decode(padded))
        if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < LARGEST_KEY:
            raise ValueError
        return _value(order, value), key
    except (ValueError, binascii.Error, TypeError, RecursionError) as error:
        raise BadCursor("this is not a place in the list") from error


def _value(order: Order, value: Any) -> Any:
    if value is None and order.nullable:
        return None
    kind = order.column.type.python_type
    if kind is datetime:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise ValueError
        return found
    if kind is str:
        if not isinstance(value, str) or "\x00" in value or any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
            raise ValueError
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError
    if kind is int and (not isinstance(value, int) or abs(value) >= LARGEST_KEY):
        raise ValueError
    return value
