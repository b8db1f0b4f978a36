"""Run as a program: an applicant submits, and at a chosen point of that request the process is killed (case 33).

    python -m tests.hostile.killed_in_submit EMAIL PASSWORD POINT

POINT is the number of the statement at which to die, "before" or "after" the commit, or "never". The settings come
from the environment. Prints the status of the answer where there is one.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from matsapply.app import create_app
from matsapply.platform import clock
from matsapply.platform.flask_db import db
from tests.visitor import Visitor


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(engine: sa.Engine, point: str) -> None:
    if point == "before":
        sa.event.listen(engine, "commit", die)
    elif point == "after":
        sa.event.listen(sa.orm.Session, "after_commit", die)
    elif point != "never":
        seen = iter(range(1, int(point)))

        def count(*_: Any) -> None:
            if next(seen, None) is None:
                die()

        sa.event.listen(engine, "before_cursor_execute", count)


def main(email: str, password: str, point: str, instant: str) -> None:
    app = create_app()
    clock.install(clock.FixedClock(datetime.fromisoformat(instant)))
    visitor = Visitor(app.test_client())
    visitor.sign_in(email, password)
    page = visitor.get("/application/check")
    key = page.text.partition('name="submit_key" value="')[2].partition('"')[0]
    token = visitor.token("/application/check")
    with app.app_context():
        arm(db.engine, point)
    data = {"csrf_token": token, "submit_key": key}
    sys.stdout.write(str(visitor.client.post("/application/submit", data=data).status_code))


if __name__ == "__main__":
    main(*sys.argv[1:])
