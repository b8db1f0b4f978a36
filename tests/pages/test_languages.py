"""Which language a page is written in."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from matsapply.people.models import Person
from tests.visitor import Visitor, make_person

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


def spoken(page: str) -> str:
    return page.partition('<html lang="')[2][:2]


@pytest.mark.databases("sqlite")
def test_the_switch_counts_more_than_the_browser_and_kept_pages_are_told_apart(app: Flask) -> None:
    client = app.test_client()
    assert spoken(client.get("/").text) == "en"
    german = client.get("/", headers=GERMAN)
    assert spoken(german.text) == "de"
    assert german.headers["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(german.headers["Vary"].split(", "))
    assert spoken(client.get("/").text) == "en"
    for odd in ("", "*", "x" * 4000, "de;q=nonsense,,,", "fr, zh;q=0.3", "\x00de"):
        assert client.get("/", headers={"Accept-Language": odd}).status_code == 200

    chosen = client.post("/language", data={"language": "en", "next": "/dates?a=1"}, headers=GERMAN)
    assert (chosen.status_code, chosen.location) == (303, "/dates?a=1")
    assert spoken(client.get("/dates", headers=GERMAN).text) == "en"
    assert spoken(client.get("/nowhere", headers=GERMAN).text) == "en"
    client.post("/language", data={"language": "de"})
    assert spoken(client.get("/").text) == "de"
    assert spoken(client.get("/nowhere").text) == "de"


@pytest.mark.databases("sqlite")
def test_an_unknown_language_and_a_foreign_page_change_nothing(app: Flask) -> None:
    client = app.test_client()
    for language in ("", "fr", '"><script>', "../de"):
        assert client.post("/language", data={"language": language, "next": "//evil.example"}).location == "/"
    client.post("/language", data={"language": "de"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert client.get_cookie("language") is None


def test_a_signed_in_reader_keeps_the_choice_and_the_team_reads_english(app: Flask, live_session: Session) -> None:
    account = make_person(app, live_session, "ada@example.org", name="Ada Example")
    visitor = Visitor(app.test_client())
    visitor.sign_in("ada@example.org")
    assert spoken(visitor.get("/account").text) == "en"
    visitor.client.post("/language", data={"language": "de", "next": "/account"})
    live_session.expire_all()
    assert live_session.get_one(Person, account.person_id).language == "de"
    visitor.client.delete_cookie("language")
    assert spoken(visitor.get("/account").text) == "de"
