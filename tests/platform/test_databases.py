"""What the fixtures of tests/conftest.py promise."""

from __future__ import annotations

import socket

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from matsapply.people.models import Person
from matsapply.platform import clock as clock_module
from matsapply.platform.db import fetch, transaction_mode, write_changes
from tests.network import OutsideAddressError


def count(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Person)) or 0


@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_a_session_commits_is_gone_in_the_next_test(session, turn):
    assert count(session) == 0
    session.add(Person(display_name=turn))
    session.commit()
    session.add(Person(display_name="not kept"))
    session.flush()
    session.rollback()
    assert count(session) == 1


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_live_database_is_fresh_and_keeps_what_is_committed(live_engine, turn):
    with Session(live_engine) as one:
        assert count(one) == 0
        one.add(Person(display_name=turn))
        one.commit()
    with Session(live_engine) as other:
        assert other.scalars(sa.select(Person.id)).all() == [1]


def test_what_a_test_does_to_the_tables_is_gone_in_the_next(database):
    """A copy in which only rows have changed is emptied, not made again; one that has lost a trigger is thrown away."""
    address = database.fresh("changed")
    on_sqlite = database.kind == "sqlite"
    if on_sqlite:
        any_trigger = "SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1"
    else:
        any_trigger = "SELECT tgname || ' ON ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal LIMIT 1"
    triggers = "SELECT count(*) FROM " + ("sqlite_master WHERE type = 'trigger'" if on_sqlite else "pg_trigger")
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        before = connection.exec_driver_sql(triggers).scalar()
        connection.exec_driver_sql(f"DROP TRIGGER {connection.exec_driver_sql(any_trigger).scalar()}")
    assert database.fresh("changed") == address
    with engine.begin() as connection:
        assert connection.exec_driver_sql(triggers).scalar() == before


def test_the_database_itself_refuses_a_write_in_a_reading_transaction(live_engine):
    with transaction_mode("read"), Session(live_engine) as reading:
        assert count(reading) == 0
        reading.add(Person(display_name="nobody"))
        with pytest.raises(DBAPIError):
            reading.flush()
    with Session(live_engine) as writing:
        writing.add(Person(display_name="somebody"))
        writing.commit()


def test_what_is_fetched_belongs_to_the_transaction_of_its_time(live_engine):
    names = sa.select(Person.display_name).order_by(Person.id)
    with Session(live_engine) as session:
        assert fetch(session, names) == []
        session.add(Person(display_name="kept"))
        assert fetch(session, names) == [("kept",)]  # written first
        with session.begin_nested() as point:
            session.add(Person(display_name="not kept"))
            assert fetch(session, names) == [("kept",), ("not kept",)]
            point.rollback()
        assert fetch(session, names) == [("kept",)]
        session.commit()
        session.add(Person(display_name="not kept"))
        assert len(fetch(session, names)) == 2
        session.rollback()
        assert fetch(session, names) == [("kept",)]
        session.close()
        assert fetch(session, names) == [("kept",)]


def test_foreign_keys_hold(session):
    with pytest.raises(DBAPIError):
        session.execute(sa.update(Person).values(merged_into_id=999)) if count(session) else session.execute(
            sa.text("INSERT INTO account (person_id, email) VALUES (999, 'nobody@example.org')")
        )


def test_the_clock_stands_still(clock):
    assert clock_module.now() == clock.now() == clock_module.now()


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 443), ("2001:db8::1", 25, 0, 0)])
def test_no_other_machine_can_be_reached(address):
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        with pytest.raises(OutsideAddressError):
            sock.connect(address)
        with pytest.raises(OutsideAddressError):
            sock.sendto(b"", address)


def test_changes_written_together_check_versions_like_a_flush(session: Session) -> None:
    people = [Person(display_name=f"Person {number}") for number in range(4)]
    session.add_all(people)
    session.flush()
    people[0].display_name, people[1].display_name, people[2].time_zone = "Ada", "Ben", "Europe/Berlin"
    people[3].display_name = people[3].display_name
    write_changes(session)
    assert not [each for each in session.dirty if session.is_modified(each)]
    session.expire_all()
    assert [(each.display_name, each.version) for each in people] == [
        ("Ada", 2),
        ("Ben", 2),
        ("Person 2", 2),
        ("Person 3", 1),
    ]
    assert people[2].time_zone == "Europe/Berlin"
    session.execute(sa.update(Person.__table__).where(Person.__table__.c.id == people[0].id).values(version=9))
    people[0].display_name = "Cleo"
    with pytest.raises(StaleDataError):
        write_changes(session)
