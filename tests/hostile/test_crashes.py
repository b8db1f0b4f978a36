"""Cases 33 and 35: killed in the middle of a submit, and a database that restarts under load."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.app import create_app
from matsapply.applications.models import AnswerDraft, Application, Snapshot
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.people.models import Account, Person
from matsapply.platform import clock as clock_module, migrate
from matsapply.platform.flask_db import db
from matsapply.platform.settings import ROOT, Settings
from matsapply.process.invariants import violations
from matsapply.rules.stages import ApplicationState
from matsapply.tracking.models import StateChange
from tests import factories
from tests.conftest import Client
from tests.databases import start_server, stop_server
from tests.services import environment, wait_until
from tests.visitor import PASSWORD, Visitor, make_person

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from sqlalchemy.orm import Session as SessionType

ADA = "ada@example.org"
POINTS = ("1", "12", "before", "after")
PEOPLE = 4


# --- case 33 --------------------------------------------------------------------------------------------------------


def submit(settings: Settings, point: str) -> subprocess.CompletedProcess[str]:
    """Submit in a process of its own that dies at ``point``."""
    env = environment(
        data=settings.data,
        database_url=settings.database_url,
        secret_key=settings.secret_key,
        password_salt=settings.password_salt,
        base_url=settings.base_url,
        jobs="none",
    )
    command = [sys.executable, "-m", "tests.hostile.killed_in_submit", ADA, PASSWORD, point, factories.NOW.isoformat()]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_case_33_killed_in_submit_leaves_a_draft_or_a_submission(
    app: Flask, settings: Settings, live_session: SessionType
) -> None:
    """Killed at the first statement, in the middle, before and after the commit: all of it is there, or none; whoever
    tries again has submitted once, with one receipt."""
    world = factories.cohort(live_session)
    account = make_person(app, live_session, ADA)
    who = account.person
    factories.application(live_session, world, who)
    factories.answer(live_session, who, **{**factories.ANSWERS, "name": who.display_name})
    live_session.commit()
    kept = answers(live_session)
    for point in POINTS:
        done = submit(settings, point)
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
        state, *counts = written(live_session)
        if point == "after":
            assert (state, counts) == (ApplicationState.SUBMITTED, [1, 1, 1])
        else:
            assert (state, counts) == (ApplicationState.DRAFT, [0, 0, 0]), point
        assert answers(live_session) == kept
        assert violations(live_session) == []
        live_session.rollback()
    again = submit(settings, "never")
    assert again.returncode == 0, again.stderr
    state, snapshots, _, _ = written(live_session)
    assert (state, snapshots) in {(ApplicationState.SUBMITTED, 1), (ApplicationState.SUBMITTED, 2)}
    receipts = live_session.scalars(sa.select(Notification).where(Notification.kind == Mail.RECEIPT)).all()
    assert len(receipts) == snapshots


def written(session: SessionType) -> tuple[ApplicationState, int, int, int]:
    """The application's state, and how many snapshots, moves A2 and receipts there are."""
    session.rollback()

    def number(statement: sa.Select[tuple[int]]) -> int:
        return session.scalars(statement).one()

    count = sa.func.count()
    found = (
        session.scalars(sa.select(Application.state)).one(),
        number(sa.select(count).select_from(Snapshot)),
        number(sa.select(count).select_from(StateChange).where(StateChange.code == "A2")),
        number(sa.select(count).select_from(Notification).where(Notification.kind == Mail.RECEIPT)),
    )
    session.rollback()
    return found


def answers(session: SessionType) -> list[tuple[object, ...]]:
    session.rollback()
    rows = session.execute(sa.select(AnswerDraft.question_key, AnswerDraft.value).order_by(AnswerDraft.question_key))
    found = [tuple(row) for row in rows]
    session.rollback()
    return found


# --- case 35 --------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A PostgreSQL of this test's own, which keeps what it acknowledged; its folder and the address of its database."""
    folder = tmp_path / "postgresql"
    yield folder, start_server(folder, durable=True)
    stop_server(folder)


def start_again(folder: Path, address: str) -> None:
    """Start the server of the folder and wait until it has recovered."""
    start_server(folder, durable=True)
    engine = sa.create_engine(address, poolclass=sa.NullPool)

    def answers_now() -> bool:
        with suppress(sa.exc.OperationalError), engine.connect():
            return True
        return False

    wait_until(answers_now, "PostgreSQL")


class Writer(threading.Thread):
    """Somebody who saves a new name again and again and notes what was acknowledged."""

    def __init__(self, app: Flask, number: int) -> None:
        super().__init__(daemon=True)
        self.visitor, self.number = Visitor(app.test_client()), number
        assert self.visitor.sign_in(f"ada{number}@example.org").status_code == 303
        self.token = self.visitor.token("/account")
        self.acknowledged, self.statuses, self.retry_after = 0, set[int](), set[str | None]()
        self.stop = threading.Event()

    def run(self) -> None:
        attempt = 0
        while not self.stop.is_set():
            attempt += 1
            data = {"csrf_token": self.token, "display_name": f"Ada {attempt}"} | {"time_zone": "UTC", "language": "en"}
            answer = self.visitor.client.post("/account", data=data)
            self.statuses.add(answer.status_code)
            if answer.status_code == 303:
                self.acknowledged = attempt
            else:
                self.retry_after.add(answer.headers.get("Retry-After"))


def wait_for_writes(writers: list[Writer], before: list[int]) -> None:
    wait_until(lambda: all(w.acknowledged > b for w, b in zip(writers, before, strict=True)), "writes")


@pytest.mark.slow
@pytest.mark.databases("postgresql")
def test_case_35_a_restart_under_load_answers_503_and_loses_no_acknowledged_write(
    database: object, tmp_path: Path, own_server: tuple[Path, str], clock: clock_module.FixedClock
) -> None:
    folder, address = own_server
    migrate.upgrade(address)
    settings = Settings(
        data=tmp_path / "data",
        database_url=address,
        secret_key="a secret for tests only",
        password_salt="a salt for tests only",
        base_url="http://localhost",
        jobs="none",
    )
    app = create_app(settings)
    app.test_client_class = Client
    clock_module.install(clock)
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with Session(engine) as session:
        for number in range(PEOPLE):
            make_person(app, session, f"ada{number}@example.org")
    writers = [Writer(app, number) for number in range(PEOPLE)]
    for writer in writers:
        writer.start()
    for _ in range(2):
        before = [writer.acknowledged for writer in writers]
        wait_for_writes(writers, before)
        for writer in writers:
            writer.retry_after.clear()
        stop_server(folder)  # at once, as after a crash
        wait_until(lambda: all(writer.retry_after for writer in writers), "refusals")
        start_again(folder, address)
    before = [writer.acknowledged for writer in writers]
    wait_for_writes(writers, before)
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join()
        assert writer.statuses == {303, 503}
        assert writer.retry_after == {"5"}
    with Session(engine) as session:
        rows = session.execute(
            sa.select(Account.email, Person.display_name).join(Person, Person.id == Account.person_id)
        )
        names = {email: name for email, name in rows}  # noqa: C416
    for writer in writers:
        kept = int(names[f"ada{writer.number}@example.org"].removeprefix("Ada "))
        assert kept >= writer.acknowledged, "an acknowledged name is the last one, or one saved and never told"
    with app.app_context():
        db.engine.dispose()
