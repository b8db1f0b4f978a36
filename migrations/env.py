"""How Alembic runs the steps. ``matsapply.platform.migrate`` hands the open, locked connection over.

Each step is one transaction. On SQLite a change of a table copies it (batch mode). A step imports nothing of the
project: it must still run when the models have long moved on, so our column types are written as the plain ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from alembic import context
from flask_security.datastore import AsaList

import matsapply.tables  # noqa: F401 - fills Base.metadata
from matsapply.platform.db import Base, UtcDateTime
from matsapply.platform.migrate import is_ours

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


def render_item(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    """Write our own types as what they are in the database."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, sa.Enum):
        members = ", ".join(f'"{value}"' for value in item.enums)
        return (
            f'sa.Enum({members}, name="{item.name}", native_enum=False, create_constraint=True, length={item.length})'
        )
    if isinstance(item, AsaList):
        return "sa.UnicodeText()"
    return False


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("run migrations with: matsapply db upgrade (see matsapply/platform/migrate.py)")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_object=is_ours,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
