"""Migrations, driven from code: upgrade, downgrade, where a database stands, and whether it matches the models.

The folder ``migrations/`` holds the steps and ``env.py``; there is no alembic.ini. Several processes may upgrade one
database at once: they queue up (an advisory lock on PostgreSQL, a lock file beside the database on SQLite) and all but
the first find nothing left to do.
"""

from __future__ import annotations

import fcntl
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command, util
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from matsapply.platform.db import Base
from matsapply.platform.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ROOT / "migrations"
LOCK_KEY = 7_205_759_403  # any number, the same in every process


class MigrationError(Exception):
    """The database is not where the code needs it, in one line that says what to do."""


def heads() -> tuple[str, ...]:
    """The newest revision in ``migrations/versions`` (one, unless two branches have not been joined)."""
    return tuple(ScriptDirectory.from_config(_config()).get_heads())


def revisions() -> list[str]:
    """Every revision, oldest first."""
    script = ScriptDirectory.from_config(_config())
    return [step.revision for step in reversed(list(script.walk_revisions()))]


def current(url: str) -> str | None:
    """The revision a database stands at; None where it has no tables of ours yet."""
    with _connect(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to ``revision``; nothing is done where it is there already.

    Raises ``MigrationError`` where the database stands at a revision this code does not know.
    """
    _run(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """Take a database back to ``revision`` ("base" for an empty one)."""
    _run(url, command.downgrade, revision)


def check(url: str) -> None:
    """Raise ``MigrationError`` unless the database stands at the newest revision."""
    found = current(url)
    if found is not None and found not in revisions():
        raise MigrationError(_unknown(found))
    if found not in heads():
        raise MigrationError(
            f"the database is at revision {found or 'none'} and the code needs {', '.join(heads()) or 'none'}; "
            "run: matsapply db upgrade"
        )


def differences(url: str) -> list[Any]:
    """What autogenerate would still change, in Alembic's terms; empty when tables and models agree.

    The caller must have imported ``matsapply.tables``, so that every table is known.
    """
    with _connect(url) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_ours, "target_metadata": Base.metadata}
        )
        return list(compare_metadata(context, Base.metadata))


def write_step(url: str, message: str) -> str:
    """Write the step from the newest revision to the models, as far as Alembic sees it, and return its revision.

    ``url`` is a scratch database; it is brought to the newest revision first. What Alembic does not see (a changed
    CHECK, a trigger) is added by hand: tests/migrations says what is missing.
    """
    upgrade(url)
    number = f"{len(revisions()) + 1:04d}"
    config = _config()
    with _connect(url) as connection:
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True, rev_id=number)
    return number


def is_ours(_item: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Leave the tables of the full-text index out: SQLite makes several for each, and none is in the models."""
    return not (kind == "table" and name is not None and name.startswith("fts_"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def _run(url: str, step: Any, revision: str) -> None:
    config = _config()
    with _connect(url) as connection, _alone(connection):
        config.attributes["connection"] = connection
        logging.getLogger(__name__).info("migrating to %s", revision)
        try:
            step(config, revision)
        except util.CommandError as error:
            if "locate revision" in str(error):
                found = MigrationContext.configure(connection).get_current_revision()
                raise MigrationError(_unknown(found)) from error
            raise MigrationError(f"the migration to {revision} cannot run: {error}") from error


def _unknown(found: str | None) -> str:
    return (
        f"the database is at revision {found}, which this version does not know; "
        "run the version that made it, or restore a backup"
    )


@contextmanager
def _connect(url: str) -> Iterator[sa.Connection]:
    """A connection of its own, without the application's engine settings: a migration needs foreign keys unchecked
    on SQLite (a batch step copies and drops tables) and transactions begun by hand."""
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _sqlite_connect)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA busy_timeout = 30000")


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    """Hold the lock that lets one process at a time migrate this database."""
    if connection.dialect.name == "sqlite":
        with _lock_file(connection.engine.url.database):
            yield
            _refuse_dangling_keys(connection)
        return
    connection.execute(sa.select(sa.func.pg_advisory_lock(LOCK_KEY)))
    connection.commit()  # the lock belongs to the connection, not to this transaction
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK_KEY)))
        connection.commit()


@contextmanager
def _lock_file(database: str | None) -> Iterator[None]:
    if not database or database == ":memory:":
        yield
        return
    with Path(f"{database}.migrating").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _refuse_dangling_keys(connection: sa.Connection) -> None:
    """Foreign keys were not checked while the steps ran on SQLite, so look at them now."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    connection.rollback()
    if broken:
        raise MigrationError(f"after the migration, rows of {broken[0][0]} point at rows that do not exist")
