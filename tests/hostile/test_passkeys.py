"""Cases 12 to 19 for passkeys and recovery codes; each on both databases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.people.models import Account, WebAuthn
from matsapply.rules.stages import Role
from tests.passkey import Passkey, add, begin, use
from tests.visitor import NEW_PASSWORD, PASSWORD, Visitor, link_in, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

ADA, BO = "ada@example.org", "bo@example.org"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def ada(app: Flask, visitor: Visitor, live_session: Session) -> Visitor:
    """An applicant, signed in by password."""
    make_person(app, live_session, ADA)
    visitor.sign_in(ADA)
    return visitor


@pytest.fixture
def staff(app: Flask, visitor: Visitor, live_session: Session) -> Visitor:
    """A reviewer, signed in by password alone."""
    make_person(app, live_session, ADA, Role.REVIEWER)
    visitor.sign_in(ADA)
    return visitor


def stranger(app: Flask) -> Visitor:
    return Visitor(app.test_client())


# --- case 12: the second factor -----------------------------------------------------------------------------------


def test_case_12_a_passkey_that_replaces_the_password_is_two_factors(app: Flask, staff: Visitor) -> None:
    passkey = Passkey()
    assert staff.get("/review").location == "/account/second-factor"
    assert add(staff, passkey, "first").location == "/account/security"
    assert staff.get("/review").status_code == 200
    other = stranger(app)
    assert use(other, passkey).location == "/start"
    assert other.get("/review").status_code == 200
    other.post("/account/sign-out-everywhere", form="/account/security")
    assert other.get("/review").status_code == 200, "the session that asked goes on"
    assert staff.get("/review").status_code == 302


def test_case_12_beside_such_a_passkey_the_password_alone_opens_nothing(app: Flask, staff: Visitor) -> None:
    add(staff, Passkey(), "first")
    thief = stranger(app)
    thief.sign_in(ADA)
    page = thief.get("/review", follow_redirects=True)
    assert "your password alone does not open them" in page.text
    for path in ("/account/codes", "/account/passkeys", "/account/password", "/account", "/account/recovery-codes"):
        assert thief.get(path).location == "/account/second-factor", "another factor here would make it enough"
    token = thief.token("/account/second-factor")
    assert thief.client.post("/account/codes", data={"csrf_token": token, "setup": "authenticator"}).status_code == 403
    assert thief.post("/logout", form="/account/second-factor").status_code == 303


def test_case_12_signing_in_by_password_afterwards_is_one_factor_again(app: Flask, staff: Visitor) -> None:
    passkey = Passkey()
    add(staff, passkey, "first")
    other = stranger(app)
    use(other, passkey)
    assert other.get("/review").status_code == 200
    other.post("/logout", form="/account")
    other.sign_in(ADA)
    assert other.get("/review").location == "/account/second-factor"


def test_case_12_a_passkey_as_second_step_is_asked_for(app: Flask, staff: Visitor) -> None:
    passkey = Passkey(unlocked=False)
    add(staff, passkey, "secondary")
    assert staff.get("/review").status_code == 200
    other = stranger(app)
    assert other.sign_in(ADA).location.startswith("/login/passkey")
    assert other.get("/review").location.startswith("/login")
    assert use(other, passkey).status_code == 303
    assert other.get("/review").status_code == 200


@pytest.mark.parametrize("usage", ["first", "secondary"])
def test_case_12_a_locked_passkey_never_replaces_the_password(app: Flask, ada: Visitor, usage: str) -> None:
    """Not even with the challenge of a second step, which asks for less."""
    passkey = Passkey()
    add(ada, passkey, usage)
    passkey.unlocked = False
    make = stranger(app)
    assert use(make, passkey).location == "/login/passkey"
    assert not make.signed_in
    helper, key = stranger(app), Passkey()
    helper.sign_in(ADA)
    if usage == "first":
        add(helper, key, "secondary", name="another key")
        half = stranger(app)
        half.sign_in(ADA)
        action, options = begin(half, "/login/passkey")
        thief = stranger(app)
        answer = thief.post(action, {"credential": passkey.signed(options)}, form="/login/passkey")
        assert answer.location == "/login/passkey"
        assert not thief.signed_in


def test_case_12_a_second_step_of_somebody_else_is_none(app: Flask, staff: Visitor, live_session: Session) -> None:
    add(staff, Passkey(), "secondary")
    make_person(app, live_session, BO, name="Bo Sample")
    bo, passkey = stranger(app), Passkey()
    bo.sign_in(BO)
    add(bo, passkey, "secondary")
    thief = stranger(app)
    thief.sign_in(ADA)
    use(thief, passkey)
    assert "Bo Sample" in thief.get("/account").text, "whose passkey it is, and nobody else"
    assert thief.get("/review").status_code in {302, 403}


# --- case 13: sessions --------------------------------------------------------------------------------------------


def test_case_13_a_passkey_changes_the_session_and_a_planted_one_is_dead(app: Flask, ada: Visitor) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    victim = stranger(app)
    planted_token = victim.token("/login")
    planted = victim.cookie()
    assert planted
    use(victim, passkey)
    assert victim.signed_in
    assert victim.cookie() != planted
    thief = stranger(app)
    thief.client.set_cookie("matsapply", planted)
    assert not thief.signed_in
    forged = victim.client.post("/account", data={"csrf_token": planted_token, "display_name": "Eve Planted"})
    assert forged.status_code == 400


# --- case 14: what was used, what is over -------------------------------------------------------------------------


def test_case_14_an_answer_works_for_its_own_challenge_only(app: Flask, ada: Visitor) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    _, other_options = begin(stranger(app), "/login/passkey")
    thief = stranger(app)
    action, _ = begin(thief, "/login/passkey")
    thief.post(action, {"credential": passkey.signed(other_options)}, form="/login/passkey")
    assert not thief.signed_in


def test_case_14_a_recorded_answer_does_not_work_again(app: Flask, ada: Visitor) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    first = stranger(app)
    action, options = begin(first, "/login/passkey")
    answer = passkey.signed(options)
    assert first.post(action, {"credential": answer}, form="/login/passkey").location == "/start"
    again = stranger(app)
    again.post(action, {"credential": answer}, form="/login/passkey")
    assert not again.signed_in


def test_case_14_a_reset_ends_the_sessions_of_a_passkey_and_a_removed_one_is_nothing(
    app: Flask, ada: Visitor, live_session: Session
) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    other = stranger(app)
    use(other, passkey)
    somebody = stranger(app)
    somebody.post("/reset", {"email": ADA})
    link = link_in(mails(live_session, ADA)[-1])
    assert somebody.post(link, {"password": NEW_PASSWORD}).status_code == 303
    assert not other.signed_in
    assert not ada.signed_in
    other = stranger(app)
    use(other, passkey)
    assert other.signed_in
    assert other.post("/account/passkeys/remove", {"name": "a key"}, form="/account/passkeys").status_code == 303
    assert live_session.scalar(sa.select(sa.func.count()).select_from(WebAuthn)) == 0
    live_session.rollback()
    late = stranger(app)
    use(late, passkey)
    assert not late.signed_in


def test_case_14_a_closed_account_stays_closed_to_its_passkey(app: Flask, ada: Visitor, live_session: Session) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    account = live_session.scalars(sa.select(Account).where(Account.email == ADA)).one()
    account.active = False
    live_session.commit()
    late = stranger(app)
    assert use(late, passkey).location == "/login/passkey"
    assert not late.signed_in


# --- case 15: nothing is told -------------------------------------------------------------------------------------


def test_case_15_a_ceremony_tells_nothing_about_who_is_known(app: Flask, ada: Visitor) -> None:
    add(ada, Passkey(), "first")
    for email in (ADA, "nobody@example.org"):
        _, options = begin(stranger(app), "/login/passkey", identity=email)
        assert not options.get("allowCredentials")


# --- case 16: tries -----------------------------------------------------------------------------------------------


def test_case_16_recovery_codes_cannot_be_tried_for_long_whatever_the_header_says(app: Flask, ada: Visitor) -> None:
    add(ada, Passkey(unlocked=False), "secondary")
    page = ada.post("/account/recovery-codes", {"generate_new_codes": "1"})
    code = re.findall(r"<li><code>([0-9a-f-]+)</code>", page.text)[0]
    thief = stranger(app)
    thief.sign_in(ADA)
    answers = []
    for number in range(11):
        thief.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        answers.append(thief.post("/login/recovery-code", {"code": f"{number:04}-0000-0000"}).status_code)
    assert answers == [422] * 10 + [429]
    assert thief.client.post("/login/recovery-code", data={"code": code}).status_code in {400, 429}
    assert not thief.signed_in


def test_case_16_a_recovery_code_without_the_password_is_nothing(app: Flask, ada: Visitor) -> None:
    add(ada, Passkey(unlocked=False), "secondary")
    page = ada.post("/account/recovery-codes", {"generate_new_codes": "1"})
    code = re.findall(r"<li><code>([0-9a-f-]+)</code>", page.text)[0]
    thief = stranger(app)
    thief.post("/login/recovery-code", {"code": code, "email": ADA}, form="/login")
    assert not thief.signed_in


# --- cases 18 and 19: where it leads, who may ask -----------------------------------------------------------------


@pytest.mark.parametrize("target", ["//evil.example", "\\evil.example", "javascript:alert(1)", "https://evil.example"])
@pytest.mark.databases("sqlite")
def test_case_18_next_after_a_passkey_is_a_page_of_ours(app: Flask, ada: Visitor, target: str) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    visitor = stranger(app)
    assert visitor.post("/login/passkey", {"next": target}).location is None
    action, options = begin(visitor, "/login/passkey")
    answer = {"credential": passkey.signed(options), "next": target}
    assert "evil" not in visitor.post(action, answer, form="/login/passkey").location
    assert use(stranger(app), passkey, next="/inbox").location == "/inbox"


def test_case_19_no_passkey_is_added_used_or_removed_without_a_token(app: Flask, ada: Visitor) -> None:
    passkey = Passkey()
    add(ada, passkey, "first")
    action, options = begin(stranger(app), "/login/passkey")
    for path, fields in (
        (action, {"credential": passkey.signed(options)}),
        ("/account/passkeys", {"name": "b", "usage": "first"}),
        ("/account/passkeys/remove", {"name": "a key"}),
        ("/account/recovery-codes", {"generate_new_codes": "1"}),
    ):
        who = stranger(app) if path == action else ada
        assert who.client.post(path, data=fields).status_code == 400
    assert PASSWORD not in ada.get("/account/security").text
    assert "a key" in ada.get("/account/security").text
