"""The second step of signing in: codes, recovery codes, a choice of two."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from passlib.totp import TOTP

from matsapply.mail.kinds import Mail
from matsapply.people.models import Account, WebAuthn
from matsapply.platform import clock as clock_module
from tests.visitor import PASSWORD, Visitor, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session


ADA = "ada@example.org"


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


def code_of(secret: str) -> str:
    return str(TOTP(key=secret.replace("-", "")).generate().token)


def turn_codes_on(visitor: Visitor) -> str:
    """Set up the authenticator app; gives its key."""
    page = visitor.post("/account/codes", {"setup": "authenticator"})
    assert page.status_code == 200
    key = re.search(r"<code>([A-Z2-7-]+)</code>", page.text)
    action = re.search(r'action="(/account/codes/[^"]+)"', page.text)
    assert key
    assert action
    bad = visitor.post(action.group(1), {"code": "000000"}, form="/account/codes")
    assert bad.status_code == 303
    done = visitor.post(action.group(1), {"code": code_of(key.group(1))}, form="/account/codes")
    assert done.location == "/account/security"
    return key.group(1)


def test_codes_are_asked_for_once_they_are_on(app: Flask, ada: Visitor, live_session: Session) -> None:
    key = turn_codes_on(ada)
    account = stored(live_session)
    assert account.tf_totp_secret
    assert key.replace("-", "") not in account.tf_totp_secret, "kept in clear"
    assert mails(live_session, ADA)[-1].kind is Mail.ACCOUNT_NOTICE
    other = Visitor(app.test_client())
    assert other.sign_in(ADA).location == "/login/code"
    assert not other.signed_in
    assert other.post("/login/code", {"code": "000000"}).status_code == 422
    code = code_of(key)
    assert other.post("/login/code", {"code": code}).status_code == 303
    assert other.signed_in
    replayed = Visitor(app.test_client())
    replayed.sign_in(ADA)
    assert replayed.post("/login/code", {"code": code}).status_code == 422, "a code works once"


def test_a_code_alone_is_nothing(app: Flask, ada: Visitor) -> None:
    key = turn_codes_on(ada)
    other = Visitor(app.test_client())
    assert other.get("/login/code").location == "/login"
    assert other.post("/login/code", {"code": code_of(key)}, form="/login").location == "/login"
    assert not other.signed_in


def test_codes_cannot_be_tried_for_long(app: Flask, ada: Visitor) -> None:
    turn_codes_on(ada)
    other = Visitor(app.test_client())
    other.sign_in(ADA)
    answers = [other.post("/login/code", {"code": f"{n:06}"}).status_code for n in range(11)]
    assert answers == [422] * 10 + [429]


def test_a_recovery_code_works_once(app: Flask, ada: Visitor, live_session: Session) -> None:
    turn_codes_on(ada)
    page = ada.post("/account/recovery-codes", {"generate_new_codes": "1"})
    codes = re.findall(r"<li><code>([0-9a-f-]+)</code>", page.text)
    assert len(codes) == 8
    kept = stored(live_session).mf_recovery_codes
    assert not set(kept) & set(codes), "kept in clear"
    assert codes[0] in ada.get("/account/recovery-codes?show_codes=1").text
    for attempt, status in ((codes[0], 303), (codes[0], 422), ("0000-0000-0000", 422), (codes[1], 303)):
        other = Visitor(app.test_client())
        other.sign_in(ADA)
        assert other.post("/login/recovery-code", {"code": attempt}).status_code == status
        assert other.signed_in is (status == 303)


def test_codes_can_be_turned_off_again(app: Flask, ada: Visitor, live_session: Session) -> None:
    turn_codes_on(ada)
    ada.post("/account/recovery-codes", {"generate_new_codes": "1"})
    assert ada.post("/account/codes", {"setup": "disable"}).status_code == 303
    assert not stored(live_session).has_second_factor
    assert not stored(live_session).mf_recovery_codes
    assert Visitor(app.test_client()).sign_in(ADA).location == "/start"


def test_what_protects_the_account_changes_only_for_somebody_who_proved_it_lately(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ada.client.session_transaction() as cookie:
        cookie["fs_paa"] -= 31 * 60
        cookie.pop("fs_gexp", None)
    for path in ("/account/codes", "/account/passkeys", "/account/recovery-codes", "/account/address"):
        assert ada.get(path).location.startswith("/verify?next=")
    assert ada.post("/verify", {"password": "not the password"}).status_code == 422
    answer = ada.post("/verify?next=/account/codes", {"password": PASSWORD})
    assert answer.location == "/account/codes"
    assert ada.get("/account/codes").status_code == 200


def test_with_two_second_steps_one_chooses(app: Flask, ada: Visitor, live_session: Session) -> None:
    turn_codes_on(ada)
    account = stored(live_session)
    live_session.add(
        WebAuthn(
            account_id=account.id,
            credential_id=b"1",
            public_key=b"2",
            backup_state=False,
            device_type="single_device",
            lastuse_datetime=clock_module.now(),
            name="a key",
            usage="secondary",
        )
    )
    live_session.commit()
    other = Visitor(app.test_client())
    assert other.sign_in(ADA).location == "/login/second-step"
    page = other.get("/login/second-step")
    assert "A passkey or security key" in page.text
    assert other.post("/login/second-step", {"which": "authenticator"}).location == "/login/code"
    assert other.post("/login/second-step", {"which": "nothing"}, form="/login/code").status_code == 422


def test_the_security_page_says_what_is_on(ada: Visitor) -> None:
    assert "No second step yet" in ada.get("/account/security").text
    turn_codes_on(ada)
    assert "You have no recovery codes" in ada.get("/account/security").text
    ada.post("/account/recovery-codes", {"generate_new_codes": "1"})
    assert "Recovery codes (8 left)" in ada.get("/account/security").text
