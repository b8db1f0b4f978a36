"""What the jobs do, as plain functions: called by the queue, by the demo's clock and by tests.

Each commits item by item and may be repeated at any time; two that run side by side do nothing twice.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from matsapply.files.upkeep import forget, let_go, remove_orphans
from matsapply.mail.sender import Delivery, deliver_all
from matsapply.platform import clock, storage
from matsapply.platform.db import transaction_mode
from matsapply.platform.flask_db import db
from matsapply.process.due import run_due

if TYPE_CHECKING:
    from flask import Flask

    from matsapply.platform.settings import Settings

MOST_PIECES = 20_000  # pieces of due work in one go; beyond it, something does not come to an end

log = logging.getLogger(__name__)
_ticking = threading.Lock()


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
