"""A person at the site, as tests see them: forms with their tokens, mails with their links, a password."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.mail.tokens import digest_of
from matsapply.pages.account.passwords import hash_password
from matsapply.people import actions
from matsapply.people.models import Account, Device
from matsapply.platform import clock
from matsapply.platform.settings import Settings
from matsapply.rules.access import ANONYMOUS
from matsapply.rules.stages import Role, Scope
from tests.databases import SALT

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

PASSWORD = "four unlikely words together"
NEW_PASSWORD = "five even less likely words together"
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Visitor:
    """One browser: a client with its cookies."""

    client: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, headers=self.headers, **more)

    def post(self, path: str, fields: dict[str, Any] | None = None, *, form: str | None = None) -> TestResponse:
        """Fill in the form of the page at ``form`` (default: the same address) and send it to ``path``."""
        data = {"csrf_token": self.token(form or path), **(fields or {})}
        return self.client.post(path, data=data, headers=self.headers)

    def token(self, path: str) -> str:
        page = self.get(path)
        found = TOKEN.search(page.text)
        assert found, f"{path} answers {page.status_code} and shows no form"
        return html.unescape(found.group(1))

    def sign_in(self, email: str, password: str = PASSWORD, **more: Any) -> TestResponse:
        return self.post("/login", {"email": email, "password": password, **more})

    def cookie(self) -> str | None:
        found = self.client.get_cookie("matsapply")
        return found.value if found else None

    @property
    def signed_in(self) -> bool:
        return self.get("/account").status_code == 200


@cache
def hashed(password: str, salt: str = SALT) -> str:
    """The hash of a password at a site with that salt; made once in each process, for it is slow on purpose."""
    return hash_password(password, Settings(password_salt=salt))


def make_person(
    app: Flask,
    session: Session,
    email: str = "ada@example.org",
    *roles: Role,
    name: str = "Ada Example",
    password: str | None = PASSWORD,
    confirmed: bool = True,
) -> Account:
    """A person with an account and programme-wide roles, committed."""
    secret = hashed(password, app.extensions["matsapply.settings"].password_salt) if password else None
    account = actions.create_person(
        session,
        ANONYMOUS,
        display_name=name,
        email=email,
        password_hash=secret,
        confirmed=confirmed,
        now=clock.now(),
    )
    for role in roles:
        actions.grant(session, ANONYMOUS, account.person_id, role, Scope.PROGRAM, None, clock.now(), None, clock.now())
    session.commit()
    return account


def a_device(session: Session, account_id: int) -> str:
    """Note a sign-in of the account and return what the session's cookie carries of it; committed."""
    mark = f"device of {account_id}"
    ends_at = clock.now() + timedelta(days=14)
    session.add(Device(account_id=account_id, mark_digest=digest_of(mark), name="A browser", ends_at=ends_at))
    session.commit()
    return mark


def mails(session: Session, recipient: str | None = None) -> list[Notification]:
    """What was written, the oldest first; to one address if given."""
    session.rollback()
    statement = sa.select(Notification).order_by(Notification.id)
    if recipient:
        statement = statement.where(Notification.recipient == recipient)
    found = list(session.scalars(statement))
    session.expunge_all()
    session.rollback()  # on SQLite an open transaction would keep the site from writing
    return found


def link_in(mail: Notification) -> str:
    """The address of the first link to this site, beyond its home page, in a mail's text."""
    found = re.search(r"http://localhost(/[^\s]+)", mail.body_text)
    assert found, mail.body_text
    return found.group(1)


def asked_for_reset(app: Flask, session: Session, email: str) -> str:
    """The address that a stranger's request for a new password sends there."""
    assert Visitor(app.test_client()).post("/reset", {"email": email}).status_code == 303
    mail = mails(session, email)[-1]
    assert mail.kind is Mail.RESET_PASSWORD
    return link_in(mail)
