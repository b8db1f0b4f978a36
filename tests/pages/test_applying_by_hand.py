"""An application from its first letter to its receipt: with the keyboard alone at 200 % zoom, and without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, TimeoutError as TookTooLong, expect

from matsapply.applications.models import Application, Snapshot
from matsapply.rules.stages import ApplicationState
from tests.applicant_live import ADA, Live, begun, context_of, sign_in, stored
from tests.applicant_site import pdf
from tests.browsing import READY, WIDTH, aside, complaints_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.databases("sqlite")]
# A window of 1280 by 900 in which everything is twice as large.
ZOOMED = {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2}
MOST_TABS = 90
# What has the focus is seen: whole or in part, and not only behind something that stays in place (WCAG 2.4.11).
SEEN = """(element) => {
  const box = element.getBoundingClientRect(), parts = [.1, .5, .9];
  const places = parts.flatMap((x) => parts.map((y) => [box.left + x * box.width, box.top + y * box.height]));
  return places.some(([x, y]) => {
    const top = document.elementFromPoint(x, y);
    return top && (element.contains(top) || top.contains(element) && !top.matches("main, body, html"));
  });
}"""


@pytest.fixture
def site(settings: Settings, clock: FixedClock, live_session: Session) -> Iterator[Live]:
    with begun(settings, clock, live_session) as live:
        yield live


def reach(page: Page, wanted: Locator) -> None:
    """Go on by Tab until ``wanted`` has the focus; on the way everything that gets it is seen."""
    for _ in range(MOST_TABS):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
        here = page.evaluate_handle("document.activeElement").as_element()
        assert here is not None
        if not here.evaluate("(element) => element === document.body"):
            try:
                page.wait_for_function(SEEN, arg=here, timeout=2_000)  # what slides into view takes a moment
            except TookTooLong:
                pytest.fail(here.evaluate("(element) => element.outerHTML.slice(0, 300)"))
    pytest.fail(f"{wanted} was not reached by Tab")


def arrive(page: Page, address: str) -> None:
    page.wait_for_url(re.compile(f"{address}$"))
    page.wait_for_selector(READY)
    needed, given = page.evaluate(WIDTH)
    assert needed <= given, f"{page.url} is {needed} px wide in a window of {given}"


def test_with_the_keyboard_alone_at_twice_the_size(gallery_browser: Browser, site: Live) -> None:
    context = context_of(gallery_browser, site, **ZOOMED)
    page = context.new_page()
    complaints = complaints_of(page)
    sign_in(page)
    page.goto("/application")
    arrive(page, "/application")
    keys = page.keyboard
    reach(page, page.get_by_role("link", name="About you"))
    keys.press("Enter")
    arrive(page, "/sections/you")
    reach(page, page.get_by_label("Question timezone"))
    keys.type("Europe/Berlin")
    reach(page, page.get_by_role("checkbox", name="London"))
    keys.press("Space")
    reach(page, page.get_by_role("checkbox", name="Question adult"))
    keys.press("Space")
    reach(page, page.get_by_role("button", name="Save and continue"))
    keys.press("Enter")
    arrive(page, "/sections/background")
    page.goto("/application/sections/research")
    arrive(page, "/sections/research")
    reach(page, page.get_by_label("Question evidence"))
    keys.type("Typed, every letter of it.")
    reach(page, page.get_by_role("button", name="Save and continue"))
    keys.press("Enter")
    arrive(page, "/sections/choice")
    for name in ("Empirical", "Theory"):
        reach(page, page.get_by_role("checkbox", name=name))
        keys.press("Space")
    reach(page, page.get_by_role("button", name="Move Theory up"))
    keys.press("Enter")
    for name in ("q_empirical", "q_theory"):
        reach(page, page.locator(f"#{name}"))
        keys.type("A small experiment.")
    reach(page, page.get_by_role("button", name="Save and continue"))
    keys.press("Enter")
    arrive(page, "/sections/references")
    page.goto("/application/sections/consent")
    arrive(page, "/sections/consent")
    reach(page, page.get_by_role("checkbox", name="Question truth"))
    keys.press("Space")
    reach(page, page.get_by_role("button", name="Save and continue"))
    keys.press("Enter")
    arrive(page, "/sections/separate")
    page.goto("/application/check")
    arrive(page, "/application/check")
    reach(page, page.get_by_role("button", name="Submit your application"))
    keys.press("Enter")
    arrive(page, "/receipt/1")
    (made,) = aside(site.all, sa.select(Snapshot))
    assert made.content["tracks"] == ["theory", "empirical"]
    assert made.content["answers"]["evidence"] == "Typed, every letter of it."
    expect(page.get_by_text(made.digest)).to_be_visible()
    context.close()
    assert complaints == []


def test_without_scripts_it_is_submitted_withdrawn_and_taken_back(gallery_browser: Browser, site: Live) -> None:
    aside(lambda: site.signed_in(ADA).complete())
    context = context_of(gallery_browser, site, java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page)
    page.goto("/application/sections/background")
    page.locator("#cv").set_input_files({"name": "cv.pdf", "mimeType": "application/pdf", "buffer": pdf(2)})
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_response(lambda answer: answer.url.endswith("/pages/2")) as picture:
        page.get_by_text("Look at it").click()
    assert (picture.value.status, picture.value.headers["content-type"]) == (200, "image/webp")
    expect(page.get_by_role("img", name="Page 2 of cv.pdf")).to_be_visible()
    page.goto("/application/streams")
    page.get_by_role("checkbox", name="Stream red").check()
    page.get_by_role("checkbox", name="Stream blue").check()
    page.get_by_role("button", name="Save streams").click()
    page.get_by_role("button", name="Move Stream blue up").click()
    chosen = ["blue", "red"]
    assert stored(site)["streams"] == chosen
    page.goto("/application/check")
    page.get_by_role("button", name="Submit your application").click()
    expect(page.get_by_role("heading", name="Submitted", exact=True)).to_be_visible()
    (made,) = aside(site.all, sa.select(Snapshot))
    assert (made.content["streams"], len(made.content["answers"]["cv"])) == (chosen, 1)
    page.goto("/status")
    page.locator("summary", has_text="Withdraw the application").click()
    page.get_by_role("button", name="Withdraw the application").click()
    assert aside(site.all, sa.select(Application))[0].state is ApplicationState.CLOSED
    page.get_by_role("button", name="Take the withdrawal back").click()
    assert aside(site.all, sa.select(Application))[0].state is ApplicationState.SUBMITTED
    context.close()
