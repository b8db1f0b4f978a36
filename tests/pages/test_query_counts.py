"""How many statements a page takes: a number that stands here, and the same one for few rows as for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.app import create_app
from matsapply.pages import site
from matsapply.pages.admin import figures
from matsapply.pages.public import caching
from matsapply.people.models import Account
from matsapply.platform import clock as clock_module
from matsapply.platform.flask_db import db
from matsapply.platform.settings import Settings
from tests.conftest import Client
from tests.databases import SALT
from tests.demo_site import fill
from tests.visitor import a_device

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from tests.databases import Database

FEW, MANY = 120, 480
NOT_COUNTED = ("BEGIN", "PRAGMA", "SET TRANSACTION")  # what opens a transaction asks for no rows
ADMIN, READER, MENTOR = "admin@demo.example", "reviewer@demo.example", "mentor@demo.example"
IN_REVIEW, IN_STREAMS, IN_OFFERS = "/admin/2027-05", "/admin/2027-04", "/admin/2027-03"
LED = "/stream/oversight@2027-04"

# Who asks for what, and the most statements it may take. The first six are the pages people wait for most. A
# stranger's pages are kept for some seconds; the numbers are those of a page that is made anew.
PAGES: tuple[tuple[str, str, int], ...] = (
    (READER, "/review", 6),
    (ADMIN, f"{IN_REVIEW}/applications", 6),
    (ADMIN, f"{IN_REVIEW}/applications?q=an", 6),
    (ADMIN, IN_REVIEW, 6),
    ("applicant-review@demo.example", "/status", 6),
    ("applicant-streams@demo.example", "/status", 8),
    ("applicant-streams@demo.example", "/inbox", 4),
    ("applicant-streams@demo.example", "/threads", 4),
    (ADMIN, f"{IN_STREAMS}/threads", 4),
    (READER, "/review/done", 6),
    (ADMIN, "/admin/people", 6),
    (ADMIN, f"{IN_REVIEW}/assignments", 6),
    (ADMIN, f"{IN_STREAMS}/decisions", 6),
    (ADMIN, f"{IN_STREAMS}/decisions/empirical", 6),
    (ADMIN, f"{IN_STREAMS}/releases", 6),
    (ADMIN, f"{IN_OFFERS}/offers", 6),
    (ADMIN, "/admin/log", 6),
    (MENTOR, f"{LED}/candidates", 6),
    (MENTOR, f"{LED}/ranking", 6),
    (MENTOR, f"{LED}/interviews", 7),
    (MENTOR, f"{LED}/tasks", 9),
    ("", "/", 11),
    ("", "/tracks", 9),
    ("", "/streams/oversight", 9),
    ("", "/showcase", 7),
    ("", "/dates", 2),
)


def counted(app: Flask, address: str) -> dict[str, int]:
    """The statements of each page of ``PAGES``, its caches of counts and of whole pages being cold."""
    engine = sa.create_engine(address)
    wanted = {who for who, *_ in PAGES if who}
    with Session(engine) as session:
        accounts = session.scalars(sa.select(Account).where(Account.email.in_(wanted))).all()
        marks = {one.email: (one.fs_uniquifier, one.id) for one in accounts}
        marks = {email: (mark, a_device(session, key)) for email, (mark, key) in marks.items()}
    engine.dispose()
    seen: list[str] = []
    with app.app_context():
        site_engine = db.engine
    sa.event.listen(site_engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    found: dict[str, int] = {}
    for who, path, _ in PAGES:
        client = app.test_client()
        if who:
            with client.session_transaction() as cookie:
                cookie["_user_id"], cookie["device"] = marks[who]
                cookie["_fresh"] = True
        assert client.get(path).status_code == 200, (who, path)  # what is read once a process is read now
        caching.forget()
        figures.forget()
        seen.clear()
        page = client.get(path)
        assert page.status_code == 200
        found[f"{who} {path}"] = len([each for each in seen if not each.startswith(NOT_COUNTED)])
    return found


def site_with(database: Database, folder: Path, applications: int) -> dict[str, int]:
    address = database.fresh(f"count-{applications}")
    fill(address, applications=applications, seed=1, reviewers=30)
    (folder / str(applications)).mkdir()
    settings = Settings(
        data=folder / str(applications),
        demo=True,
        database_url=address,
        secret_key="a secret for tests only",
        password_salt=SALT,
        base_url="http://localhost",
        jobs="none",
    )
    running = clock_module.current()
    app = create_app(settings)
    app.test_client_class = Client
    clock_module.install(running)
    try:
        return counted(app, address)
    finally:
        with app.app_context():
            for each in db.engines.values():
                each.dispose()


@pytest.mark.usefixtures("clock")
def test_pages_take_no_more_statements_for_more_rows(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "KEPT_FOR", 3600.0)  # which cohorts there are is read every few seconds, not by each page
    few, many = (site_with(database, tmp_path, number) for number in (FEW, MANY))
    # A page of few may take one more: there the scored and the unscored meet, and each has an order of its own.
    grown = {page: (few[page], many[page]) for page in few if many[page] > few[page]}
    assert grown == {}
    ceilings = {f"{who} {path}": most for who, path, most in PAGES}
    assert {page: number for page, number in many.items() if number > ceilings[page]} == {}
