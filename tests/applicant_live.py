"""Somebody's own application in a browser at the running site."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from playwright.sync_api import BrowserContext, Page

from matsapply.app import create_app
from matsapply.applications.models import AnswerDraft
from matsapply.platform import clock as clock_module
from matsapply.rules.stages import ReferenceTiming
from tests.applicant_site import Site, open_site
from tests.browsing import READY, aside, served
from tests.visitor import PASSWORD, make_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

ADA = "ada@example.org"


class Live(Site):
    address: str = ""


@contextmanager
def begun(settings: Settings, clock: FixedClock, live_session: Session) -> Iterator[Live]:
    """The running site with Ada, who has begun her application."""

    def begin() -> Live:
        # The demo asks staff for no second factor.
        app = create_app(replace(settings, demo=True))
        clock_module.install(clock)
        opened = open_site(app, live_session, reference_timing=ReferenceTiming.AT_SUBMIT)
        live = Live(app, live_session, opened.world)
        make_person(app, live_session, ADA, name="Ada Example")
        ada = live.signed_in(ADA)
        assert ada.post("/apply").status_code == 303
        return live

    live = aside(begin)
    with served(live.app) as address:
        live.address = address
        yield live


def context_of(browser: Browser, site: Live, **more: Any) -> BrowserContext:
    return browser.new_context(base_url=site.address, reduced_motion="reduce", timezone_id="UTC", **more)


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(ADA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"localhost:\d+/(?!login).*"))


def opened(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(READY)


def stored(site: Live) -> dict[str, Any]:
    return aside(lambda: {each.question_key: each.value for each in site.all(sa.select(AnswerDraft))})
