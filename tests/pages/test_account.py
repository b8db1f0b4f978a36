"""The account pages: registering, profile, inbox, invitations; what they answer and what they cost."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from flask import g
from flask_security.proxies import _security

from matsapply.app import create_app
from matsapply.audit.models import AuditEvent
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.pages import guard
from matsapply.pages.account import invitations
from matsapply.pages.account.setup import ROUTES
from matsapply.people.models import Account, EmailAddress
from matsapply.platform import clock as clock_module
from matsapply.platform.db import set_transaction_mode
from matsapply.platform.flask_db import db
from matsapply.rules.stages import Role
from tests.visitor import NEW_PASSWORD, PASSWORD, Visitor, a_device, link_in, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

ADA = "ada@example.org"
JOIN = {"display_name": "Ada Lovelace-Zoë", "email": ADA, "password": PASSWORD, "time_zone": "Asia/Kolkata"}


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def ada(app: Flask, visitor: Visitor, live_session: Session) -> Visitor:
    """Signed in."""
    make_person(app, live_session, ADA)
    assert visitor.sign_in(ADA).status_code == 303
    return visitor


def stored(session: Session) -> Account:
    session.rollback()
    account = session.scalars(sa.select(Account).where(Account.email == ADA)).one()
    session.expunge_all()
    session.rollback()
    return account


def actions_of(session: Session) -> list[str]:
    session.rollback()
    found = list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.id)))
    session.rollback()
    return found


# --- registering --------------------------------------------------------------------------------------------------


def test_from_registering_to_signed_in(visitor: Visitor, live_session: Session) -> None:
    assert visitor.post("/register", JOIN).location == "/login"
    account = stored(live_session)
    assert (account.person.display_name, account.person.time_zone) == ("Ada Lovelace-Zoë", "Asia/Kolkata")
    assert account.confirmed_at is None
    assert account.password
    assert account.password.startswith("$argon2id$")
    assert visitor.sign_in(ADA).status_code == 422
    (mail,) = mails(live_session, ADA)
    assert (mail.kind, mail.in_portal) == (Mail.CONFIRM_ADDRESS, False)
    assert visitor.get(link_in(mail)).status_code == 302
    account = stored(live_session)
    assert account.confirmed_at == clock_module.now()
    assert live_session.scalars(sa.select(EmailAddress.verified_at)).one() == clock_module.now()
    live_session.rollback()
    signed_in = visitor.sign_in(" ADA@Example.org ")
    assert (signed_in.status_code, signed_in.location) == (303, "/start")
    assert visitor.get("/start").status_code == 303
    page = visitor.get("/account")
    assert "Ada Lovelace-Zoë" in page.text
    assert stored(live_session).login_count == 1
    assert visitor.post("/logout", form="/account").status_code == 303
    assert not visitor.signed_in
    happened = ["person.created", "account.address_confirmed", "account.signed_in"]
    assert [each for each in actions_of(live_session) if each.startswith(("person", "account"))] == happened


def test_a_confirmation_link_works_once(visitor: Visitor, live_session: Session) -> None:
    visitor.post("/register", JOIN)
    link = link_in(mails(live_session)[0])
    visitor.get(link)
    assert "confirmed already" in visitor.get(visitor.get(link).location).text
    assert visitor.get("/confirm/made-up").location == "/confirm"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"email": "no address"}, "Write an address with an @"),
        ({"email": "a@b.example\nbcc: c@d.example"}, "Write an address with an @"),
        ({"display_name": "  "}, "Enter your name."),
        ({"display_name": "Ada\x00"}, "Write the name on one line."),
        ({"display_name": "Ada\u202egnp.exe"}, "changes the direction"),
        ({"display_name": "x" * 201}, "At most 200 characters."),
        ({"password": "short"}, "Use at least 12 characters."),
        ({"password": "password1234"}, "nobody would guess"),
        ({"password": "aaaaaaaaaaaaaa"}, "nobody would guess"),
        ({"password": ADA}, "Do not use your address"),
        ({"password": "x y z " * 300}, "at most 1000"),
        ({"time_zone": "Mars/Olympus"}, "Not a valid choice"),
        ({"email": "x" * 300 + "@example.org"}, "at most 255"),
    ],
)
def test_what_is_wrong_is_said_and_the_text_kept(
    visitor: Visitor, live_session: Session, change: dict[str, str], sentence: str
) -> None:
    answer = visitor.post("/register", JOIN | change)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    if "display_name" not in change:
        assert "Ada Lovelace-Zoë" in answer.text
    assert PASSWORD not in answer.text
    assert mails(live_session) == []
    assert live_session.scalar(sa.select(sa.func.count()).select_from(Account)) == 0


@pytest.mark.databases("sqlite")
def test_only_forms_are_taken(app: Flask, visitor: Visitor) -> None:
    token = visitor.token("/login")
    headers = {"X-CSRFToken": token}
    for body in ([1, 2], {"email": ADA, "password": {"a": 1}}, "text"):
        assert visitor.client.post("/login", json=body, headers=headers).status_code == 415
    assert visitor.client.get("/login", headers={"Accept": "application/json"}).mimetype == "text/html"


@pytest.mark.databases("sqlite")
def test_no_token_and_no_basic_authentication_sign_anybody_in(app: Flask, ada: Visitor, live_session: Session) -> None:
    account = stored(live_session)
    with app.test_request_context():
        token = account.get_auth_token()
    other = app.test_client()
    for headers in ({"Authentication-Token": token}, {"Authorization": "Basic YWRhQGV4YW1wbGUub3JnOng="}):
        assert other.get("/account", headers=headers).status_code == 302
    assert other.get(f"/account?auth_token={token}").status_code == 302


def test_two_who_register_one_address_at_once(
    app: Flask, live_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form of each found the address free; the database lets one through."""
    Visitor(app.test_client()).post("/register", JOIN)
    monkeypatch.setattr("matsapply.people.queries.account_by_address", lambda *_: None)
    monkeypatch.setattr("matsapply.people.actions.person_by_address", lambda *_: None)
    assert Visitor(app.test_client()).post("/register", JOIN | {"display_name": "Eve"}).status_code == 409
    assert stored(live_session).person.display_name == "Ada Lovelace-Zoë"


# --- profile, security, inbox -------------------------------------------------------------------------------------


def test_name_and_zone_can_be_changed(ada: Visitor, live_session: Session) -> None:
    changes = {"display_name": "Ada B.", "time_zone": "Pacific/Kiritimati", "language": "de"}
    assert ada.post("/account", changes).status_code == 303
    page = ada.get("/account")
    assert '<html lang="de"' in page.text
    assert 'data-zone="Pacific/Kiritimati"' in page.text
    assert stored(live_session).person.aliases == ["Ada Example"]
    refused = ada.post("/account", {"display_name": "", "time_zone": "Pacific/Kiritimati"})
    assert refused.status_code == 422


def tokenless(page: str) -> str:
    return re.sub(r'(value|content)="[^" ]{60,}"', "", page)


def write(session: Session, account: Account, cause: str, *, in_portal: bool = True, text: str = "") -> str:
    made = outbox.queue(
        session,
        Mail.ACCOUNT_NOTICE,
        cause=cause,
        now=clock_module.now(),
        person_id=account.person_id,
        recipient=account.email,
        context={"name": account.person.display_name, "zone": "UTC", "notice": text or f"Notice {cause}."},
        in_portal=in_portal,
    )
    assert made is not None
    public_id = made.public_id
    session.commit()
    return public_id


def test_the_inbox_shows_ones_own_messages_only(app: Flask, ada: Visitor, live_session: Session) -> None:
    account = stored(live_session)
    other = make_person(app, live_session, "bo@example.org", name="Bo Sample")
    text = "<script>alert(1)</script> see http://localhost/account?x=1, or https://evil.example/"
    own = write(live_session, account, "one", text=text)
    foreign = write(live_session, other, "two")
    listed = ada.get("/inbox").text
    assert own in listed
    assert foreign not in listed
    page = ada.get(f"/inbox/{own}").text
    assert "<script>alert" not in page
    assert '<a href="/account?x=1">http://localhost/account?x=1</a>,' in page
    assert 'href="https://evil' not in page
    missing = ada.get("/inbox/0000000000000")
    assert missing.status_code == 404
    answer = ada.get(f"/inbox/{foreign}")
    assert answer.status_code == 404
    assert tokenless(answer.text) == tokenless(missing.text.replace("0000000000000", foreign))
    assert ada.post(f"/inbox/{foreign}/read", form="/account").status_code == 404
    assert ada.post(f"/inbox/{own}/read", form=f"/inbox/{own}").status_code == 303
    read = live_session.scalars(sa.select(Notification.public_id).where(Notification.read_at.is_not(None))).all()
    live_session.rollback()
    assert read == [own]


def test_mails_of_the_account_are_listed_and_their_links_are_not_shown(ada: Visitor, live_session: Session) -> None:
    account = stored(live_session)
    ada.post("/inbox/read", form="/account")
    outbox.queue(
        live_session,
        Mail.RESET_PASSWORD,
        cause="a reset",
        now=clock_module.now(),
        person_id=account.person_id,
        recipient=account.email,
        context={"name": "Ada", "zone": "UTC", "link": "/reset/a-secret", "within": "2 hours"},
        in_portal=False,
    )
    new = write(live_session, account, "new")
    letter = live_session.scalars(sa.select(Notification).where(Notification.cause == "a reset")).one()
    public_id, subject = letter.public_id, letter.subject
    live_session.rollback()
    page = ada.get("/inbox").text
    assert subject in page
    assert "1 unread message" in page
    opened = ada.get(f"/inbox/{public_id}")
    assert opened.status_code == 200
    assert "a-secret" not in opened.text
    assert ada.post(f"/inbox/{public_id}/read", form="/account").status_code == 404
    assert ada.post("/inbox/read", form="/inbox").status_code == 303
    assert "No unread messages" in ada.get("/inbox").text
    assert new in ada.get("/inbox").text


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("page", ["-1", "0", "1000000000000000000", "x", ""])
def test_odd_pages_of_the_inbox_are_pages(ada: Visitor, page: str) -> None:
    assert ada.get(f"/inbox?page={page}").status_code == 200


# --- invitations --------------------------------------------------------------------------------------------------


def test_an_invitation_becomes_an_account_once(app: Flask, visitor: Visitor, live_session: Session) -> None:
    account = make_person(app, live_session, ADA, Role.REVIEWER, password=None, confirmed=False)
    with app.test_request_context():
        link = invitations.link_for(account)
    live_session.rollback()
    fields = {"display_name": "Ada Reviewer", "password": NEW_PASSWORD, "time_zone": "Europe/Paris"}
    assert visitor.post(link, fields | {"password": "short"}).status_code == 422
    assert visitor.post(link, fields).location == "/login"
    assert visitor.get(link).status_code == 410
    assert visitor.get("/invitation/made-up").status_code == 410
    assert visitor.sign_in(ADA, NEW_PASSWORD).status_code == 303
    assert stored(live_session).person.display_name == "Ada Reviewer"
    assert stored(live_session).confirmed_at is not None


def test_an_old_invitation_is_renewed_by_the_forgotten_password_page(
    app: Flask, visitor: Visitor, live_session: Session
) -> None:
    make_person(app, live_session, ADA, password=None, confirmed=False)
    visitor.post("/reset", {"email": ADA})
    assert visitor.post(link_in(mails(live_session, ADA)[-1]), {"password": NEW_PASSWORD}).status_code == 303
    assert visitor.sign_in(ADA, NEW_PASSWORD).status_code == 303


# --- what stands around -------------------------------------------------------------------------------------------


@pytest.mark.databases("sqlite")
def test_every_library_endpoint_is_in_the_table(app: Flask) -> None:
    ours = {f"security.{route.endpoint}" for route in ROUTES}
    assert {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("security.")} == ours
    assert all(guard.LIBRARY_ENDPOINTS[endpoint] for endpoint in ours)
    assert not [rule for rule in app.url_map.iter_rules() if "fs-static" in rule.rule]


@pytest.mark.parametrize("roles", [(), (Role.REVIEWER, Role.MENTOR)])
def test_who_is_looking_takes_one_query(
    app: Flask, visitor: Visitor, live_session: Session, roles: tuple[Role, ...]
) -> None:
    account = make_person(app, live_session, ADA, *roles)
    account.tf_primary_method, account.tf_totp_secret = "authenticator", "whatever"
    mark = account.fs_uniquifier
    with visitor.client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"], cookie["device"] = mark, True, a_device(live_session, account.id)
    seen: list[str] = []
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    with app.test_request_context("/nowhere", headers={"Cookie": f"matsapply={visitor.cookie()}"}):
        seen.clear()
        app.preprocess_request()
        assert g.actor.roles == set(roles)
        assert g.viewer.name == "Ada Example"
        assert len([each for each in seen if each.lstrip().upper().startswith("SELECT")]) == 1
    seen.clear()
    with visitor.get("/static/css/base.css") as sheet:
        assert sheet.status_code == 200
    assert seen == []


@pytest.mark.databases("sqlite")
def test_somebody_without_a_session_costs_no_query(app: Flask, visitor: Visitor) -> None:
    seen: list[str] = []
    with app.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert visitor.get("/login").status_code == 200
    assert [each for each in seen if "account" in each or "role_grant" in each] == []


@pytest.mark.databases("sqlite")
def test_the_clock_of_the_library_is_ours(app: Flask, clock: clock_module.FixedClock) -> None:
    with app.app_context():
        assert _security.datetime_factory() == clock.now()


@pytest.mark.databases("sqlite")
def test_the_demo_asks_no_second_factor(settings: Settings, live_session: Session, clock: FixedClock) -> None:
    app = create_app(replace(settings, demo=True))
    clock_module.install(clock)
    make_person(app, live_session, ADA, Role.ADMIN)
    visitor = Visitor(app.test_client())
    assert visitor.sign_in(ADA).status_code == 303
    set_transaction_mode("write")
    assert visitor.get("/account").status_code == 200
    with app.app_context():
        db.engine.dispose()
