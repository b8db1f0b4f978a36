"""Applicants at the site: a cohort that takes applications, people who sign in, pages filled in as browsers do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pypdf import PdfWriter

from matsapply.people.models import Account, Person
from tests import factories as make
from tests.page_forms import form
from tests.visitor import Visitor, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from tests.page_forms import Form

# What a browser sends for everything that is required, by section.
COMPLETE: dict[str, dict[str, Any]] = {
    "you": {"name": "Ada Example", "timezone": "Europe/Berlin", "place": ["London"], "adult": "y"},
    "research": {"evidence": "I asked one question and answered half of it."},
    "choice": {"tracks": ["empirical"], "q_empirical": "A small experiment."},
    "consent": {"truth": "y"},
}


def pdf(pages: int = 1) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class Applicant(Visitor):
    """One browser of somebody who applies. Nothing here runs scripts."""

    def section(self, name: str) -> Form:
        return form(self.get(f"/application/sections/{name}").text, "section-form")

    def send(self, page: Form, section: str, /, **typed: Any) -> TestResponse:
        """Send a section's form as it was opened, with what is typed now."""
        return self.client.post(f"/application/sections/{section}", data=page.filled(**typed))

    def write(self, section: str, /, **typed: Any) -> TestResponse:
        return self.send(self.section(section), section, **typed)

    def autosave(self, page: Form, section: str, /, **typed: Any) -> TestResponse:
        """What the page's script sends after a pause."""
        sent = page.filled(**typed)
        token = sent.pop("csrf_token", [""])[0]
        headers = {"Accept": "application/json", "X-CSRFToken": token, "X-Requested-With": "autosave"}
        return self.client.post(f"/application/sections/{section}/autosave", data=sent, headers=headers)

    def complete(self) -> None:
        """Begin where that is still to be done, and answer everything required."""
        if self.get("/application").status_code == 302:
            assert self.post("/apply").status_code == 303
        for name, answers in COMPLETE.items():
            answer = self.write(name, **answers)
            assert answer.status_code == 303, re.sub(r"<[^>]+>", " ", answer.text)[:2000]

    def submit(self) -> TestResponse:
        page = form(self.get("/application/check").text, "/application/submit")
        return self.client.post("/application/submit", data=page.fields)

    def press(self, path: str, action: str, /, **typed: Any) -> TestResponse:
        """Open ``path`` and send its form that goes to ``action``."""
        page = form(self.get(path).text, action)
        return self.client.post(page.action or path, data=page.filled(**typed))


@dataclass
class Site:
    """The running site with one open cohort. ``session`` really commits."""

    app: Flask
    session: Session
    world: make.World

    def applicant(self, name: str = "Ada Example", email: str = "ada@example.org") -> Applicant:
        """Somebody with an account, signed in, in a browser of their own."""
        make_person(self.app, self.session, email, name=name)
        return self.signed_in(email)

    def signed_in(self, email: str) -> Applicant:
        visitor = Applicant(self.app.test_client())
        assert visitor.sign_in(email).status_code in {302, 303}
        return visitor

    def person(self, email: str = "ada@example.org") -> Person:
        query = sa.select(Person).join(Account, Account.person_id == Person.id).where(Account.email == email)
        found = self.session.scalars(query).one()
        self.session.expunge_all()
        self.session.rollback()
        return found

    def all(self, statement: Any) -> list[Any]:
        """What is stored now; the transaction is over when this returns."""
        self.session.rollback()
        found = list(self.session.scalars(statement))
        self.session.expunge_all()
        self.session.rollback()  # on SQLite an open transaction would keep the site from writing
        return found


def open_site(app: Flask, session: Session, **more: Any) -> Site:
    """A site whose one cohort is open on 10 January 2027, the clock of the tests."""
    session.expire_on_commit = False
    world = make.cohort(session, **more)
    session.commit()
    return Site(app, session, world)
