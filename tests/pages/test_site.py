"""The frame of a page: it speaks of the cohort that the page is about, and signing in leads to the right place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from flask import url_for
from werkzeug.routing import Rule

from matsapply.app import create_app
from matsapply.demo.staff import PASSWORD
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask

    from matsapply.platform.settings import Settings


@pytest.mark.demo
def test_the_frame_speaks_of_the_cohort_of_the_page_and_signing_in_leads_to_work(app: Flask) -> None:
    expected = {
        "applicant-draft@demo.example": ("/application", "June–August 2027"),
        "applicant-review@demo.example": ("/status", "May–July 2027"),
        "applicant-streams@demo.example": ("/status", "April–June 2027"),
        "applicant-offer@demo.example": ("/status", "March–May 2027"),
        "mentor@demo.example": ("/stream", "April–June 2027"),
        "admin@demo.example": ("/admin", "June–August 2027"),
    }
    seen = {}
    for email in expected:
        visitor = Visitor(app.test_client())
        visitor.sign_in(email, PASSWORD)
        place = visitor.get("/start").location
        page = visitor.client.get(place, follow_redirects=True).text
        seen[email] = (place.removesuffix("/2027-06"), bar_of(page))
        for path in set(re.findall(r'href="(/(?:offers|interviews|tasks)/[^"/]+)"', page)):
            further = visitor.client.get(path, follow_redirects=True)
            assert (path, bar_of(further.text)) == (path, seen[email][1])
    assert seen == expected


def bar_of(page: str) -> str:
    return page.split('<span class="topbar-cohort">', 1)[1].split("<", 1)[0]


@pytest.mark.databases("sqlite")
def test_the_code_of_an_address_is_compiled_when_it_is_first_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some two hundred routes, whose code is most of what it takes to build the site."""
    made: list[str] = []

    def compile_builder(rule: Rule, append_unknown: bool = True) -> Any:
        made.append(rule.rule)
        return compiled(rule, append_unknown)

    compiled = Rule._compile_builder
    monkeypatch.setattr(Rule, "_compile_builder", compile_builder)
    app = create_app(settings)
    assert made == []
    with app.test_request_context():
        for number in (7, 8):
            assert url_for("account.inbox", page=number) == f"/inbox?page={number}"
            assert url_for("reviewer.read", ref=f"a{number}") == f"/review/a{number}"
    assert sorted(made) == ["/inbox", "/review/<ref>"]
