"""Tables whose rows the database itself refuses to change or delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import FromClause


def statements(table: str, dialect: str) -> list[str]:
    """The DDL that guards ``table``, for ``sqlite`` or ``postgresql``."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("update", "delete")
        ]
    return [
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    ]


def make_append_only(table: FromClause) -> None:
    """Add the guard when the table is created from the models (migrations carry the same statements as text)."""
    real = cast("sa.Table", table)
    for dialect in ("sqlite", "postgresql"):
        for statement in statements(real.name, dialect):
            # DDL applies % formatting to its text.
            ddl = sa.DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(real, "after_create", ddl.execute_if(dialect=dialect))
