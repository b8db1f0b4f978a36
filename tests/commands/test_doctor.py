"""What doctor looks at: each thing that can be wrong is seen, with what to do about it, and the status is 1."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application
from matsapply.commands import doctor
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.platform import migrate
from matsapply.platform.settings import Settings
from matsapply.platform.storage import Storage
from matsapply.rules.stages import MailState
from tests.commands.conftest import SECRETS
from tests.mail.contexts import context
from tests.services import environment, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from tests.commands.conftest import Ended
    from tests.mail.conftest import MailServer

    Look = Callable[..., "Report"]

EVERYTHING = ["configuration", "database", "migrations", "storage", "mail", "outbox", "clock"]
PUBLIC = {"base_url": "https://apply.example.org"}
NOWHERE = "postgresql://127.0.0.1:{port}/x"


class Report:
    """What doctor said of each thing, and what to do about it."""

    def __init__(self, ended: Ended) -> None:
        assert ended.err == ""
        self.status = ended.status
        self.seen: dict[str, str] = {}
        self.advice: dict[str, str] = {}
        what, marked = "", set()
        for line in ended.out.splitlines():
            match line[:2]:
                case "ok" | "!!":
                    mark, what, seen = line.split(maxsplit=2)
                    self.seen[what] = seen
                    marked |= {what} if mark == "!!" else set()
                case "  ":
                    self.advice[what] = line.strip().removeprefix("→ ")
                case _:
                    self.verdict = line
        assert marked == set(self.advice)


@pytest.fixture
def look(here: Callable[..., Ended], tmp_path: Path, live_database: str) -> Look:
    """Run doctor on a migrated database; what is given replaces the settings that work."""

    def run(*options: str, **settings: object) -> Report:
        given = {"data": tmp_path / "data", "database_url": live_database, **SECRETS, **settings}
        return Report(here("doctor", *options, env=environment(**given)))

    return run


def test_all_is_well(look: Look) -> None:
    report = look()
    assert report.advice == {}
    assert (report.status, report.verdict) == (0, "all is well")
    assert list(report.seen) == EVERYTHING
    assert migrate.revisions()[-1] in report.seen["migrations"]


@pytest.mark.demo
def test_the_demo_is_well_to_its_last_invariant(look: Look) -> None:
    report = look("--deep", demo="yes")
    assert report.advice == {}
    assert report.status == 0
    assert report.seen["invariants"] == "all hold"
    assert "the demo shows" in report.seen["clock"]


def only(report: Report, *what: str) -> str:
    """The advice of the first, where nothing else is wrong."""
    assert report.status == 1
    assert list(report.advice) == list(what)
    return report.advice[what[0]]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("settings", "seen", "advice"),
    [
        ({"jobs": "sometimes"}, "choose one of thread, worker, none", "correct it as the line says"),
        ({"secret_key": ""}, "MATSAPPLY_SECRET_KEY is not set", "correct it as the line says"),
        (
            {"base_url": "http://apply.example.org"},
            "http://apply.example.org",
            "set MATSAPPLY_BASE_URL to the https://",
        ),
        ({"secret_key": "too short"}, "base address", "set MATSAPPLY_SECRET_KEY to at least 32"),
    ],
)
def test_configuration(look: Look, settings: dict[str, str], seen: str, advice: str) -> None:
    report = look(**settings)
    assert advice in only(report, "configuration")
    assert seen in report.seen["configuration"]


@pytest.mark.databases("sqlite")
def test_a_data_folder_that_cannot_be_used(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    report = look(data=tmp_path / "file")
    assert "correct it" in only(report, "configuration")
    assert "MATSAPPLY_DATA" in report.seen["configuration"]


@pytest.mark.databases("sqlite")
def test_a_database_that_is_away(look: Look) -> None:
    report = look("--deep", database_url=NOWHERE.format(port=free_port()))
    advice = only(report, "database", "migrations", "outbox", "invariants")
    assert "start it, or correct MATSAPPLY_DATABASE_URL" in advice
    assert {report.advice[what] for what in ("migrations", "outbox", "invariants")} == {"mend the database first"}
    assert "the database's is not known" in report.seen["clock"]
    assert report.verdict == "4 of 8 need attention"


@pytest.mark.databases("sqlite")
def test_a_file_that_is_no_database(look: Look, tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("this is a letter, not a database" * 100, encoding="utf-8")
    report = look(database_url=f"sqlite:///{tmp_path / 'letter.db'}")
    assert "correct MATSAPPLY_DATABASE_URL" in only(report, "database", "migrations", "outbox")
    assert "file is not a database" in report.seen["database"]


def test_migrations_that_were_not_run(look: Look, live_database: str) -> None:
    migrate.downgrade(live_database, migrate.revisions()[-2])
    report = look()
    assert report.advice["migrations"] == "matsapply db upgrade"
    assert migrate.revisions()[-2] in report.seen["migrations"]
    assert report.status == 1


@pytest.mark.databases("sqlite")
def test_a_storage_that_cannot_be_written(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    report = look(storage_url=f"file://{tmp_path / 'file' / 'uploads'}")
    assert "make the place writable, or correct MATSAPPLY_STORAGE_URL" in only(report, "storage")


@pytest.mark.databases("sqlite")
def test_a_storage_that_gives_other_bytes_back(look: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Storage, "get", lambda *_: b"something else")
    assert "replace this store" in only(look(), "storage")
    assert [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()] == []


@pytest.mark.databases("sqlite")
def test_mail_that_reaches_nobody(look: Look) -> None:
    assert "set MATSAPPLY_MAIL=smtp" in only(look(**PUBLIC), "mail")


@pytest.mark.databases("sqlite")
def test_a_mail_server(look: Look, mail_server: MailServer) -> None:
    settings = {"mail": "smtp", "smtp_host": "127.0.0.1", "smtp_port": mail_server.port, **PUBLIC}
    assert "correct MATSAPPLY_SMTP_HOST and _PORT" in only(look(**settings), "mail")
    mail_server.start()
    report = look(**settings)
    assert (report.status, report.seen["mail"]) == (0, f"127.0.0.1:{mail_server.port} answers")


def test_messages_that_nobody_sends(look: Look, live_session: Session, clock: FixedClock) -> None:
    row = written(live_session, clock)
    clock.advance(doctor.OUTBOX_WAIT - timedelta(seconds=1))
    assert look().status == 0
    clock.advance(timedelta(seconds=2))
    report = look()
    assert "start matsapply worker" in only(report, "outbox")
    assert report.seen["outbox"].startswith("1 messages are late, 0 were not delivered")
    row.state = MailState.FAILED
    live_session.commit()
    report = look()
    assert (report.status, report.seen["outbox"][:22]) == (0, "0 messages are late, 1")


def written(session: Session, clock: FixedClock) -> Notification:
    outbox.configure(Settings(base_url="http://localhost"))
    row = outbox.queue(
        session,
        Mail.NEVER_SUBMITTED,
        cause="test",
        now=clock.now(),
        person_id=None,
        recipient="person@example.org",
        context=context(Mail.NEVER_SUBMITTED),
    )
    assert row is not None
    session.commit()
    return row


@pytest.mark.databases("postgresql")
def test_clocks_that_differ(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(seconds=8)

    monkeypatch.setattr(doctor, "datetime", Late)
    report = look()
    assert only(report, "clock") == "set both clocks by NTP"
    assert "from the database's" in report.seen["clock"]


@pytest.mark.demo
def test_data_that_break_an_invariant(look: Look, live_session: Session) -> None:
    one = live_session.scalars(sa.select(Application.id).where(Application.score_count > 1)).first()
    live_session.execute(
        sa.update(Application).where(Application.id == one).values(score_count=Application.score_count + 1)
    )
    live_session.commit()
    assert look(demo="yes").status == 0, "it is looked for only where that is asked for"
    report = look("--deep", demo="yes")
    assert "stop writing" in only(report, "invariants")
    assert report.seen["invariants"].startswith("1 broken, first: ")


# --- messages that did not arrive ---------------------------------------------------------------------------------


def test_a_message_that_was_given_up_is_listed_and_tried_again(
    here: Callable[..., Ended], live_database: str, live_session: Session, clock: FixedClock, tmp_path: Path
) -> None:
    env = environment(data=tmp_path / "data", database_url=live_database, **SECRETS)
    assert here("mail", "undelivered", env=env) == (0, "0 not delivered\n", "")
    row = written(live_session, clock)
    key = row.public_id
    live_session.rollback()  # on SQLite an open transaction would keep the command from writing
    assert f"no message {key} was given up" in here("mail", "again", key, env=env).err
    row.state, row.last_error, row.tries = MailState.BOUNCED, "550 nobody of that name", 3
    live_session.commit()
    listed = here("mail", "undelivered", env=env)
    assert listed.status == 0
    assert all(words in listed.out for words in (key, "person@example.org", "bounced: 550 nobody", "1 not delivered"))
    assert "no message no-such-key was given up" in here("mail", "again", key, "no-such-key", env=env).err
    live_session.expire_all()
    assert row.state is MailState.BOUNCED, "one key that is wrong changes nothing"
    live_session.rollback()
    for wrong in ((), ("--all", key)):
        assert "give --all" in here("mail", "again", *wrong, env=env).err
    assert here("mail", "again", "--all", env=env).out.startswith("1 will be tried again")
    live_session.expire_all()
    assert (row.state, row.tries) == (MailState.QUEUED, 0)
