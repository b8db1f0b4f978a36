"""Cases 9, 11 to 14 and 19 of the hostile cases, as far as they are about accounts; each on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from itsdangerous import TimestampSigner

from matsapply.audit.models import AuditEvent
from matsapply.mail.kinds import Mail
from matsapply.people import actions, queries
from matsapply.people.models import Account, RoleGrant
from matsapply.platform import clock as clock_module
from matsapply.rules.access import ANONYMOUS, Actor
from matsapply.rules.stages import Role, Scope
from tests.visitor import NEW_PASSWORD, PASSWORD, Visitor, asked_for_reset, link_in, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session


ADA = "ada@example.org"


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


def stranger(app: Flask) -> Visitor:
    return Visitor(app.test_client())


# --- case 9: roles ------------------------------------------------------------------------------------------------


def test_a_role_that_was_taken_away_is_gone_at_the_next_request(app: Flask, live_session: Session) -> None:
    account = make_person(app, live_session, ADA, Role.ADMIN)
    make_person(app, live_session, "other@example.org", Role.ADMIN)
    with app.test_request_context():
        held = queries.actor_of(live_session, account.person_id, clock_module.now())
        assert held.roles == {Role.ADMIN}
        made = live_session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == account.person_id)).one()
        actions.revoke(live_session, ANONYMOUS, made, clock_module.now())
        assert queries.actor_of(live_session, account.person_id, clock_module.now()).roles == frozenset()


# --- case 12: the second factor -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/account", "/account/security", "/inbox", "/start"])
def test_staff_without_a_second_factor_see_the_set_up_page_only(
    app: Flask, visitor: Visitor, live_session: Session, path: str
) -> None:
    make_person(app, live_session, ADA, Role.REVIEWER)
    visitor.sign_in(ADA)
    page = visitor.get(path)
    assert (page.status_code, page.location) == (303, "/account/second-factor")
    assert visitor.get("/account/second-factor").status_code == 200
    assert visitor.get("/account/codes").status_code == 200
    assert visitor.get("/account/passkeys").status_code == 200
    assert visitor.post("/account/sign-out-everywhere", form="/account/second-factor").status_code == 403
    assert visitor.post("/logout", form="/account/second-factor").status_code == 303
    assert not visitor.signed_in


def test_an_applicant_needs_no_second_factor(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    visitor.sign_in(ADA)
    assert visitor.signed_in


# --- case 13: sessions --------------------------------------------------------------------------------------------


def test_signing_in_changes_the_session_and_a_planted_one_is_dead(
    app: Flask, visitor: Visitor, live_session: Session
) -> None:
    make_person(app, live_session, ADA)
    planted_token = visitor.token("/login")
    planted = visitor.cookie()
    assert planted
    visitor.client.post("/login", data={"csrf_token": planted_token, "email": ADA, "password": PASSWORD})
    assert visitor.signed_in
    assert visitor.cookie() != planted
    thief = stranger(app)
    thief.client.set_cookie("matsapply", planted)
    assert not thief.signed_in
    # Whoever planted the session knows its token; it does not work in the session that began with the sign-in.
    forged = visitor.client.post("/account", data={"csrf_token": planted_token, "display_name": "Eve Planted"})
    assert forged.status_code == 400
    assert "Eve Planted" not in visitor.get("/account").text


def test_a_new_password_ends_every_other_session_and_keeps_this_one(
    app: Flask, visitor: Visitor, live_session: Session
) -> None:
    make_person(app, live_session, ADA)
    elsewhere = stranger(app)
    elsewhere.sign_in(ADA)
    visitor.sign_in(ADA)
    assert elsewhere.signed_in
    changed = visitor.post("/account/password", {"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert changed.status_code == 303
    assert visitor.signed_in
    assert not elsewhere.signed_in
    assert [mail.kind for mail in mails(live_session, ADA)] == [Mail.PASSWORD_CHANGED]
    assert stranger(app).sign_in(ADA).status_code == 422
    assert stranger(app).sign_in(ADA, NEW_PASSWORD).status_code == 303


def test_signing_out_everywhere_leaves_only_this_session(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    elsewhere = stranger(app)
    elsewhere.sign_in(ADA)
    visitor.sign_in(ADA)
    assert visitor.post("/account/sign-out-everywhere", form="/account/security").status_code == 303
    assert visitor.signed_in
    assert not elsewhere.signed_in


def test_a_closed_account_is_signed_out_and_stays_out(app: Flask, visitor: Visitor, live_session: Session) -> None:
    account = make_person(app, live_session, ADA)
    visitor.sign_in(ADA)
    actions.set_active(live_session, ANONYMOUS, account, False, clock_module.now())
    live_session.commit()
    assert not visitor.signed_in
    assert visitor.sign_in(ADA).status_code == 422


# --- case 14: the reset token -------------------------------------------------------------------------------------


def test_a_reset_link_works_once_and_ends_every_session(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    visitor.sign_in(ADA)
    link, earlier = asked_for_reset(app, live_session, ADA), asked_for_reset(app, live_session, ADA)
    other = stranger(app)
    assert other.post(link, {"password": NEW_PASSWORD}).status_code == 303
    assert not visitor.signed_in
    assert not other.signed_in
    for used in (link, earlier):
        assert stranger(app).get(used).location == "/reset"
        assert stranger(app).post(used, {"password": "yet another set of words"}, form="/reset").location == "/reset"
    assert stranger(app).sign_in(ADA, NEW_PASSWORD).status_code == 303
    assert mails(live_session, ADA)[-1].kind is Mail.PASSWORD_CHANGED


def test_a_reset_link_runs_out(app: Flask, live_session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    make_person(app, live_session, ADA)
    link = asked_for_reset(app, live_session, ADA)
    assert stranger(app).get(link).status_code == 200
    real = TimestampSigner.get_timestamp
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: real(self) + 2 * 3600 + 1)
    other = stranger(app)
    assert other.get(link).location == "/reset"
    assert other.post(link, {"password": NEW_PASSWORD}, form="/reset").location == "/reset"
    monkeypatch.undo()
    assert stranger(app).sign_in(ADA).status_code == 303


def test_a_link_sent_to_the_old_address_dies_with_it(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    link = asked_for_reset(app, live_session, ADA)
    visitor.sign_in(ADA)
    visitor.post("/account/address", {"email": "New@Example.org"})
    change = mails(live_session, "new@example.org")[-1]
    assert change.kind is Mail.CHANGE_ADDRESS
    assert visitor.get(link_in(change)).status_code == 302
    assert visitor.signed_in
    assert stranger(app).get(link).location == "/reset"
    assert mails(live_session, ADA)[-1].kind is Mail.ACCOUNT_NOTICE
    assert stranger(app).sign_in(ADA).status_code == 422
    assert stranger(app).sign_in("new@example.org").status_code == 303
    assert stranger(app).get(link_in(change)).location == "/account/address"


# --- case 19: changes need a token, and a POST --------------------------------------------------------------------

WRITES = ["/login", "/logout", "/register", "/reset", "/confirm", "/account", "/account/password", "/account/address"]
WRITES += ["/account/codes", "/account/passkeys", "/account/recovery-codes", "/account/sign-out-everywhere"]


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.databases("sqlite")
def test_nothing_changes_without_a_token(app: Flask, visitor: Visitor, live_session: Session, path: str) -> None:
    make_person(app, live_session, ADA)
    visitor.sign_in(ADA)
    count = sa.select(sa.func.count()).select_from(AuditEvent)
    before = live_session.scalar(count)
    live_session.rollback()
    assert visitor.client.post(path, data={"display_name": "Eve", "time_zone": "UTC"}).status_code == 400
    live_session.rollback()
    assert live_session.scalar(count) == before
    assert visitor.signed_in


@pytest.mark.databases("sqlite")
def test_leaving_takes_a_post(visitor: Visitor) -> None:
    assert visitor.get("/logout").status_code == 405


def test_nothing_is_kept_when_the_answer_is_an_error(
    app: Flask, live_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library writes in several steps; a failure in the last undoes the first."""
    broken = "matsapply.process.accounts.outbox.queue"

    def fail(*_args: object, **_more: object) -> None:
        raise sa.exc.OperationalError("the outbox", None, Exception("down"))

    monkeypatch.setattr(broken, fail)
    fields = {"display_name": "Eve", "email": ADA, "password": PASSWORD, "time_zone": "UTC"}
    assert stranger(app).post("/register", fields).status_code == 503
    live_session.rollback()
    assert live_session.scalar(sa.select(sa.func.count()).select_from(Account)) == 0


# --- case 11: fields nobody asked for -----------------------------------------------------------------------------


def test_extra_fields_change_nothing(app: Flask, live_session: Session) -> None:
    fields = {"display_name": "Eve", "email": ADA, "password": PASSWORD, "time_zone": "UTC"}
    extra = {"active": "0", "roles": "admin", "role": "admin", "confirmed_at": "2027-01-01", "is_demo": "1", "id": "7"}
    assert stranger(app).post("/register", fields | extra).status_code == 303
    live_session.rollback()
    account = live_session.scalars(sa.select(Account)).one()
    assert account.active
    assert account.confirmed_at is None
    assert not account.person.is_demo
    assert queries.actor_of(live_session, account.person_id, clock_module.now()) == Actor(account.person_id)
    assert live_session.scalars(sa.select(RoleGrant)).all() == []


def test_scopes_are_checked_when_a_role_is_given(app: Flask, live_session: Session) -> None:
    account = make_person(app, live_session, ADA)
    now = clock_module.now()
    with pytest.raises(ValueError):
        actions.grant(live_session, ANONYMOUS, account.person_id, Role.MENTOR, Scope.STREAM, None, now, None, now)
    with pytest.raises(ValueError):
        actions.grant(live_session, ANONYMOUS, account.person_id, Role.ADMIN, Scope.PROGRAM, 3, now, None, now)
    with pytest.raises(ValueError):
        actions.grant(live_session, ANONYMOUS, account.person_id, Role.APPLICANT, Scope.PROGRAM, None, now, None, now)
