"""People who work at the site, as tests see them: signed in, and one writer at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.people.models import Account
from tests.visitor import PASSWORD, Visitor, hashed

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse


@dataclass
class Member(Visitor):
    """A visitor that ends the test's own transaction before each request: SQLite has one writer."""

    session: Session | None = None
    kept: str = ""

    def get(self, path: str, **more: Any) -> TestResponse:
        self.let_go()
        return super().get(path, **more)

    def send(self, path: str, fields: dict[str, Any] | None = None) -> TestResponse:
        """Send a form without opening its page: one token, from a page that everybody has, serves the whole session."""
        self.kept = self.kept or self.token("/account")
        self.let_go()
        return self.client.post(path, data={"csrf_token": self.kept, **(fields or {})}, headers=self.headers)

    def let_go(self) -> None:
        if self.session is not None:
            self.session.commit()

    def by_script(self, path: str, fields: dict[str, Any], *, form: str) -> TestResponse:
        """As the page's own scripts send it: the answer is JSON."""
        token = self.token(form)
        return self.client.post(path, data=fields, headers={"Accept": "application/json", "X-CSRFToken": token})


def sign_in(app: Flask, session: Session, person_id: int) -> Member:
    """Give the person's account a password and sign in with it."""
    account = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one()
    account.password, email = hashed(PASSWORD), account.email
    account.fs_uniquifier = account.fs_uniquifier or f"member-{person_id}"
    session.commit()
    member = Member(app.test_client(), session=session)
    assert member.sign_in(email).status_code == 303
    return member


def problems(answer: TestResponse) -> str:
    """What the summary of a page's problems says, as plain words."""
    found = re.search(r'class="error-summary".*?<ul>(.*?)</ul>', answer.text, re.DOTALL)
    return re.sub(r"<[^>]+>", " ", found.group(1)).strip() if found else ""
