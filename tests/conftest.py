"""Fixtures every test may ask for; what they promise stands in docs/developers and in each docstring here.

``database``       each test that uses it runs on SQLite and on PostgreSQL
``session``        a SQLAlchemy session whose work never outlives the test; ``commit()`` is allowed
``live_database``  the address of a fresh migrated database, for tests that need real commits
``live_session``   a session on it that really commits
``clock``          the process's clock, standing still at 2027-01-10 12:00 UTC
``settings``, ``app``, ``client``   the site on ``live_database``
``redis_url``      the address of a Redis that is this test's own; skipped where there is none, except in CI
``chromium``       the path of a Chromium, for tests marked ``browser``

With ``@pytest.mark.demo`` the site is the demo and ``live_database`` holds its people, loaded once a run and copied for
each test; all of them sign in with the demo's password.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import Session
from sqlalchemy.util import LRUCache

from matsapply.pages.account.config import ARGON2
from matsapply.platform import clock as clock_module
from matsapply.platform.db import configure_engine, set_transaction_mode
from matsapply.platform.flask_db import db
from matsapply.platform.settings import Settings
from tests import network
from tests.databases import KINDS, RUN, SALT, Database, Run, new_run_folder
from tests.services import NO_REDIS, free_port, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.templating import Environment
    from jinja2.bccache import Bucket

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")
NO_BROWSER = "no Chromium found (install chromium, or name one in CHROMIUM)"
START = datetime(2027, 1, 10, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]
PURE = ROOT / "tests" / "rules"
STATEMENTS = 4000  # how many compiled ones are kept

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if IN_CI else "local")


# --- the run ------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", {}).get("workerid", "main")
    if worker == "main":
        os.environ[RUN] = str(new_run_folder())
        compile_translations()
    config.stash[run_key] = Run(Path(os.environ[RUN]), worker)


def compile_translations() -> None:
    """``make`` does so too; a test run by hand after a change of the words should see them."""
    words = sorted(ROOT.glob("translations/*.po"))
    made = [path.with_suffix(".mo") for path in words]
    if any(not new.exists() or new.stat().st_mtime < old.stat().st_mtime for old, new in zip(words, made, strict=True)):
        subprocess.run([sys.executable, ROOT / "scripts" / "translations.py", "compile"], check=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(run_key, None)
    if run is None:
        return
    run.close()
    if run.worker == "main":
        run.remove()


run_key = pytest.StashKey[Run]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a database on each kind; ``@pytest.mark.databases("sqlite")`` narrows where that is the point.

    TEST_DATABASES=sqlite does so for a quick run of everything, but never in CI.
    """
    if "database" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("databases")
    kinds = marker.args if marker else KINDS
    if (wanted := os.environ.get("TEST_DATABASES")) and not IN_CI:
        kinds = tuple(kind for kind in kinds if kind in wanted.split(","))
    metafunc.parametrize("database", kinds, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no worker begins a long test when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and find_chromium() is None:
        (pytest.fail if IN_CI else pytest.skip)(NO_BROWSER)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)]
    if skipped:
        terminalreporter.section("browser tests did not run", sep="!", yellow=True)
        terminalreporter.line(f"{len(skipped)} tests need a browser: {NO_BROWSER}.")
    for report in (*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])):
        for name, value in report.user_properties:
            if name == "state machine":
                terminalreporter.line(f"state machine on {value}")


@pytest.fixture(autouse=True, scope="session")
def _this_machine_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        network.guard(patch)
        yield


class CompiledTemplates(BytecodeCache):
    """Templates that are compiled once in each process, not once for each site that a test builds."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(autouse=True, scope="session")
def _compile_once() -> Iterator[None]:
    """Templates and statements are compiled once in each process, not once for each site and engine of a test."""
    made, compiled = Flask.create_jinja_environment, CompiledTemplates()

    def make(app: Flask) -> Environment:
        environment = made(app)
        environment.bytecode_cache = compiled
        return environment

    begun, statements = sa.Engine.__init__, LRUCache(STATEMENTS)

    def begin(engine: sa.Engine, *args: Any, **more: Any) -> None:
        begun(engine, *args, **more)
        engine._compiled_cache = statements  # type: ignore[assignment]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "create_jinja_environment", make)
        patch.setattr(sa.Engine, "__init__", begin)
        # SQLAlchemy keeps statements by the dialect, of which each engine has its own; ours are alike.
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        yield


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> Iterator[None]:
    """A password is hashed as argon2id, but not slowly: what it costs in service, tests/commands looks at."""
    with pytest.MonkeyPatch.context() as patch:
        for cost, least in (("memory_cost", 8), ("time_cost", 1)):
            patch.setitem(ARGON2, f"argon2__{cost}", least)
        yield


@pytest.fixture(autouse=True)
def _transactions_write() -> None:
    """A request of an earlier test may have left this context reading."""
    set_transaction_mode("write")


# --- databases ----------------------------------------------------------------------------------------------------


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    if PURE in request.path.parents:
        pytest.fail("tests of the rules use no database: hand the rule its facts")
    return request.config.stash[run_key].database(request.param)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """Inside one outer transaction that is rolled back; ``commit()`` ends a savepoint, so actions can be followed by
    what a request would do."""
    with database.engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


@pytest.fixture
def live_database(request: pytest.FixtureRequest, database: Database) -> str:
    """The address of a migrated database of this test's own, on each kind: empty, or the demo's where it is marked."""
    if request.node.get_closest_marker("demo") is None:
        return database.fresh()
    return database.filled("demo", importlib.import_module("tests.demo_site").fill, "live-demo")


@pytest.fixture
def live_engine(live_database: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(live_database)
    configure_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def live_session(live_engine: sa.Engine) -> Iterator[Session]:
    """Commits here are real: the app, a job or a second session sees them."""
    with Session(live_engine) as session:
        yield session


# --- the site -----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Iterator[clock_module.FixedClock]:
    """Installed as the process's clock; ``move_to`` and ``advance`` move it."""
    fixed = clock_module.FixedClock(START)
    with clock_module.using(fixed):
        yield fixed


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, live_database: str) -> Settings:
    """The demo only where it is marked; no background jobs, mail into files. Override the fixture for another site."""
    data = tmp_path / "data"
    data.mkdir()
    return Settings(
        data=data,
        demo=request.node.get_closest_marker("demo") is not None,
        database_url=live_database,
        secret_key="a secret for tests only",
        password_salt=SALT,
        base_url="http://localhost",
        jobs="none",
    )


class Client(FlaskClient):
    """Flask's test client; a GET leaves this context reading, which the test's own sessions must not notice."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().open(*args, **kwargs)
        finally:
            set_transaction_mode("write")


@pytest.fixture
def app(settings: Settings, clock: clock_module.FixedClock) -> Iterator[Flask]:
    # Imported on first use, so that tests of the rules start without the whole site.
    app = importlib.import_module("matsapply.app").create_app(settings)
    app.test_client_class = Client
    clock_module.install(clock)  # the app installs the machine's clock
    # A process keeps some pages and cohorts for seconds, by the database's address; tests use an address again.
    importlib.import_module("matsapply.pages.public.caching").forget()
    with app.app_context():
        importlib.import_module("matsapply.pages.site").forget_cohorts()
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


# --- the browser --------------------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """The Chromium named in CHROMIUM, or one that is installed."""
    if named := os.environ.get("CHROMIUM"):
        return named
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis of this test's own."""
    if shutil.which("redis-server") is None:
        (pytest.fail if IN_CI else pytest.skip)(NO_REDIS)
    with redis_server(tmp_path, free_port()) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    path = find_chromium()
    if path is None:
        (pytest.fail if IN_CI else pytest.skip)(NO_BROWSER)
    return path
