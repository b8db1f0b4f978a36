"""Tables whose rows the database itself refuses to change or delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.sql.expression import FromClause


def statements(table: sa.Table, dialect: str, erasable: Mapping[str, str | None] | None = None) -> list[str]:
    """The DDL that guards ``table``, for ``sqlite`` or ``postgresql``.

    ``erasable`` names the columns that a person's erasure may empty, each with the only text it may then hold (None:
    nothing at all); every other column of such a row has to stay as it is.
    """
    name = table.name
    if dialect == "sqlite":
        unless = f"WHEN NOT ({_emptied(table, erasable, dialect)}) " if erasable else ""
        return [
            f"CREATE TRIGGER {name}_no_{verb} BEFORE {verb.upper()} ON {name} {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
            for verb, condition in (("update", unless), ("delete", ""))
        ]
    function = (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    if not erasable:
        return [
            function,
            f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        ]
    return [
        function,
        f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} FOR EACH ROW "
        f"WHEN (NOT ({_emptied(table, erasable, dialect)})) EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    ]


def _emptied(table: sa.Table, erasable: Mapping[str, str | None], dialect: str) -> str:
    """SQL: nothing but the erasable columns differs, and they hold what an erasure writes."""
    cast_to_text, same = ("", "IS") if dialect == "sqlite" else ("::text", "IS NOT DISTINCT FROM")
    kept = [
        f"NEW.{column.name}{cast_to_text} {same} OLD.{column.name}{cast_to_text}"
        for column in table.columns
        if column.name not in erasable
    ]
    emptied = [
        f"NEW.{name} IS NULL" if text is None else f"NEW.{name}{cast_to_text} = '{text}'"
        for name, text in erasable.items()
    ]
    return " AND ".join([*emptied, *kept])


def make_append_only(table: FromClause, erasable: Mapping[str, str | None] | None = None) -> None:
    """Add the guard when the table is created from the models (migrations carry the same statements as text)."""
    real = cast("sa.Table", table)
    for dialect in ("sqlite", "postgresql"):
        for statement in statements(real, dialect, erasable):
            # DDL applies % formatting to its text.
            ddl = sa.DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(real, "after_create", ddl.execute_if(dialect=dialect))
