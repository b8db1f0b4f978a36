"""Every page of the site, found by its links as people find them, in light and dark, wide and on a phone."""

from __future__ import annotations

import re
from collections import deque
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from matsapply.demo.staff import APPLICANT_SIGN_INS, STAFF_SIGN_INS
from tests.browser.guest import Findings, Guest
from tests.browsing import READY, flaws_of

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.demo, pytest.mark.databases("sqlite")]

# Addresses that no link of the demo leads to, and why.
ELSEWHERE = {
    "admin.application_file": "a file",
    "admin.index": "leads on to the cohort in force",
    "admin.reading_plan": "the walk: a plan is made by a press",
    "admin.thread_file": "a file",
    "applicant.on_paper": "a file",
    "calendar.feed": "a file, for calendars",
    "demo_mail.message": "the walk: a fresh demo has no mail yet",
    "interviews.ics": "a file",
    "interviews.index": "leads on to the one interview",
    "mentor.candidate_file": "a file",
    "mentor.mark_file": "a file",
    "own_data.download": "a file",
    "referee.letter": "the walk: reached by the link of a letter",
    "sections.file": "a file",
    "sections.file_page": "a picture",
    "showcase.picture": "a picture of a paper, for other sites",
    "tasks.file": "a file",
    "threads.file": "a file",
}
HREF = re.compile(r'<a\b[^>]*?\shref="([^"]+)"')
NOT_PAGES = ("static", "site.healthz")
# Where there is something to follow: a batch, a question to the team, a request.
WITH_A_BATCH = "/admin/2027-03/releases"
ASKED = ("/admin/2027-05/threads", "/admin/2027-05/accommodation")


def ends_in_a_page(endpoint: str) -> bool:
    return endpoint not in NOT_PAGES and not endpoint.startswith(("security.", "account."))


class Crawl:
    """Follows links to each kind of page once a person; the first who comes to it has it looked over."""

    def __init__(self, app: Flask) -> None:
        self.adapter = app.url_map.bind("localhost")
        self.seen: set[tuple[str, str]] = set()
        self.problems: list[str] = []

    def page_at(self, href: str) -> tuple[str, str] | None:
        """What an address of this site shows: its endpoint, and which section of the application; None elsewhere."""
        parts = urlsplit(href)
        if parts.netloc or parts.scheme or not parts.path.startswith("/"):
            return None
        try:
            endpoint, values = self.adapter.match(parts.path, method="GET")
        except (HTTPException, RequestRedirect):
            return None
        return str(endpoint), str(values.get("section", ""))

    def through(self, guest: Guest, *starts: str) -> None:
        waiting, own = deque(starts), set[tuple[str, str]]()
        while waiting:
            href = waiting.popleft()
            shown = self.page_at(href)
            if shown is None or shown in own:
                continue
            own.add(shown)
            answer = guest.context.request.get(href)
            if answer.status == 401 and guest.email is None:
                own.remove(shown)  # asked to sign in first
            elif answer.status != 200:
                self.problems.append(f"{guest.email}: {href} answers {answer.status}")
            elif answer.headers.get("content-type", "").startswith("text/html"):
                waiting.extend(unescape(each) for each in HREF.findall(answer.text()))
                if shown not in self.seen:
                    guest.page.goto(href)
                    guest.page.wait_for_selector(READY)
                    self.problems += flaws_of(guest.page)
        self.seen |= own


@pytest.mark.slow
def test_every_page_of_every_role(browser: Browser, demo_app: Flask, address: str) -> None:
    crawl, findings = Crawl(demo_app), Findings(look_over=False)
    for email in (None, *(line.email for line in (*reversed(APPLICANT_SIGN_INS), *reversed(STAFF_SIGN_INS)))):
        guest = Guest(browser, address, findings)
        if email:
            guest.sign_in(email)
        first = (urlsplit(guest.page.url).path,) if email else ("/",)
        team = (WITH_A_BATCH,) if first[0].startswith("/admin") else ()
        if email == "coordinator@demo.example":
            team += ASKED
        crawl.through(guest, *team, *first, "/account", "/demo", "/demo/mail")
        crawl.problems += guest.complaints
        guest.context.close()
    if crawl.problems:
        pytest.fail("\n".join(crawl.problems))  # all of them: an assertion would cut the list off
    pages = {
        rule.endpoint
        for rule in demo_app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and ends_in_a_page(rule.endpoint)
    }
    missed = sorted(pages - {endpoint for endpoint, _ in crawl.seen} - set(ELSEWHERE))
    assert " ".join(missed) == ""
