"""The queue of jobs: huey on an SQLite file in the data folder, or on Redis (setting ``jobs_url``); its messages are
signed with the secret key.

The queue only wakes; what is to be done stands in the database. So a lost or doubled job loses and doubles nothing,
and a sweep each minute picks up whatever no wake-up told of.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from flask import current_app, has_app_context
from huey import RedisHuey, SqliteHuey, crontab
from huey.serializer import SignedSerializer
from redis import ConnectionPool
from sqlalchemy import event
from sqlalchemy.orm import Session

from matsapply.jobs import exports, work
from matsapply.mail.outbox import QUEUED

if TYPE_CHECKING:
    from flask import Flask
    from huey.api import Huey

    from matsapply.platform.settings import Settings

EXTENSION = "matsapply.jobs"
REDIS_WAIT = 3.0  # seconds: a request waits no longer for a queue that does not answer

log = logging.getLogger(__name__)


class Jobs:
    """The queue of one application. It is opened on first use: building an application writes nothing, and a process
    must not use what its parent opened."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._opening = threading.Lock()
        self._huey: Huey | None = None
        self._deliver: Any = None

    @property
    def huey(self) -> Huey:
        with self._opening:
            if self._huey is None:
                self._huey = self._open()
            return self._huey

    def _open(self) -> Huey:
        app = self._app
        signed = SignedSerializer(secret=self._settings.secret_key, salt="matsapply.jobs")
        if url := self._settings.jobs_url:
            pool = ConnectionPool.from_url(url, socket_connect_timeout=REDIS_WAIT, socket_timeout=REDIS_WAIT)
            huey = RedisHuey("matsapply", connection_pool=pool, serializer=signed, results=False)
        else:
            file = str(self._settings.data / "jobs.db")
            huey = SqliteHuey("matsapply", filename=file, serializer=signed, results=False)

        @huey.task()  # type: ignore[untyped-decorator]
        def deliver_outbox() -> None:
            exports.build_exports(app)
            work.deliver_outbox(app)

        @huey.periodic_task(crontab(minute="*"))  # type: ignore[untyped-decorator]
        def each_minute() -> None:
            work.tick(app)
            exports.build_exports(app)
            work.deliver_outbox(app)
            work.calibrate_scores(app)

        @huey.periodic_task(crontab(minute="17"))  # type: ignore[untyped-decorator]
        def each_hour() -> None:
            work.sweep_files(app)
            work.measure_pace(app)

        @huey.periodic_task(crontab(minute="*"))  # type: ignore[untyped-decorator]
        def links() -> None:
            work.check_links(app)

        self._deliver = deliver_outbox
        return huey

    def wake(self) -> None:
        """Have the outbox sent soon. A queue that cannot be written delays mail until the sweep, never the request."""
        if self._settings.jobs == "none":
            return
        try:
            _ = self.huey
            self._deliver()
        except Exception:
            log.exception("the queue could not be woken; the sweep will send the mail")


def init_app(app: Flask, settings: Settings) -> None:
    app.extensions[EXTENSION] = Jobs(app, settings)


def jobs_of(app: Flask) -> Jobs:
    jobs: Jobs = app.extensions[EXTENSION]
    return jobs


@event.listens_for(Session, "after_commit")
def _wake_after_commit(session: Session) -> None:
    if session.in_nested_transaction() or not session.info.pop(QUEUED, False):
        return  # a savepoint ended, and the message may still be rolled back; or no mail was written
    if has_app_context() and EXTENSION in current_app.extensions:
        jobs_of(current_app).wake()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(QUEUED, None)
