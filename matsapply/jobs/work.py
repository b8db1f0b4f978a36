"""What the jobs do, as plain functions: called by the queue, by the demo's clock and by tests.

Each commits item by item and may be repeated at any time; two that run side by side do nothing twice.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from matsapply.applications.pace import measure
from matsapply.files.upkeep import forget, let_go, remove_orphans
from matsapply.mail.sender import Delivery, deliver_all
from matsapply.platform import clock, outside, storage
from matsapply.platform.db import transaction_mode
from matsapply.platform.flask_db import db
from matsapply.platform.outside import Answer
from matsapply.process.due import run_due
from matsapply.reviews import calibrating, standings
from matsapply.showcase import links

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from matsapply.platform.settings import Settings

MOST_LINKS = 500  # in one go
LINK_SECONDS = 50.0  # for one go: the rest waits for the next minute, so that no worker is held up
LINK_PAUSE = 1.0  # seconds between two questions to one host
LINKS_TRIED = 3  # when so many addresses in a row cannot be reached and none could, there is no network
MOST_PIECES = 20_000  # pieces of due work in one go; beyond it, something does not come to an end

log = logging.getLogger(__name__)
_ticking = threading.Lock()
_checking = threading.Lock()
_calibrating = threading.Lock()


def settings_of(app: Flask) -> Settings:
    settings: Settings = app.extensions["matsapply.settings"]
    return settings


def deliver_outbox(app: Flask) -> Delivery:
    """Send every message that is due; stops where the mail server cannot be reached."""
    with app.app_context(), transaction_mode("write"):
        return deliver_all(db.engine, settings_of(app), clock.now)


def tick(app: Flask) -> int:
    """Do what the calendar brings until nothing is due; returns how many things were done. One at a time a process."""
    if not _ticking.acquire(blocking=False):
        return 0
    try:
        return _do_due_work(app)
    finally:
        _ticking.release()


def _do_due_work(app: Flask) -> int:
    total = 0
    for _ in range(MOST_PIECES):
        # A context each: what a commit wakes must see only that commit.
        with app.app_context(), transaction_mode("write"), Session(db.engine) as session:
            done = run_due(session, clock.now())
            session.commit()
        if not done:
            return total
        total += done
    log.error("due work did not come to an end after %s pieces", MOST_PIECES)
    return total


def check_links(app: Flask, look: Callable[[str], Answer] | None = None, pause: float = LINK_PAUSE) -> int:
    """Ask the papers' addresses that are due whether they answer; returns how many were asked. One at a time a process.

    In the demo only what somebody asked for: it speaks to nobody by itself. Where nothing outside can be reached, that
    is noted at every address instead of a fault, and tried again hours later.
    """
    if not _checking.acquire(blocking=False):
        return 0
    try:
        return _check_links(app, look or outside.look, pause)
    finally:
        _checking.release()


def _check_links(app: Flask, look: Callable[[str], Answer], pause: float) -> int:
    with app.app_context(), transaction_mode("read"), Session(db.engine) as session:
        waiting = links.due(session, clock.now(), limit=MOST_LINKS, only_asked=settings_of(app).demo)
    until = clock.monotonic() + LINK_SECONDS
    unreached: list[tuple[int, str]] = []
    asked, reached, last_host = 0, False, ""
    for place, (paper_id, url) in enumerate(waiting):
        if clock.monotonic() > until:
            break
        if not reached and len(unreached) >= LINKS_TRIED:
            nothing = Answer(None, links.NO_NETWORK, unreached=True)
            # Those that were tried come last: the next time others are, should it be they alone that are gone.
            _keep_links(app, [(*link, nothing) for link in (*waiting[place:], *unreached)])
            break
        host = urlsplit(url).netloc
        if host == last_host:
            time.sleep(pause)
        last_host, answer = host, look(url)
        asked += 1
        if answer.unreached:
            unreached.append((paper_id, url))
        reached = reached or not answer.unreached
        _keep_links(app, [(paper_id, url, answer)])
    return asked


def _keep_links(app: Flask, found: list[tuple[int, str, Answer]]) -> None:
    with app.app_context(), transaction_mode("write"), Session(db.engine) as session:
        for paper_id, url, answer in found:
            links.keep(session, paper_id, url, answer, clock.now())
        session.commit()


def calibrate_scores(app: Flask) -> int:
    """Make the calibrated scores anew in every cohort whose readings have changed; returns how many cohorts.

    The reading and the computing hold no lock; each part is written and committed on its own, and what has changed in
    the meantime is left to the next run.
    """
    if not _calibrating.acquire(blocking=False):
        return 0
    try:
        with app.app_context(), transaction_mode("read"), Session(db.engine) as session:
            cohorts = standings.stale_cohorts(session)
        for cohort_id in cohorts:
            _calibrate(app, cohort_id)
        return len(cohorts)
    finally:
        _calibrating.release()


def _calibrate(app: Flask, cohort_id: int) -> None:
    with app.app_context(), transaction_mode("read"), Session(db.engine) as session:
        result = calibrating.compute(session, cohort_id)
    with app.app_context(), transaction_mode("write"), Session(db.engine) as session:
        for lines in standings.parts(result):
            standings.write_part(session, lines)
            session.commit()
        standings.write_standings(session, result, clock.now())
        session.commit()


def measure_pace(app: Flask) -> int:
    """Count anew how long the sections of the forms take; returns how many have a pace."""
    with app.app_context(), transaction_mode("write"), Session(db.engine) as session:
        measured = measure(session, clock.now())
        session.commit()
        return measured


def sweep_files(app: Flask) -> int:
    """Remove the bytes of files let go of a day ago, and those that no row has named for a day; returns how many.

    The bytes go first and outside any transaction, the row afterwards: where either fails, the next sweep finds the
    row still marked as removed, which nobody is handed. What no row names is a day old by the machine's clock, by
    which the store dates its objects: in a demo whose clock is set ahead, an upload that is just being saved must not
    look like an old one.
    """
    store = storage.store_at(settings_of(app).storage)
    erased = 0
    while gone := _let_go(app):
        for _, key in gone:
            store.delete(key)
        with app.app_context(), transaction_mode("write"), Session(db.engine) as session:
            forget(session, [row_id for row_id, _ in gone])
            session.commit()
        erased += len(gone)
    with app.app_context(), transaction_mode("read"), Session(db.engine) as session:
        return erased + remove_orphans(session, store, clock.SystemClock().now())


def _let_go(app: Flask) -> list[tuple[int, str]]:
    with app.app_context(), transaction_mode("read"), Session(db.engine) as session:
        return let_go(session, clock.now())
