"""Public pages that are kept for some seconds: told apart by an ETag, whole with every header, never somebody's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.pages.public import caching
from matsapply.platform.flask_db import db

if TYPE_CHECKING:
    from flask import Flask

SECURITY = ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")


@pytest.fixture(autouse=True)
def _nothing_kept(app: Flask) -> None:
    caching.forget()


def statements(app: Flask) -> list[str]:
    seen: list[str] = []
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def test_a_kept_page_is_the_same_page_with_every_header_and_asks_the_database_nothing(app: Flask) -> None:
    client = app.test_client()
    first = client.get("/")
    seen = statements(app)
    again = client.get("/")
    assert again.status_code == 200
    assert again.data == first.data
    assert {name: again.headers[name] for name in (*SECURITY, "ETag", "Content-Type", "Content-Length")} == {
        name: first.headers[name] for name in (*SECURITY, "ETag", "Content-Type", "Content-Length")
    }
    assert again.headers["Cache-Control"] == "private, no-cache"
    assert again.headers["Vary"] == "Accept-Language, Cookie"
    assert seen == []


@pytest.mark.parametrize("kept", [True, False])
def test_who_holds_the_page_is_told_so(app: Flask, kept: bool) -> None:
    client = app.test_client()
    etag = client.get("/").headers["ETag"]
    if not kept:
        caching.forget()
    answer = client.get("/", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", etag)
    assert all(name in answer.headers for name in SECURITY)
    assert client.get("/", headers={"If-None-Match": '"another"'}).status_code == 200


def test_a_kept_page_is_not_for_another_theme_another_host_or_somebody_with_a_session(app: Flask) -> None:
    app.test_client().get("/")
    seen = statements(app)
    dark = app.test_client()
    dark.set_cookie("theme", "dark")
    assert 'data-theme="dark"' in dark.get("/").text
    assert app.test_client().get("/", headers={"Host": "elsewhere.example"}).status_code == 400
    known = app.test_client()
    with known.session_transaction() as cookie:
        cookie["something"] = "of one's own"
    before = len(seen)
    answer = known.get("/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(seen) > before


def test_a_page_is_kept_for_the_address_with_its_question(app: Flask) -> None:
    client = app.test_client()
    client.get("/showcase?q=first-question")
    assert "second-question" in client.get("/showcase?q=second-question").text


def test_a_page_that_is_not_there_is_not_kept(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/streams/none").status_code == 404
    assert "ETag" not in client.get("/streams/none").headers
