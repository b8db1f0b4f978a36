"""The databases of a benchmark: an SQLite file, and a PostgreSQL server that is given or started from the wheel."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import sqlalchemy as sa

from bench.servers import BenchmarkFailed
from tests.databases import start_server, stop_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("sqlite", "postgresql")
GIVEN = "TEST_DATABASE_URL"  # the same as for the tests: any database on a server of this machine


@dataclass(frozen=True, slots=True)
class Place:
    """An empty database: its address and, on PostgreSQL, the server's first process."""

    url: str
    process: psutil.Process | None = None


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Place]:
    """An empty database of that kind, removed afterwards (the file with its folder, by the caller)."""
    if kind == "sqlite":
        yield Place(f"sqlite:///{folder / 'bench.db'}")
        return
    given = os.environ.get(GIVEN)
    server = sa.make_url(given or start_server(folder / "postgresql")).set(drivername="postgresql+psycopg")
    name = f"matsapply-bench-{os.getpid()}"
    try:
        _administer(server, f'CREATE DATABASE "{name}"')
        url = server.set(database=name)
        yield Place(url.render_as_string(hide_password=False), _first_process(url))
    finally:
        if given:
            _administer(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        else:
            stop_server(folder / "postgresql")


def settle(url: str) -> None:
    """Bring the planner's statistics up to date, as an hour of running would."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE")


def _administer(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)


def _first_process(url: sa.URL) -> psutil.Process:
    """The server's first process, the parent of all others; its accounting must be in sight."""
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        try:
            parent = psutil.Process(pid).parent()
        except psutil.NoSuchProcess:
            parent = None
    if parent is None or "postgres" not in parent.name():
        raise BenchmarkFailed(
            f"the processes of the server in {GIVEN} cannot be seen from here; start it on this machine, or unset it"
        )
    return parent
