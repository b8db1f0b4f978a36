"""Cases 15 to 18 of the hostile cases, as far as they are about accounts; each on both databases."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.mail.kinds import Mail
from matsapply.people.models import Person
from tests.visitor import NEW_PASSWORD, PASSWORD, Visitor, asked_for_reset, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.platform.clock import FixedClock

ADA = "ada@example.org"
NOBODY = "nobody@example.org"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


def stranger(app: Flask) -> Visitor:
    return Visitor(app.test_client())


def shown(response: TestResponse, *typed: str) -> str:
    """A page without what differs from request to request: tokens, and what was typed into it."""
    text = re.sub(r'value="[^" ]{60,}"', "", response.text)
    for each in typed:
        text = text.replace(each, "…")
    page = text
    # A token tells the second of its signing, which is nobody's secret.
    return re.sub(r'(name="csrf[-_]token"[^>]*(?:value|content)=")[^"]*', r"\1", page)


# --- case 15: the same answer for known and unknown ---------------------------------------------------------------


def test_signing_in_tells_nothing_about_who_is_known(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    make_person(app, live_session, "waiting@example.org", confirmed=False)
    answers = [stranger(app).sign_in(email, "not the right password") for email in (ADA, NOBODY, "waiting@example.org")]
    answers.append(stranger(app).sign_in("waiting@example.org"))
    assert {answer.status_code for answer in answers} == {422}
    assert len({shown(answer, ADA, NOBODY, "waiting@example.org") for answer in answers}) == 1


@pytest.mark.parametrize("path", ["/reset", "/confirm"])
def test_asking_for_a_link_tells_nothing_about_who_is_known(app: Flask, live_session: Session, path: str) -> None:
    make_person(app, live_session, ADA, confirmed=path == "/reset")
    pages = []
    for email in (ADA, NOBODY):
        asker = stranger(app)
        answer = asker.post(path, {"email": email})
        assert answer.status_code == 303
        pages.append(shown(asker.get(answer.location), email))
    assert pages[0] == pages[1]
    assert len(mails(live_session, ADA)) == 1
    assert mails(live_session, NOBODY) == []


def test_registering_tells_nothing_about_who_is_known(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    pages = []
    for email in (ADA, NOBODY):
        joiner = stranger(app)
        fields = {"display_name": "Eve", "email": email, "password": PASSWORD, "time_zone": "Europe/Berlin"}
        answer = joiner.post("/register", fields)
        assert answer.status_code == 303
        pages.append(shown(joiner.get(answer.location), email))
    assert pages[0] == pages[1]
    assert [mail.kind for mail in mails(live_session, ADA)] == [Mail.ALREADY_REGISTERED]
    assert [mail.kind for mail in mails(live_session, NOBODY)] == [Mail.CONFIRM_ADDRESS]
    assert live_session.scalars(sa.select(Person.display_name).order_by(Person.id)).all() == ["Ada Example", "Eve"]


def test_changing_to_a_taken_address_tells_nothing(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    make_person(app, live_session, "taken@example.org", name="Bo Sample")
    visitor.sign_in(ADA)
    pages = []
    for email in ("taken@example.org", NOBODY):
        answer = visitor.post("/account/address", {"email": email})
        assert answer.status_code == 303
        pages.append(shown(visitor.get(answer.location), email))
    assert pages[0] == pages[1]
    assert mails(live_session, "taken@example.org") == []


def test_a_stranger_who_registers_an_address_first_gains_nothing(app: Flask, live_session: Session) -> None:
    """Somebody registers Ada's address with a password of their own. Ada takes the account over by mail."""
    fields = {"display_name": "Eve", "email": ADA, "password": "the password of eve", "time_zone": "UTC"}
    assert stranger(app).post("/register", fields).status_code == 303
    assert stranger(app).sign_in(ADA, "the password of eve").status_code == 422
    stranger(app).post("/register", fields | {"display_name": "Ada", "password": PASSWORD})
    assert "/reset" in mails(live_session, ADA)[-1].body_text
    link = asked_for_reset(app, live_session, ADA)
    assert stranger(app).post(link, {"password": NEW_PASSWORD}).status_code == 303
    assert stranger(app).sign_in(ADA, "the password of eve").status_code == 422
    assert stranger(app).sign_in(ADA, NEW_PASSWORD).status_code == 303


# --- case 16: the eleventh bad password ---------------------------------------------------------------------------


def test_the_eleventh_bad_password_is_refused_whatever_the_header_says(
    app: Flask, live_session: Session, clock: FixedClock
) -> None:
    make_person(app, live_session, ADA)
    make_person(app, live_session, "bo@example.org", name="Bo Sample")
    for number in range(10):
        guesser = Visitor(app.test_client(), {"X-Forwarded-For": f"203.0.113.{number}"})
        assert guesser.sign_in(ADA, f"guess number {number}").status_code == 422
    late = Visitor(app.test_client(), {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.8"})
    refused = late.sign_in(ADA, "guess number ten")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert late.sign_in(ADA).status_code == 429  # the right one too: or guessing would go on by the answer
    assert late.sign_in("ADA@example.org").status_code == 429
    assert stranger(app).sign_in("bo@example.org").status_code == 303
    clock.advance(timedelta(minutes=15, seconds=1))
    assert stranger(app).sign_in(ADA).status_code == 303


def test_an_unknown_account_is_counted_alike(app: Flask) -> None:
    answers = [stranger(app).sign_in(NOBODY, f"guess {number}").status_code for number in range(11)]
    assert answers == [422] * 10 + [429]


def test_one_place_cannot_try_one_password_on_everybody(app: Flask) -> None:
    answers = [stranger(app).sign_in(f"person{n}@example.org", "summer 2027!").status_code for n in range(51)]
    assert answers == [422] * 50 + [429]


def test_good_passwords_are_not_counted(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    assert {stranger(app).sign_in(ADA).status_code for _ in range(12)} == {303}


def test_being_signed_in_does_not_clear_the_count_of_another_account(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    make_person(app, live_session, "eve@example.org", name="Eve")
    eve = stranger(app)
    eve.sign_in("eve@example.org")
    for number in range(10):
        assert stranger(app).sign_in(ADA, f"guess {number}").status_code == 422
        eve.post("/login", {"email": ADA, "password": "whatever it is"}, form="/account")
    assert stranger(app).sign_in(ADA, "guess ten").status_code == 429


def test_no_sign_in_without_its_counters(app: Flask, live_session: Session) -> None:
    """Whoever makes the counting fail must not get in by it."""
    make_person(app, live_session, ADA)
    counters = app.extensions["matsapply.limits"]
    counters.storage.path = counters.storage.path / "not a folder" / "limits.db"
    assert stranger(app).sign_in(ADA).status_code == 503


def test_one_mailbox_gets_few_links_an_hour(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    answers = [stranger(app).post("/reset", {"email": ADA}).status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]
    assert len(mails(live_session, ADA)) == 5


# --- case 17: the host --------------------------------------------------------------------------------------------


def test_a_foreign_host_is_refused_and_no_link_carries_it(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    asker = stranger(app)
    token = asker.token("/reset")
    for headers in ({"Host": "evil.example"}, {"Host": "localhost.evil.example"}):
        refused = asker.client.post("/reset", data={"csrf_token": token, "email": ADA}, headers=headers)
        assert refused.status_code == 400
    assert mails(live_session, ADA) == []
    headers = {"X-Forwarded-Host": "evil.example", "X-Original-Host": "evil.example", "Forwarded": "host=evil.example"}
    asker.client.post("/reset", data={"csrf_token": token, "email": ADA}, headers=headers)
    asker.client.post("/reset", data={"csrf_token": token, "email": ADA}, headers={"Host": "127.0.0.1"})
    written = mails(live_session, ADA)
    assert written
    for mail in written:
        assert "evil" not in mail.body_text + mail.body_html
        assert set(re.findall(r"https?://[^/\s\"]+", mail.body_text)) == {"http://localhost"}


# --- case 18: where signing in leads ------------------------------------------------------------------------------

FOREIGN = [
    "//evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "\\evil.example",
    "///evil.example",
    "////evil.example",
    "https://evil.example/",
    "http:evil.example",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "\t//evil.example",
    "\x01//evil.example",
    "data:text/html,x",
    "https://localhost@evil.example/",
]


@pytest.mark.parametrize("target", FOREIGN)
@pytest.mark.databases("sqlite")
def test_next_leads_to_a_local_page_only(app: Flask, live_session: Session, target: str) -> None:
    make_person(app, live_session, ADA)
    for in_address in (True, False):
        visitor = stranger(app)
        token = visitor.token("/login")
        fields = {"csrf_token": token, "email": ADA, "password": PASSWORD}
        answer = visitor.client.post(
            "/login",
            query_string={"next": target} if in_address else None,
            data=fields if in_address else fields | {"next": target},
        )
        if answer.status_code == 422:
            assert not visitor.signed_in
            continue
        assert answer.status_code == 303
        assert re.match(r"/(?![/\\])", answer.location), answer.location
        assert answer.location.isprintable()


@pytest.mark.parametrize("target", ["//[", "/\\[::1", "http://[", "//a\u2100b"])
def test_a_next_that_is_no_address_breaks_nothing(app: Flask, visitor: Visitor, target: str) -> None:
    """What only begins like another host cannot be taken apart."""
    fields = {"email": "x@example.org", "password": "x", "next": target}
    assert visitor.post("/login", fields).status_code in {400, 422}
    assert visitor.client.get("/login", query_string={"next": target}).status_code == 400
    answer = app.test_client().post("/language", data={"language": "de", "next": target})
    assert (answer.status_code, answer.location) == (303, "/")


def test_next_leads_back_to_the_page_that_was_asked_for(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    asked = visitor.get("/inbox?page=2")
    assert asked.status_code == 302
    answer = visitor.client.post(
        asked.location, data={"csrf_token": visitor.token(asked.location), "email": ADA, "password": PASSWORD}
    )
    assert answer.location == "/inbox?page=2"
