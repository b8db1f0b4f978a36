"""Cases 12 to 19 of the hostile cases, as far as they are about accounts; each on both databases."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from itsdangerous import TimestampSigner

from matsapply.audit.models import AuditEvent
from matsapply.mail.kinds import Mail
from matsapply.people import actions, queries
from matsapply.people.models import Account, Person, RoleGrant
from matsapply.platform import clock as clock_module
from matsapply.rules.access import ANONYMOUS, Actor
from matsapply.rules.stages import Role, Scope
from tests.visitor import NEW_PASSWORD, PASSWORD, Visitor, link_in, mails, make_person

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


def asked_for_reset(app: Flask, session: Session) -> str:
    assert stranger(app).post("/reset", {"email": ADA}).status_code == 303
    mail = mails(session, ADA)[-1]
    assert mail.kind is Mail.RESET_PASSWORD
    return link_in(mail)


def test_a_reset_link_works_once_and_ends_every_session(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    visitor.sign_in(ADA)
    link, earlier = asked_for_reset(app, live_session), asked_for_reset(app, live_session)
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
    link = asked_for_reset(app, live_session)
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
    link = asked_for_reset(app, live_session)
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
    link = asked_for_reset(app, live_session)
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


def test_next_leads_back_to_the_page_that_was_asked_for(app: Flask, visitor: Visitor, live_session: Session) -> None:
    make_person(app, live_session, ADA)
    asked = visitor.get("/inbox?page=2")
    assert asked.status_code == 302
    answer = visitor.client.post(
        asked.location, data={"csrf_token": visitor.token(asked.location), "email": ADA, "password": PASSWORD}
    )
    assert answer.location == "/inbox?page=2"


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
