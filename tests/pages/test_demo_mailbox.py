"""The demo's mailbox: it shows what was written, its links work, what a message holds does nothing; 404 elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.app import create_app
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.mail.queries import PAGE
from matsapply.platform import clock as clock_module
from tests.browsing import aside, complaints_of, flaws_of, served
from tests.mail.contexts import context
from tests.visitor import PASSWORD, Visitor, make_person

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser
    from sqlalchemy.orm import Session

    from matsapply.platform.settings import Settings

NEWCOMER = "noor@example.org"
HOSTILE = (
    '<p>Dear <strong>you</strong></p><script>alert(1)</script><img src="x" onerror="alert(2)">'
    '<svg onload="alert(3)"></svg><a href="javascript:alert(4)">one</a><a href="data:text/html,x">two</a>'
    '<a href="/next" onclick="alert(5)">three</a>'
    '<style>body { display: none }</style><iframe src="https://x.example"></iframe><base href="https://x.example">'
    '<form action="https://x.example"><input name="password"></form><meta http-equiv="refresh" content="0">'
    '<p style="position: fixed" class="topbar" id="content">end</p></div></main>'
)
WORDS = '"><script>alert(6)</script>{{ 7 * 7 }}'


def written(session: Session, *, number: int = 1, **changes: object) -> list[str]:
    """That many messages, changed to hold these; their public ids."""
    rows = []
    for each in range(number):
        row = outbox.queue(
            session,
            Mail.NEVER_SUBMITTED,
            cause=f"test:{each}",
            now=clock_module.now(),
            person_id=None,
            recipient=f"person-{each}@example.org",
            context=context(Mail.NEVER_SUBMITTED),
        )
        assert row is not None
        rows.append(row)
    session.flush()
    for row in rows:
        for name, value in changes.items():
            setattr(row, name, value)
    found = [row.public_id for row in rows]
    session.commit()
    return found


def content(page: str) -> str:
    """What stands in the page's main part."""
    found = re.search(r"<main\b.*?</main>", page, re.DOTALL)
    assert found
    return found.group(0)


@pytest.mark.demo
def test_a_message_is_listed_shown_and_its_link_works(app: Flask) -> None:
    guest = Visitor(app.test_client())
    fields = {"display_name": "Noor Newcomer", "email": NEWCOMER, "password": PASSWORD, "time_zone": "Europe/Berlin"}
    assert guest.post("/register", fields).status_code in {302, 303}
    box = content(guest.get("/demo/mail").text)
    assert NEWCOMER in box
    assert NEWCOMER in content(guest.get("/demo/mail?to=NOOR%40").text)
    assert "No message to such an address" in content(guest.get("/demo/mail?to=somebody-else").text)
    found = re.search(r'href="(/demo/mail/[0-9a-z]{13})"', box)
    assert found
    letter = content(guest.get(found.group(1)).text)
    assert NEWCOMER in letter
    link = re.search(r'href="(/confirm/[^"]+)"', letter)
    assert link, "a link into this site leads to where the reader is"
    as_text = content(guest.get(f"{found.group(1)}?view=text").text)
    assert f"http://localhost{link.group(1)}" in as_text
    assert guest.get(link.group(1)).status_code in {302, 303}
    assert guest.signed_in or guest.sign_in(NEWCOMER, PASSWORD).status_code in {302, 303}
    assert guest.signed_in


@pytest.mark.demo
def test_an_invitation_is_shown_with_its_message(app: Flask, live_session: Session) -> None:
    (key,) = written(live_session, calendar="BEGIN:VCALENDAR\r\nSUMMARY:Interview\r\nEND:VCALENDAR\r\n")
    assert "SUMMARY:Interview" in content(app.test_client().get(f"/demo/mail/{key}").text)


@pytest.mark.demo
def test_what_a_message_holds_is_inert(app: Flask, live_session: Session) -> None:
    (key,) = written(live_session, body_html=HOSTILE, body_text=WORDS, subject=WORDS, calendar=WORDS)
    client = app.test_client()
    shown = content(client.get(f"/demo/mail/{key}").text)
    prose = re.search(r'<div class="prose">(.*?)</div>', shown, re.DOTALL)
    assert prose
    assert prose.group(1) == (
        '<p>Dear <strong>you</strong></p><a rel="noopener noreferrer">one</a><a rel="noopener noreferrer">two</a>'
        '<a href="/next" rel="noopener noreferrer">three</a><p>end</p>'
    )
    for page in (shown, *(content(client.get(path).text) for path in (f"/demo/mail/{key}?view=text", "/demo/mail"))):
        assert "<script" not in page
        assert "{{ 7 * 7 }}" in page
        assert "&lt;script&gt;alert(6)" in page


@pytest.mark.demo
def test_older_messages_are_on_later_pages_and_odd_questions_are_answered(app: Flask, live_session: Session) -> None:
    written(live_session, number=PAGE + 3)
    before = live_session.scalar(sa.select(sa.func.count()).select_from(Notification)) - PAGE - 3  # the demo's own
    live_session.rollback()
    client = app.test_client()
    first, second = (content(client.get(f"/demo/mail?page={number}").text) for number in (1, 2))
    on_first, on_second = (set(re.findall(r"/demo/mail/([0-9a-z]{13})", page)) for page in (first, second))
    assert (len(on_first), len(on_second)) == (PAGE, min(PAGE, before + 3))
    assert not on_first & on_second
    assert f"{before + PAGE + 3:,} messages" in first
    for query in ("page=-1", "page=x", f"page={'9' * 40}", "page=%00", "to=%00", "to=%25", "to=_", f"to={'x' * 5000}"):
        assert client.get(f"/demo/mail?{query}").status_code == 200, query
    assert "No message to such an address" in client.get("/demo/mail?to=%25").text
    for key in ("0000000000000", "x", "x" * 5000, "%00", "..%2F..", "'"):
        assert client.get(f"/demo/mail/{key}").status_code in {400, 404}, key


@pytest.mark.databases("sqlite")
def test_outside_the_demo_none_of_its_pages_exists(app: Flask, live_session: Session) -> None:
    """Neither for a stranger nor for somebody who is signed in; an address that is not there takes no form either."""
    (key,) = written(live_session)
    make_person(app, live_session, NEWCOMER)
    table = Path(__file__).with_name("permissions.txt").read_text(encoding="utf-8").splitlines()
    demo = [line.split()[:2] for line in table if line.startswith("/demo")]
    assert len(demo) >= 4
    app.config["WTF_CSRF_ENABLED"] = False
    stranger, member = Visitor(app.test_client()), Visitor(app.test_client())
    member.client.post("/login", data={"email": NEWCOMER, "password": PASSWORD})
    assert member.signed_in
    for address, methods in demo:
        path = address.replace("<public_id>", key)
        for method in methods.split(","):
            for visitor in (stranger, member):
                assert visitor.client.open(path, method=method).status_code == 404, (method, path)
    assert "/demo" not in stranger.get("/").text


@pytest.mark.demo
@pytest.mark.browser
@pytest.mark.databases("sqlite")
def test_no_flaw_in_light_or_dark_wide_or_narrow(
    gallery_browser: Browser, settings: Settings, live_session: Session
) -> None:
    before = clock_module.current()
    app = aside(create_app, settings)
    try:
        keys = written(live_session, number=2)
        longest = live_session.query(Notification).filter_by(public_id=keys[0]).one()
        longest.body_html, longest.recipient = HOSTILE, f"{'a' * 60}@{'b' * 60}.example"
        live_session.commit()
        with served(app) as address:
            page = gallery_browser.new_page(reduced_motion="reduce")
            complaints = complaints_of(page)
            page.on("dialog", lambda dialog: (complaints.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
            found = []
            for path in ("", "?to=nobody", *(f"/{key}" for key in keys), f"/{keys[1]}?view=text"):
                page.goto(f"{address}/demo/mail{path}")
                found += flaws_of(page)
            page.close()
        assert found == []
        assert complaints == []
    finally:
        clock_module.install(before)
