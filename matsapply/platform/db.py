"""The database: base class, column types, engine settings for SQLite and PostgreSQL.

Conventions
- Every stored instant is an aware UTC datetime (``UtcDateTime`` refuses anything else).
- Every enum is stored as its value, with a named CHECK.
- ``Record`` gives each entity an internal integer key, a public id that reveals neither order nor number, the two
  instants, and the version counter SQLAlchemy uses for optimistic locking.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from matsapply.platform import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from enum import StrEnum

    from sqlalchemy.orm import Session

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
PUBLIC_ID_LENGTH = 13
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u


def new_public_id() -> str:
    """13 random base-32 letters (65 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PUBLIC_ID_LENGTH))


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC instant: ``timestamptz`` on PostgreSQL, sortable text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        value = clock.require_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(members: type[StrEnum], name: str) -> sa.Enum:
    """A column type that stores the enum's values as text, with the CHECK ``ck_<table>_<name>``."""
    return sa.Enum(
        members,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        validate_strings=True,
        values_callable=lambda enum: [member.value for member in enum],
    )


Json = sa.JSON(none_as_null=True)


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: Json, list[Any]: Json, list[str]: Json}


class Keyed:
    """An integer key for tables that are never addressed from outside."""

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


class Record(Keyed):
    """What every entity has: key, public id, instants, version counter."""

    public_id: Mapped[str] = mapped_column(sa.String(PUBLIC_ID_LENGTH), default=new_public_id, unique=True)
    created_at: Mapped[datetime] = mapped_column(default=lambda: clock.now())
    updated_at: Mapped[datetime] = mapped_column(default=lambda: clock.now(), onupdate=lambda: clock.now())
    version: Mapped[int] = mapped_column(sa.Integer, default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


def fetch(session: Session, statement: sa.Executable, **values: Any) -> Sequence[Any]:
    """The rows of a statement that was put together before, once: columns only, its values given here.

    What the session holds unwritten is written first, as ``session.execute`` would do; the rest of the session's
    machinery, which is for objects, is left aside. On pages of many small reads it costs more than the database.
    """
    session.flush()
    return _connection(session).execute(statement, values).all()


def _connection(session: Session) -> sa.Connection:
    """The connection of the session's transaction, looked up once for each transaction."""
    transaction = session.get_transaction()
    kept = session.info.get(CONNECTION)
    if transaction is not None and kept is not None and kept[0]() is transaction:
        found: sa.Connection = kept[1]
        return found
    found = session.connection()
    session.info[CONNECTION] = (ref(session.get_transaction()), found)
    return found


def fixed(values: Iterable[str]) -> list[sa.ColumnElement[str]]:
    """Members of our own enumerations (never what somebody typed) as they stand in a statement that is put together
    once: written out, so that nothing has to be bound at each request and an index on part of a table serves."""
    return [sa.literal_column(f"'{value}'", sa.String) for value in sorted(values)]


def write_changes(session: Session) -> None:
    """What a flush would write of changed records, in a statement for each kind of change instead of one for each row.

    For acts that change thousands of rows. Versions are checked and counted up as ever: where somebody else has changed
    a row since it was read, ``StaleDataError`` is raised.
    """
    kinds: dict[tuple[sa.orm.Mapper[Any], tuple[str, ...]], list[Record]] = {}
    for each in session.dirty:
        if isinstance(each, Record):
            state = sa.inspect(each)
            before = state.committed_state
            own = tuple(sorted(key for key in before if key in state.mapper.columns and _differs(each, key, before)))
            if own:
                kinds.setdefault((state.mapper, own), []).append(each)
    now = clock.now()
    for (mapper, keys), records in sorted(kinds.items(), key=lambda kind: (str(kind[0][0].local_table), kind[0][1])):
        records.sort(key=lambda record: record.id)
        table, columns = cast("sa.Table", mapper.local_table), mapper.columns
        statement = (
            sa.update(table)
            .where(table.c.id == sa.bindparam("row_id"), table.c.version == sa.bindparam("row_version"))
            .values({columns[key].name: sa.bindparam(f"new_{key}") for key in (*keys, "version", "updated_at")})
        )
        rows = [
            {
                "row_id": record.id,
                "row_version": record.version,
                "new_version": record.version + 1,
                "new_updated_at": now,
            }
            | {f"new_{key}": getattr(record, key) for key in keys}
            for record in records
        ]
        if session.connection().execute(statement, rows).rowcount != len(rows):
            raise StaleDataError(f"{table.name}: somebody else has changed a row meanwhile")
        for record in records:
            for key in keys:
                set_committed_value(record, key, getattr(record, key))
            set_committed_value(record, "version", record.version + 1)
            set_committed_value(record, "updated_at", now)


def _differs(record: Record, key: str, before: Mapping[str, Any]) -> bool:
    return bool(before[key] != getattr(record, key))


CONNECTION = "connection"  # in a session's info: the transaction it was looked up in, and the connection
READING = "query_only"  # in a connection's info: whether it refuses writes at present

# --- transactions -------------------------------------------------------------------------------------------------

_mode: ContextVar[str] = ContextVar("transaction_mode", default="write")


@contextmanager
def transaction_mode(mode: str) -> Iterator[None]:
    """Within the block, transactions begin as ``read`` (the database refuses writes) or ``write``."""
    token = _mode.set(mode)
    try:
        yield
    finally:
        _mode.reset(token)


def set_transaction_mode(mode: str) -> None:
    """The same for the rest of this context (a request handler's)."""
    _mode.set(mode)


def configure_engine(engine: sa.Engine) -> None:
    """Attach the settings that make both databases behave alike (see docs/decisions)."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "begin", _postgresql_begin)


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we emit BEGIN ourselves: the driver's own begins too late to be atomic
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged write survives a power cut
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()


def _sqlite_begin(connection: sa.Connection) -> None:
    reading = _mode.get() == "read"
    if connection.info.get(READING, False) is not reading:  # the pragma makes SQLite prepare every statement anew
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
        connection.info[READING] = reading
    # IMMEDIATE takes the write lock at once, so two writers queue up rather than fail when they upgrade.
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgresql_begin(connection: sa.Connection) -> None:
    if _mode.get() == "read":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
