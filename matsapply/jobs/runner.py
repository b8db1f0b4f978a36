"""Running the jobs: beside the web threads, in a process of their own, or here and now."""

from __future__ import annotations

import atexit
import fcntl
import logging
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from flask import has_request_context
from huey.consumer import Consumer

from matsapply.jobs import exports, work
from matsapply.jobs.app import Jobs, jobs_of
from matsapply.platform.db import transaction_mode
from matsapply.platform.flask_db import db

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

WORKERS = 2  # a slow mail server must not hold up the calendar
LONGEST_SLEEP = 1.0  # seconds between two looks at the queue
NEXT_TURN = 3.0  # seconds between two attempts to become the process that runs the jobs
FAREWELL = 5.0  # seconds granted to running jobs when the process ends

log = logging.getLogger(__name__)


class _ThreadConsumer(Consumer):  # type: ignore[misc]
    """A consumer inside another program, to which the signals belong."""

    def _set_signal_handlers(self) -> None:
        return


class Background:
    """The thread that waits for its turn and then runs the consumer. Of all processes on a data folder one has it: the
    turn is a lock on a file, which the system takes back when the process ends, however it ends."""

    def __init__(self, jobs: Jobs, lock_path: Path) -> None:
        self._jobs = jobs
        self._lock_path = lock_path
        self._stopping = threading.Event()
        self._consumer: _ThreadConsumer | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    @property
    def running(self) -> bool:
        """Whether this process is the one that runs the jobs."""
        return self._consumer is not None

    def start(self) -> None:
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """End the consumer; what a running job leaves unfinished is taken up by the next process."""
        self._stopping.set()
        atexit.unregister(self.stop)
        self._thread.join(FAREWELL)

    def _run(self) -> None:
        with self._lock_path.open("w", encoding="ascii") as file:
            while not self._take_turn(file):
                if self._stopping.wait(NEXT_TURN):
                    return
            consumer = _consumer(self._jobs, _ThreadConsumer)
            consumer.start()
            self._consumer = consumer
            self._stopping.wait()
            with suppress(Exception):
                consumer.stop(graceful=True)
            self._consumer = None

    @staticmethod
    def _take_turn(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _consumer(jobs: Jobs, kind: type[Consumer]) -> Consumer:
    return kind(
        jobs.huey,
        workers=WORKERS,
        max_delay=LONGEST_SLEEP,
        flush_locks=True,
        shutdown_timeout=FAREWELL,
    )


def start_in_thread(app: Flask) -> Background:
    """Run the jobs beside the web threads of this process, if no other process on the same data folder does; if one
    does, stand by. To be called after a fork, never before."""
    background = Background(jobs_of(app), work.settings_of(app).data / "jobs.lock")
    background.start()
    return background


def run_worker(app: Flask) -> None:
    """Run the jobs here until SIGINT or SIGTERM."""
    _consumer(jobs_of(app), Consumer).run()


def run_all_now(app: Flask) -> tuple[int, int]:
    """Do everything that is due, then send everything; returns how many things were done and how many mails left.

    Within a request, what it has done so far is committed first: the work needs the database, which on SQLite the
    request would otherwise hold.
    """
    if has_request_context():
        db.session.commit()
    with transaction_mode("write"):
        done = sent = 0
        while more := work.tick(app):
            done += more
        done += exports.build_exports(app)
        sent = work.deliver_outbox(app).sent
        work.calibrate_scores(app)
    return done, sent
