"""One person at the live site with a browser of their own; every page they come to is looked over."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

from matsapply.demo.staff import PASSWORD
from tests.browsing import READY, complaints_of, flaws_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


@dataclass
class Findings:
    """What was wrong on any page of anybody, and which pages were seen."""

    look_over: bool  # whether axe looks at each page
    flaws: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class Guest:
    """A browser context of its own, signed in or not."""

    def __init__(self, browser: Browser, address: str, findings: Findings) -> None:
        self.context = browser.new_context(
            base_url=address, reduced_motion="reduce", timezone_id="Europe/Berlin", color_scheme="light"
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.set_default_navigation_timeout(60_000)  # a busy machine is no fault of the site
        self.email: str | None = None  # once signed in
        self.findings = findings
        self.complaints = complaints_of(self.page)

    def open(self, path: str) -> None:
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        self.arrived()

    def arrived(self) -> None:
        """Look the page over, once for each address."""
        self.page.wait_for_selector(READY)
        where = urlsplit(self.page.url).path
        if where in self.findings.seen:
            return
        self.findings.seen.add(where)
        if self.findings.look_over:
            self.findings.flaws += flaws_of(self.page)

    def press(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Press the button or follow the link of that name, and come to the next page."""
        place = within or self.page
        target = place.get_by_role("button", name=name).or_(place.get_by_role("link", name=name)).first
        with self.page.expect_navigation():
            target.click()
        self.arrived()

    def confirm(self, opener: str, name: str, reason: str | None = None) -> None:
        """Press what asks back, answer in the dialog, and come to the next page."""
        self.page.locator("details[data-confirm] > summary", has_text=opener).first.click()
        dialog = self.page.get_by_role("dialog")
        if reason is not None:
            dialog.locator("[name=reason]").fill(reason)
        self.press(name, within=dialog)

    def fill(self, **values: str) -> None:
        """Write into the fields of these names."""
        for name, value in values.items():
            self.page.locator(f"main [name='{name}']:visible").first.fill(value)

    def tick(self, **values: str) -> None:
        """Choose the option of that value among the boxes or circles of these names."""
        for name, value in values.items():
            self.page.locator(f"main input[name='{name}'][value='{value}']").check()

    def score(self, place: int) -> None:
        """Give every criterion of the page the step of this place, counted from the best."""
        for criterion in self.page.locator("fieldset:has(input[name^='score-'])").all():
            criterion.locator("label:has(input[type=radio])").nth(-place).click()
            expect(criterion.locator("input:checked")).to_have_count(1)

    def sign_in(self, email: str, password: str = PASSWORD) -> Guest:
        self.open("/login")
        self.fill(email=email, password=password)
        self.press("Sign in", within=self.page.locator("main"))
        assert urlsplit(self.page.url).path != "/login", email
        self.email = email
        return self

    def mail(self, recipient: str, link: str) -> str:
        """The address, within the newest message to somebody, that contains ``link``; found in the demo's mailbox."""
        self.open(f"/demo/mail?to={recipient}")
        for subject in self.page.locator("tbody th a").all():
            self.page.goto(subject.get_attribute("href") or "")
            self.arrived()
            found = self.page.locator(f"main a[href*='{link}']")
            if found.count():
                href = found.first.get_attribute("href") or ""
                parts = urlsplit(href)
                return parts.path + (f"?{parts.query}" if parts.query else "")
            self.page.go_back()
        raise AssertionError(f"no message to {recipient} holds a link to {link}")

    def reads(self, words: str | re.Pattern[str]) -> None:
        """The page says so."""
        expect(self.page.locator("main")).to_contain_text(words)
