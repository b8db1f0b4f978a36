"""The showcase in a real browser: browsed by a visitor with and without scripts, a citation copied, a page imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from matsapply.demo.staff import PASSWORD
from tests.browsing import READY, complaints_of, flaws_of
from tests.showcase.sample_page import INVENTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.demo, pytest.mark.databases("sqlite")]
TITLES = ".paper-title a"


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Page]:
    """A page that complains of nothing until the end."""
    context = at(browser, address)
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints = complaints_of(page)
    yield page
    context.close()
    assert complaints == []


def at(browser: Browser, address: str, *, scripts: bool = True) -> BrowserContext:
    return browser.new_context(
        base_url=address,
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 900},
        java_script_enabled=scripts,
        permissions=["clipboard-read", "clipboard-write"],
    )


def go(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector(READY)


def test_a_visitor_browses(visitor: Page) -> None:
    """From home to a stream's papers in two clicks; search, filters and the back button; a paper, a fellow, the map."""
    go(visitor, "/")
    visitor.get_by_role("link", name="Mechanistic interpretability").first.click()
    visitor.locator("#papers-title ~ div").locator(TITLES).first.click()  # what would I do there: a paper of it
    visitor.wait_for_selector(READY)
    expect(visitor.get_by_role("link", name="Read the paper")).to_be_visible()

    go(visitor, "/showcase")
    assert visitor.locator(TITLES).count() == 26
    visitor.get_by_label("Search titles, people and topics").fill("Hofstatter")
    visitor.keyboard.press("Enter")
    expect(visitor.locator(TITLES)).to_have_count(1)
    visitor.get_by_label("Search titles, people and topics").fill("sparse autoencodrr")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_text("These have “sparse autoencoder")).to_be_visible()

    go(visitor, "/showcase")
    visitor.get_by_role("navigation", name="Topics").get_by_role("link", name="Interpretability").click()
    expect(visitor.locator(TITLES)).to_have_count(11)
    visitor.get_by_label("Filters").get_by_role("link", name="2024").click()
    expect(visitor.locator(TITLES)).to_have_count(5)
    assert "topic=interpretability" in visitor.url
    assert "year=2024" in visitor.url
    visitor.go_back()
    expect(visitor.locator(TITLES)).to_have_count(11)
    visitor.go_back()
    expect(visitor.locator(TITLES)).to_have_count(26)
    visitor.go_forward()
    expect(visitor.locator(TITLES)).to_have_count(11)
    visitor.get_by_role("link", name="take away").first.click()
    expect(visitor.locator(TITLES)).to_have_count(26)

    visitor.get_by_role("link", name="Map of topics and years").click()
    visitor.get_by_role("link", name="Interpretability, 2024: 5 papers").click()
    expect(visitor.locator(TITLES)).to_have_count(5)


def test_a_citation_is_copied_by_one_press_and_these_pages_have_no_flaw(visitor: Page) -> None:
    go(visitor, "/showcase?q=matryoshka")
    visitor.locator(TITLES).first.click()
    visitor.wait_for_selector(READY)
    visitor.get_by_role("button", name="Copy BibTeX").click()
    expect(visitor.locator("[data-copy-said]")).to_have_text("Copied")
    copied = visitor.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("@misc{bussmann2025")
    assert copied.rstrip().endswith("}")
    flaws = flaws_of(visitor)
    visitor.get_by_role("link", name="Adam Karvonen").first.click()
    visitor.wait_for_selector(READY)
    expect(visitor.locator(TITLES)).to_have_count(3)
    visitor.get_by_role("link", name="All fellows").click()
    visitor.wait_for_selector(READY)
    flaws += flaws_of(visitor)
    assert flaws == []


def test_without_scripts(browser: Browser, address: str) -> None:
    context = at(browser, address, scripts=False)
    page = context.new_page()
    page.goto("/showcase")
    page.get_by_label("Search titles, people and topics").fill("sycophancy")
    page.get_by_role("button", name="Search").click()
    page.locator(TITLES).first.click()
    expect(page.locator("pre").last).to_contain_text("@misc{sharma2023")
    expect(page.get_by_role("button", name="Copy BibTeX")).to_be_hidden()
    page.get_by_role("link", name="Meg Tong").first.click()
    expect(page.get_by_role("heading", name="1 paper")).to_be_visible()
    page.goto("/showcase/map")
    page.get_by_role("link", name="Theory, 2024: 1 paper").click()
    expect(page.locator(TITLES)).to_have_count(1)
    context.close()


def test_an_import_is_looked_at_confirmed_and_the_second_time_nothing(visitor: Page) -> None:
    file = {"name": "page.txt", "mimeType": "text/plain", "buffer": INVENTED.encode()}
    go(visitor, "/login")
    visitor.locator("[name=email]").fill("admin@demo.example")
    visitor.locator("[name=password]").fill(PASSWORD)
    visitor.get_by_role("button", name="Sign in").click()
    visitor.wait_for_url("**/admin**")

    def look() -> None:
        go(visitor, "/admin/showcase/import")
        visitor.locator("[name=file]").set_input_files(files=[file])  # type: ignore[list-item]
        visitor.get_by_role("button", name="Show the report").click()
        expect(visitor.get_by_role("heading", name="Report of page.txt")).to_be_visible()

    look()
    expect(visitor.get_by_text("11 new papers")).to_be_visible()
    expect(visitor.get_by_role("row", name="missing-comma")).to_have_count(1)
    visitor.get_by_role("button", name="Write this").click()
    expect(visitor.get_by_text("Written: 11 new, 0 changed")).to_be_visible()
    before = visitor.get_by_role("row").count()
    visitor.get_by_role("button", name="No").first.click()
    expect(visitor.get_by_text("Kept: no.")).to_be_visible()
    assert visitor.get_by_role("row").count() == before - 1
    look()
    expect(visitor.get_by_text("There is nothing to write.")).to_be_visible()
    expect(visitor.get_by_role("button", name="Write this")).to_have_count(0)
