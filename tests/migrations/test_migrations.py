"""The steps in migrations/: they make what the models say, and go down and up with data in every table."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from matsapply.platform import migrate
from matsapply.platform.db import configure_engine
from matsapply.tables import metadata
from tests.migrations.rows import count, fill
from tests.migrations.schemas import describe

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    configure_engine(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def schema(url: str) -> list[str]:
    with connected(url) as connection:
        return describe(connection)


def test_there_is_one_newest_revision():
    assert len(migrate.heads()) == 1
    assert migrate.revisions()[-1:] == list(migrate.heads())


def test_migrated_equals_created(database):
    migrated, created = database.fresh(), database.empty()
    with connected(created) as connection:
        metadata.create_all(connection)
    assert schema(migrated) == schema(created)


def test_nothing_is_left_for_autogenerate(database):
    assert migrate.differences(database.fresh()) == []


def test_autogenerate_would_see_a_missing_table(database):
    url = database.fresh()
    with connected(url) as connection:
        connection.exec_driver_sql("DROP TABLE paper_person")
    assert any("paper_person" in str(difference) for difference in migrate.differences(url))


def test_every_step_goes_down_and_up_with_data(database):
    url = database.empty()
    first = migrate.revisions()[0]
    migrate.upgrade(url, first)
    with connected(url) as connection:
        in_the_first = set(sa.inspect(connection).get_table_names())
    migrate.upgrade(url)
    newest = schema(url)
    with connected(url) as connection:
        before = fill(connection, metadata)
    assert min(before.values()) >= 1
    assert set(before) == set(metadata.tables)

    migrate.downgrade(url, first)
    migrate.upgrade(url)
    with connected(url) as connection:
        after = {name: count(connection, name) for name in before if name in in_the_first}
    assert after == {name: before[name] for name in after}

    for revision in [*reversed(migrate.revisions()[:-1]), "base"]:
        migrate.downgrade(url, revision)
    assert schema(url) == []
    migrate.upgrade(url)
    assert schema(url) == newest
    migrate.check(url)


def test_append_only_tables_refuse_changes_once_migrated(database):
    with database.engine.connect() as connection, connection.begin() as transaction:
        fill(connection, metadata)
        for table in ("audit_event", "state_change", "snapshot", "submission_version"):
            for verb in ("UPDATE {} SET id = id", "DELETE FROM {}"):
                savepoint = connection.begin_nested()
                with pytest.raises(DBAPIError, match=f"{table} is append-only"):
                    connection.exec_driver_sql(verb.format(table))
                savepoint.rollback()
        transaction.rollback()


def test_several_processes_may_upgrade_at_once(database):
    url = database.empty()
    program = f"from matsapply.platform import migrate; migrate.upgrade({url!r}); migrate.check({url!r})"
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(3)
    ]
    for process in started:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output.decode()


def test_a_database_behind_is_named_with_what_to_do(database):
    url = database.empty()
    with pytest.raises(migrate.MigrationError, match="matsapply db upgrade"):
        migrate.check(url)
    assert migrate.current(url) is None


def test_a_database_from_another_version_is_left_alone(database):
    url = database.fresh()
    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'future'")
    before = schema(url)
    for call in (migrate.check, migrate.upgrade):
        with pytest.raises(migrate.MigrationError, match="does not know"):
            call(url)
    assert schema(url) == before
