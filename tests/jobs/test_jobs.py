"""The jobs: woken by a commit that queued mail, one process a data folder, everything at once for the demo."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from matsapply.jobs import runner
from matsapply.jobs.app import Jobs, jobs_of
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.platform.flask_db import db
from matsapply.rules.stages import MailState
from tests.mail.contexts import NOON, context


def write(session, cause="a:1"):
    outbox.queue(
        session,
        Mail.WITHDRAWN,
        cause=cause,
        now=NOON,
        person_id=None,
        recipient="ada@demo.example",
        context=context(Mail.WITHDRAWN),
    )


@pytest.fixture
def woken(app, monkeypatch):
    calls = []
    monkeypatch.setattr(Jobs, "wake", lambda _self: calls.append(1))
    return calls


def test_a_commit_with_mail_wakes_and_a_rollback_does_not(app, woken):
    with app.app_context():
        write(db.session, "a:1")
        db.session.rollback()
        db.session.commit()
        assert woken == []
        with db.session.begin_nested():
            write(db.session, "a:2")
        assert woken == []
        db.session.commit()
        assert woken == [1]
        db.session.execute(sa.text("SELECT 1"))
        db.session.commit()
        assert woken == [1]


def test_everything_now(app, settings):
    with app.app_context():
        write(db.session)
        db.session.commit()
    assert runner.run_all_now(app) == (0, 1)
    assert runner.run_all_now(app) == (0, 0)
    assert len(list((settings.data / "mail").iterdir())) == 1


def test_building_the_site_opens_no_queue(app, settings):
    assert not (settings.data / "jobs.db").exists()


def test_in_a_thread_mail_leaves_within_seconds_and_only_one_process_works(app, settings):
    jobs = jobs_of(app)
    jobs._settings = replace(settings, jobs="thread")
    first = runner.start_in_thread(app)
    second = runner.start_in_thread(app)
    try:
        deadline = time.monotonic() + 10
        while not (first.running or second.running) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert first.running != second.running
        with app.app_context():
            write(db.session)
            db.session.commit()
            state = None
            while state is not MailState.SENT and time.monotonic() < deadline:
                time.sleep(0.05)
                state = db.session.scalar(sa.select(Notification.state))
                db.session.rollback()
        assert state is MailState.SENT
    finally:
        first.stop()
        second.stop()
