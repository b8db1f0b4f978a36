"""A database that does not answer: a polite 503 that says when to come back, never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from matsapply.platform.flask_db import db
from tests.visitor import PASSWORD, Visitor, make_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from sqlalchemy.orm import Session

ADA = "ada@example.org"


@pytest.fixture
def away(app: Flask, live_session: Session) -> Iterator[Visitor]:
    """Somebody who is signed in when the database goes away."""
    make_person(app, live_session, ADA)
    visitor = Visitor(app.test_client())
    assert visitor.sign_in(ADA, PASSWORD).status_code in {302, 303}
    token = visitor.token("/account")

    def refuse(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the database is away"))

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", refuse)
    sa.event.listen(engine, "begin", refuse)
    visitor.headers["X-CSRFToken"] = token
    yield visitor
    sa.event.remove(engine, "before_cursor_execute", refuse)
    sa.event.remove(engine, "begin", refuse)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/account", "/application/sections/you", "/healthz"])
def test_case_35_a_503_with_retry_after_and_the_headers_of_every_page(away: Visitor, method: str, path: str) -> None:
    answer = away.client.open(path, method=method, headers=away.headers)
    if (method, path) == ("POST", "/healthz"):
        assert answer.status_code in {405, 503}
        return
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "what you saved is safe" in answer.text
    assert "the database is away" not in answer.text


def test_case_35_a_script_that_saves_gets_json(away: Visitor) -> None:
    headers = away.headers | {"Accept": "application/json"}
    answer = away.client.post("/application/sections/you/autosave", headers=headers)
    assert answer.status_code == 503
    assert "what you saved is safe" in answer.get_json()["message"]
