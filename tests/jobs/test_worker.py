"""A web process and a worker that are different programs: the queue between them is a file, or Redis."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa

from matsapply.app import create_app
from matsapply.jobs.app import jobs_of
from matsapply.mail.models import Notification
from matsapply.pages.account.limits import MAILS_TO, Counters
from matsapply.platform.flask_db import db
from matsapply.rules.stages import MailState
from tests.jobs.test_jobs import write
from tests.services import environment, free_port, program, redis_server, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from matsapply.platform.settings import Settings


def surroundings(settings: Settings, **more: object) -> dict[str, str]:
    return environment(
        data=settings.data,
        database_url=settings.database_url,
        secret_key=settings.secret_key,
        password_salt=settings.password_salt,
        jobs="worker",
        **more,
    )


def state(app: Flask) -> MailState | None:
    with app.app_context():
        return db.session.scalar(sa.select(Notification.state))


def queue_a_mail(settings: Settings, **more: str) -> Flask:
    """What a web process does: write a message, commit, wake."""
    web = create_app(replace(settings, jobs="worker", **more))  # type: ignore[arg-type]
    with web.app_context():
        write(db.session)
        db.session.commit()
    return web


@pytest.mark.parametrize("queue", ["file", "redis"])
def test_a_worker_sends_what_a_web_process_wrote(
    settings: Settings, tmp_path: Path, request: pytest.FixtureRequest, queue: str
) -> None:
    more = {"jobs_url": request.getfixturevalue("redis_url")} if queue == "redis" else {}
    web = queue_a_mail(settings, **more)
    assert jobs_of(web).huey.pending_count() == 1
    log = tmp_path / "worker.log"
    with program("worker", env=surroundings(settings, **more), log=log) as worker:
        wait_until(lambda: state(web) is MailState.SENT, f"the mail; the worker says: {log.read_text('utf-8')}")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    assert len(list((settings.data / "mail").iterdir())) == 1
    assert (settings.data / "jobs.db").exists() is (queue == "file")
    with web.app_context():
        db.engine.dispose()


@pytest.mark.databases("sqlite")
def test_a_message_that_was_not_signed_by_us_is_not_run(settings: Settings, redis_url: str) -> None:
    web = create_app(replace(settings, jobs="worker", jobs_url=redis_url))
    stranger = create_app(replace(settings, jobs="worker", jobs_url=redis_url, secret_key="another secret"))
    jobs_of(stranger).wake()
    queue = jobs_of(web).huey
    assert queue.pending_count() == 1
    with pytest.raises(ValueError, match="ignature"):
        queue.dequeue()


@pytest.mark.databases("sqlite")
def test_a_queue_that_is_away_delays_mail_and_refuses_nothing(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    web = queue_a_mail(settings, jobs_url=f"redis://127.0.0.1:{port}/0")
    assert state(web) is MailState.QUEUED
    with redis_server(tmp_path, port) as url:  # it comes back, empty: the sweep of each minute knows the outbox
        assert jobs_of(web).huey.pending_count() == 0
        jobs_of(web).wake()
        assert jobs_of(web).huey.pending_count() == 1
        assert redis.Redis.from_url(url).dbsize() == 1
    with web.app_context():
        db.engine.dispose()


@pytest.mark.databases("sqlite")
def test_machines_share_their_counters_of_tries(redis_url: str) -> None:
    here, there = Counters(redis_url), Counters(redis_url)
    taken = [counters.count(MAILS_TO, "ada@example.org") for counters in (here, there) * 4]
    assert taken == [True] * MAILS_TO.most + [False] * (8 - MAILS_TO.most)
    here.give_back(MAILS_TO, "ada@example.org")
    assert not here.count(MAILS_TO, "ada@example.org")  # eight were counted, one was given back
