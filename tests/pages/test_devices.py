"""Each sign-in is a device of its own: listed, signed out one by one, gone with the password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.people.devices import device_name
from matsapply.people.models import Device
from tests.visitor import NEW_PASSWORD, PASSWORD, Visitor, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

ADA = "ada@example.org"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/17 Safari/604"
)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (SAFARI, "Safari on iPhone"),
        (CHROME, "Chrome on Linux"),
        (CHROME + " Edg/126.0", "Edge on Linux"),
        ("curl/8", "A browser"),
        ("", "A browser"),
        ("<script>" * 2000, "A browser"),
    ],
)
def test_a_browser_is_named_in_words(agent: str, name: str) -> None:
    assert device_name(agent) == name


def visitor(app: Flask, agent: str, password: str = PASSWORD) -> Visitor:
    made = Visitor(app.test_client(), headers={"User-Agent": agent})
    assert made.sign_in(ADA, password).status_code == 303
    return made


def known(session: Session) -> list[Device]:
    session.rollback()
    found = list(session.scalars(sa.select(Device).order_by(Device.id)))
    session.expunge_all()
    session.rollback()
    return found


def test_devices_are_signed_out_one_by_one(app: Flask, live_session: Session, clock: FixedClock) -> None:
    make_person(app, live_session, ADA)
    make_person(app, live_session, "bo@example.org", name="Bo Example")
    laptop, phone = visitor(app, FIREFOX), visitor(app, SAFARI)
    page = laptop.get("/account/security").text
    assert "Firefox on Windows" in page
    assert "Safari on iPhone" in page
    assert page.count("This device") == 1
    first, second = known(live_session)
    stranger = Visitor(app.test_client())
    stranger.sign_in("bo@example.org")
    assert stranger.post(f"/account/devices/{second.public_id}/end", form="/account").status_code == 404
    assert phone.signed_in

    assert laptop.post(f"/account/devices/{second.public_id}/end", form="/account/security").status_code == 303
    for path in ("/account", "/inbox", "/account/password", "/verify"):
        assert phone.get(path).status_code == 302, f"{path}: a page of the library asks for the same"
    assert laptop.signed_in
    assert laptop.post(f"/account/devices/{second.public_id}/end", form="/account/security").status_code == 404

    kept = laptop.cookie()
    assert laptop.post("/logout", form="/account").status_code == 303
    laptop.client.set_cookie("matsapply", kept or "")
    assert not laptop.signed_in, "a cookie kept from before signs nobody in"
    assert first.id not in {device.id for device in known(live_session)}

    again, other = visitor(app, FIREFOX), visitor(app, CHROME)
    fields = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert again.post("/account/password", fields).status_code == 303
    assert again.signed_in
    assert not other.signed_in
    assert again.get("/account/security").text.count("signed in ") == 1
    clock.advance(timedelta(days=15))
    newest = visitor(app, CHROME, NEW_PASSWORD)
    assert newest.get("/account/security").text.count("signed in ") == 1, "what is over is forgotten"
