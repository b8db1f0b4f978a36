"""What cannot work: one clear line that says what to do, exit status 2, and nothing half done."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.cohorts.models import Cohort
from matsapply.people.models import Account
from matsapply.platform import migrate
from matsapply.platform.settings import ROOT
from tests.commands.conftest import SECRETS
from tests.services import environment, free_port, matsapply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tests.commands.conftest import Ended

EXAMPLE = ROOT / "config" / "cohorts" / "2027-06.yaml"
SERVE = ("serve", "--port")


def refused(*arguments: object, env: dict[str, str]) -> str:
    """The one line a command ends with."""
    done = matsapply(*arguments, env=env)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    *before, line = done.stderr.strip().splitlines()
    assert line.startswith("matsapply: ")
    assert not before, done.stderr
    return line


@pytest.fixture
def refused_here(here: Callable[..., Ended]) -> Callable[..., str]:
    """The same in this process, for the many cases in which the command does not get far."""

    def ask(*arguments: object, env: dict[str, str]) -> str:
        ended = here(*arguments, env=env)
        assert ended.status == 2
        *before, line = ended.err.strip().splitlines()
        assert line.startswith("matsapply: ")
        assert not before
        return line

    return ask


WRONG = [
    ({"database_url": "nonsense"}, "database_url", "begin it with sqlite:// or postgresql://"),
    ({"database_url": "mysql://me:hidden@x/y"}, "…@x/y", "postgresql+psycopg://"),
    ({"database_url": "postgresql://host:port/x"}, "database_url", "user@host/database"),
    ({"storage_url": "ftp://x"}, "storage_url", "begin it with file:// or s3://"),
    ({"limits_url": "bad://x"}, "limits_url", "redis://"),
    ({"jobs_url": "bad://x"}, "jobs_url", "redis://"),
    ({"jobs": "sometimes"}, "'sometimes'", "thread, worker, none"),
    ({"mail": "pigeon"}, "'pigeon'", "file, smtp"),
    ({"workers": "many"}, "'many'", "a whole number"),
    ({"workers": "0"}, "workers", "from 1 to 256"),
    ({"demo": "perhaps"}, "'perhaps'", "yes or no"),
    ({"config": "/nowhere.toml"}, "/nowhere.toml", "MATSAPPLY_CONFIG"),
    ({"hosts": ""}, "hosts", "name the hosts"),
    ({"base_url": "apply.example.org"}, "base_url", "https://"),
]


@pytest.mark.parametrize(("settings", "what", "advice"), WRONG)
def test_a_setting_that_cannot_work(
    tmp_path: Path, refused_here: Callable[..., str], settings: dict[str, str], what: str, advice: str
) -> None:
    line = refused_here("db", "upgrade", env=environment(**{"data": tmp_path / "data", **SECRETS, **settings}))
    assert what in line
    assert advice in line
    assert "hidden" not in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("missing", ["secret_key", "password_salt"])
def test_a_missing_environment_variable(tmp_path: Path, missing: str) -> None:
    given = {name: value for name, value in SECRETS.items() if name != missing}
    env = environment(data=tmp_path / "data", database_url="postgresql://127.0.0.1:1/x", **given)
    assert f"MATSAPPLY_{missing.upper()} is not set" in refused("db", "upgrade", env=env)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [("db", "upgrade"), (*SERVE, "8161")])
def test_a_data_folder_that_cannot_be_used(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    line = refused(*command, env=environment(data=tmp_path / "file"))
    assert f"the data folder {tmp_path / 'file'} cannot be used" in line
    assert "MATSAPPLY_DATA" in line
    assert (tmp_path / "file").read_text(encoding="utf-8") == "in the way"


@pytest.mark.parametrize("command", [("worker",), (*SERVE, "8161", "--demo")])
def test_a_storage_that_cannot_be_written(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    env = environment(data=tmp_path / "data", storage_url=f"file://{tmp_path / 'file' / 'uploads'}")
    line = refused(*command, env=env)
    assert "files cannot be kept in" in line
    assert "MATSAPPLY_STORAGE_URL" in line
    assert not (tmp_path / "data" / "matsapply.db").exists()


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(*SERVE, port, "--demo", env=environment(data=tmp_path / "data"))
    assert f"port {port} cannot be used" in line
    assert f"PORT={port + 1}" in line
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "matsapply.db").write_text("this is a letter, not a database" * 100, encoding="utf-8")
    line = refused("db", "upgrade", env=environment(data=tmp_path))
    assert "the database cannot be used: file is not a database" in line


@pytest.mark.parametrize("command", [(*SERVE, "8161"), ("user", "grant", "a@example.org", "--role", "admin")])
def test_a_database_that_is_away(tmp_path: Path, command: tuple[str, ...]) -> None:
    env = environment(data=tmp_path, database_url=f"postgresql://127.0.0.1:{free_port()}/x", **SECRETS)
    line = refused(*command, env=env)
    assert "the database did not answer" in line
    assert "run: matsapply doctor" in line


@pytest.mark.parametrize("command", [(*SERVE, "8161"), ("cohort", "load", EXAMPLE)])
def test_a_database_at_the_wrong_revision(tmp_path: Path, command: tuple[str, ...], live_database: str) -> None:
    migrate.downgrade(live_database, migrate.revisions()[0])
    line = refused(*command, env=environment(data=tmp_path, database_url=live_database, **SECRETS))
    assert f"is at revision {migrate.revisions()[0]}" in line
    assert "run: matsapply db upgrade" in line
    assert migrate.current(live_database) == migrate.revisions()[0]


def test_a_database_of_a_later_version(tmp_path: Path, live_database: str, live_engine: sa.Engine) -> None:
    with live_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    line = refused("db", "upgrade", env=environment(data=tmp_path, database_url=live_database, **SECRETS))
    assert "9999, which this version does not know" in line


def test_a_broken_cohort_file_changes_nothing(tmp_path: Path, live_database: str, live_session: Session) -> None:
    """Every mistake by its line, then the one line; not even what stands before the mistake is kept."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(EXAMPLE.read_text(encoding="utf-8").replace("T2:", "T99:", 1), encoding="utf-8")
    done = matsapply("cohort", "load", broken, env=environment(data=tmp_path, database_url=live_database, **SECRETS))
    assert done.returncode == 2
    *lines, last = done.stderr.strip().splitlines()
    assert "nothing was changed" in last
    assert all(line.startswith(f"{broken}:") for line in lines)
    assert any("T99" in line for line in lines), done.stderr
    assert live_session.scalar(sa.select(sa.func.count()).select_from(Cohort)) == 0


def test_a_role_that_is_held_already(
    tmp_path: Path, live_database: str, live_session: Session, refused_here: Callable[..., str]
) -> None:
    env = environment(data=tmp_path, database_url=live_database, **SECRETS)
    made = ("user", "create", "ada@example.org", "--name", "Ada", "--password", "four unlikely words", "--admin")
    assert matsapply(*made, env=env).returncode == 0
    stored = live_session.scalars(sa.select(Account.password)).one()
    live_session.rollback()
    assert (stored or "").startswith("$argon2id$v=19$m=19456,t=2,p=1$"), "a password must be slow to guess"
    line = refused_here("user", "grant", "ada@example.org", "--role", "admin", env=env)
    assert "holds this role already. Nothing was changed." in line


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (("cohort", "load", "/nowhere.yaml"), "/nowhere.yaml cannot be read"),
        (("cohort", "load", "/"), "/ cannot be read"),
        (("cohort", "dump", "2027-06"), "there is no cohort '2027-06'"),
        (("showcase", "import", "/nowhere.json"), "/nowhere.json cannot be read"),
        (("user", "create", "nonsense", "--name", "A", "--password", "four unlikely words"), "is no e-mail address"),
        (("user", "create", "a@example.org", "--name", " ", "--password", "four unlikely words"), "the name needs"),
        (("user", "create", "a@example.org", "--name", "A", "--password", "eleven char"), "at least 12 characters"),
        (("user", "grant", "nobody@example.org", "--role", "admin"), "nobody has the address"),
        (("user", "grant", "nobody@example.org", "--role", "king"), "king"),
        (("demo", "load", "--applications", "3"), "3"),
        (("serve", "--port", "0"), "0"),
        (("fly",), "No such command"),
    ],
)
@pytest.mark.databases("sqlite")
def test_words_that_cannot_work(
    tmp_path: Path, live_database: str, refused_here: Callable[..., str], command: tuple[str, ...], what: str
) -> None:
    assert what in refused_here(*command, env=environment(data=tmp_path, database_url=live_database, **SECRETS))
