"""The account pages in a real browser: a passkey is added and signs in; axe finds nothing on any of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from passlib.totp import TOTP
from playwright.sync_api import Page

from matsapply.app import create_app
from matsapply.pages.account import invitations
from matsapply.platform import clock as clock_module
from tests.browsing import aside, complaints_of, flaws_of, served
from tests.visitor import PASSWORD, link_in, mails, make_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.databases("sqlite")]
ADA = "ada@example.org"


class Site:
    def __init__(self, app: Flask, address: str) -> None:
        self.app, self.address = app, address


@pytest.fixture
def site(settings: Settings, clock: FixedClock) -> Iterator[Site]:
    app = aside(create_app, replace(settings, base_url="http://localhost"))
    clock_module.install(clock)
    with served(app) as address:
        yield Site(app, address)


def invitation(app: Flask, session: Session) -> str:
    invited = make_person(app, session, "bo@example.org", name="Bo Sample", password=None)
    with app.test_request_context(base_url="http://localhost"):
        link = invitations.link_for(invited)
    session.rollback()
    return link


@pytest.fixture
def page(gallery_browser: Browser, site: Site) -> Iterator[Page]:
    context = gallery_browser.new_context(base_url=site.address, reduced_motion="reduce")
    page = context.new_page()
    complaints = complaints_of(page)
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(ADA)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_passkey_signs_in_without_a_password(page: Page, site: Site, live_session: Session) -> None:
    aside(make_person, site.app, live_session, ADA)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page)
    page.goto("/account/passkeys")
    page.get_by_label("Name of the passkey").fill("work laptop")
    page.get_by_label("Signing in without a password").check()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/account/security")
    assert page.get_by_text("work laptop", exact=True).first.is_visible()
    page.context.clear_cookies()
    page.goto("/login/passkey?next=/inbox")
    page.get_by_role("button", name="Use my passkey").click()
    page.wait_for_url(re.compile(r"localhost:\d+/inbox"))
    page.goto("/account/security")
    page.get_by_role("button", name="Remove").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.wait_for_url("**/account/passkeys")
    page.goto("/account/security")
    assert not page.get_by_text("work laptop", exact=True).is_visible()


def test_a_passkey_is_asked_for_after_the_password(page: Page, site: Site, live_session: Session) -> None:
    aside(make_person, site.app, live_session, ADA)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page)
    page.goto("/account/passkeys")
    page.get_by_label("Name of the passkey").fill("key ring")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/account/security")
    page.context.clear_cookies()
    sign_in(page)
    page.wait_for_url("**/login/passkey*")
    page.get_by_role("button", name="Use my passkey").click()
    page.wait_for_url(re.compile(r"localhost:\d+/(?!login).*"))
    page.goto("/account")
    assert page.get_by_role("heading", name="Your account").is_visible()


def check(page: Page, path: str | None = None) -> None:
    """axe finds nothing in light and dark, wide and narrow; nothing runs out of the narrow page."""
    if path:
        page.goto(path)
    assert flaws_of(page) == []


@pytest.mark.slow
def test_axe_finds_nothing_before_signing_in(page: Page, site: Site, live_session: Session) -> None:
    aside(make_person, site.app, live_session, ADA)
    welcome = aside(invitation, site.app, live_session)
    for path in ("/login", "/register", "/reset", "/confirm", "/login/passkey", welcome):
        check(page, path)
    page.goto("/register")
    page.get_by_role("button", name="Create account").click()
    check(page)
    sign_in(page, "not the right password")
    check(page)
    page.goto("/reset")
    page.get_by_label("E-mail address").fill(ADA)
    page.get_by_role("button", name="Send the link").click()
    page.wait_for_url("**/login")
    check(page)
    check(page, link_in(mails(live_session, ADA)[-1]))


@pytest.mark.slow
def test_axe_finds_nothing_once_signed_in(page: Page, site: Site, live_session: Session) -> None:
    aside(make_person, site.app, live_session, ADA)
    sign_in(page)
    for path in ("/account", "/account/security", "/account/second-factor", "/account/password", "/account/address"):
        check(page, path)
    for path in ("/account/passkeys", "/account/recovery-codes", "/verify", "/inbox", "/account/codes"):
        check(page, path)
    page.get_by_role("button", name="Show me the key").click()
    check(page)
    key = page.locator("code").inner_text().replace("-", "")
    page.get_by_label("Code").fill(str(TOTP(key=key).generate().token))
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_url("**/account/security")
    check(page)
    page.goto("/account/recovery-codes")
    page.get_by_role("button", name="Make new codes").click()
    check(page)
    check(page, "/account/codes")
    page.context.clear_cookies()
    sign_in(page)
    page.wait_for_url("**/login/code*")
    check(page)
    check(page, "/login/recovery-code")
