"""A row for every table, found by search: draw values that fit the column types until the database accepts them.

The search is seeded. It knows types, foreign keys and enums; CHECKs it learns from being refused, which is enough as
long as a table's rules can be met by a few hundred draws.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

TRIES = 1500
DAY = datetime(2027, 1, 10, 12, tzinfo=UTC)


def fill(connection: sa.Connection, metadata: sa.MetaData, rows: int = 2, seed: int = 7) -> dict[str, int]:
    """Put up to ``rows`` rows (at least one) into every table and return how many each has."""
    draw = random.Random(seed)
    keys: dict[sa.Column[Any], list[Any]] = {}
    referred = {key.column for table in metadata.tables.values() for key in table.foreign_keys}
    counts = {}
    for table in metadata.sorted_tables:
        for number in range(rows):
            refusal = _add_row(connection, table, keys, draw)
            if refusal and number == 0:
                raise AssertionError(f"no row for {table.name} could be found, the last refusal was: {refusal}")
            for column in table.columns:
                if column in referred:
                    keys[column] = list(connection.execute(sa.select(column)).scalars())
        counts[table.name] = count(connection, table.name)
    return counts


def count(connection: sa.Connection, table: str) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())


def _add_row(
    connection: sa.Connection, table: sa.Table, keys: dict[sa.Column[Any], list[Any]], draw: random.Random
) -> str:
    """Empty where a row was added, else the last refusal."""
    refusal = ""
    for _ in range(TRIES):
        values = {
            column.name: _value(column, keys, draw)
            for column in table.columns
            if not (column.primary_key and not column.foreign_keys and isinstance(column.type, sa.Integer))
        }
        savepoint = connection.begin_nested()
        try:
            connection.execute(table.insert().values(values))
        except (DBAPIError, sa.exc.StatementError) as error:
            refusal = str(error.orig)
            savepoint.rollback()
        else:
            savepoint.commit()
            return ""
    return refusal


def _value(column: sa.Column[Any], keys: dict[sa.Column[Any], list[Any]], draw: random.Random) -> Any:
    if column.nullable and draw.random() < 0.5:
        return None
    if column.foreign_keys:
        target = next(iter(column.foreign_keys)).column
        return draw.choice(keys.get(target) or [None])
    words = _words(column)
    return draw.choice(words) if words and draw.random() < 0.8 else _plain(column.type, draw)


def _words(column: sa.Column[Any]) -> list[str]:
    """The texts a CHECK names beside this column: likely the ones it allows."""
    if isinstance(column.type, sa.Enum) or not isinstance(column.type, sa.String):
        return []
    checks = [str(c.sqltext) for c in column.table.constraints if isinstance(c, sa.CheckConstraint)]
    return [
        word for check in checks if re.search(rf"\b{column.name}\b", check) for word in re.findall("'(.+?)'", check)
    ]


def _plain(kind: Any, draw: random.Random) -> Any:
    python: Any = None
    if isinstance(kind, sa.Enum):
        return draw.choice(list(kind.enum_class) if kind.enum_class else kind.enums)
    if isinstance(kind, sa.JSON):
        return draw.choice([{}, []])
    if isinstance(kind, sa.types.TypeDecorator):
        python = datetime if isinstance(kind.impl, sa.DateTime) else list
    else:
        python = kind.python_type
    if python is str:
        return f"{draw.getrandbits(48):012x}"[: kind.length or 12]
    makers: dict[Any, Any] = {
        bool: lambda: draw.random() < 0.5,
        int: lambda: draw.randint(0, 5),
        float: lambda: draw.random(),
        bytes: lambda: draw.randbytes(8),
        list: list,
        datetime: lambda: DAY + timedelta(hours=draw.randint(0, 1000)),
        date: lambda: (DAY + timedelta(days=draw.randint(0, 100))).date(),
    }
    return makers[python]()
