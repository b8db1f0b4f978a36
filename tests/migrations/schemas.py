"""What a database holds, described as text lines: two databases are alike when their lines are."""

from __future__ import annotations

import re

import sqlalchemy as sa

POSTGRESQL = {
    "column": """
        SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || coalesce(character_maximum_length, 0)
               || ' ' || is_nullable || ' ' || coalesce(column_default, '') || ' ' || is_identity
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraint": """
        SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "index": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "function": "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
}


def describe(connection: sa.Connection) -> list[str]:
    """Columns, constraints, indexes, triggers and functions, in order; Alembic's own table is left out."""
    lines = _sqlite(connection) if connection.dialect.name == "sqlite" else _postgresql(connection)
    return sorted(line for line in lines if "alembic_version" not in line)


def _postgresql(connection: sa.Connection) -> list[str]:
    return [
        f"{kind}: {_plain(row)}"
        for kind, query in POSTGRESQL.items()
        for row in connection.exec_driver_sql(query).scalars()
    ]


def _sqlite(connection: sa.Connection) -> list[str]:
    lines = []
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    for kind, name, sql in connection.exec_driver_sql(query).all():
        if kind == "table" and not sql.upper().startswith("CREATE VIRTUAL"):
            lines += [f"table {name}: {part}" for part in _parts(sql)]
        else:
            lines.append(f"{kind}: {_plain(sql)}")
    return lines


def _parts(sql: str) -> list[str]:
    """The columns and constraints of a CREATE TABLE: what stands between its commas, outside inner brackets."""
    body = sql[sql.index("(") + 1 : sql.rindex(")")]
    parts, depth, start, quoted = [], 0, 0, False
    for position, letter in enumerate(body):
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(letter, 0)
            if letter == "," and depth == 0:
                parts.append(body[start:position])
                start = position + 1
    return [_plain(part) for part in [*parts, body[start:]]]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace('"', "")).strip()
