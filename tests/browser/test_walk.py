"""A whole admission in a browser: from a first visit to an accepted offer, each person with a browser of their own."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect
from pypdf import PdfWriter
from sqlalchemy.orm import Session

from matsapply.platform.db import configure_engine
from matsapply.process.invariants import violations
from tests.browser.guest import Findings, Guest
from tests.browsing import aside
from tests.demo_site import fill

if TYPE_CHECKING:
    from flask import Flask
    from playwright.sync_api import Browser

    from tests.databases import Database

pytestmark = pytest.mark.browser

COHORT = "2027-06"
NEWCOMER = "noor.newcomer@demo.example"
OWN_PASSWORD = "seven unlikely words for one newcomer"
REFEREE = "rae.referee@demo.example"
STREAM, OTHER_STREAM = "oversight", "agent-foundations"


def broken(database_url: str) -> list[str]:
    engine = sa.create_engine(database_url)
    configure_engine(engine)
    with Session(engine) as session:
        found = violations(session)
    engine.dispose()
    return found


def cv() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class Walk:
    """The steps of the walk, in order."""

    def __init__(self, browser: Browser, address: str, findings: Findings) -> None:
        self.browser, self.address, self.findings = browser, address, findings
        self.guests: list[Guest] = []
        self.applicant = self.guest()
        self.admin = self.guest().sign_in("admin@demo.example")
        self.team = self.guest().sign_in("coordinator@demo.example")
        self.second = self.guest().sign_in("coordinator2@demo.example")

    def guest(self) -> Guest:
        guest = Guest(self.browser, self.address, self.findings)
        self.guests.append(guest)
        return guest

    def clock_to(self, code: str) -> None:
        """An admin jumps to just after a key date; what is due by then is done at once."""
        self.admin.open(f"/demo?cohort={COHORT}")
        row = self.admin.page.locator("tr", has=self.admin.page.locator("small", has_text=re.compile(f"^{code}$")))
        self.admin.press("Jump to just after", within=row)
        self.admin.reads("It is now")

    def new_password_for(self, email: str) -> Guest:
        """Somebody of the team who never signed in asks for a link and sets a password."""
        guest = self.guest()
        guest.open("/login")
        guest.press("Forgot your password?")
        guest.fill(email=email)
        guest.press(re.compile("Send"), within=guest.page.locator("main"))
        guest.open(guest.mail(email, "/reset/"))
        guest.fill(password=OWN_PASSWORD)
        guest.press(re.compile("password", re.IGNORECASE), within=guest.page.locator("main form"))
        if "/login" in guest.page.url:
            guest.sign_in(email, OWN_PASSWORD)
        return guest

    # --- applying -------------------------------------------------------------------------------------------------

    def register(self) -> None:
        who = self.applicant
        who.open("/")
        who.open("/tracks")
        who.open(f"/streams/{STREAM}")
        who.press("Register", within=who.page.locator("header"))
        who.fill(display_name="Noor Newcomer", email=NEWCOMER, password=OWN_PASSWORD)
        who.press("Create account")
        who.open(who.mail(NEWCOMER, "/confirm/"))
        if "/login" in who.page.url:
            who.sign_in(NEWCOMER, OWN_PASSWORD)

    def write(self) -> None:
        who = self.applicant
        who.open("/apply")
        who.press("Begin your application")
        assert urlpath(who) == "/application"

        who.open("/application/sections/you")
        who.fill(name="Noor Newcomer", email=NEWCOMER)
        who.tick(place="London", dates_ok="yes", hours="40")
        who.page.locator("[name=adult]").check()
        expect(who.page.locator("[data-save-state]")).to_contain_text("Saved")
        who.page.reload()
        expect(who.page.locator("[name=name]")).to_have_value("Noor Newcomer")
        who.press("Save and continue")

        assert urlpath(who) == "/application/sections/background"
        who.fill(education="A degree in mathematics, an invented university, 2026")
        who.tick(field="mathematics")
        who.page.locator("[name=cv]").set_input_files({"name": "cv.pdf", "mimeType": "application/pdf", "buffer": cv()})
        who.press("Save and continue")
        assert urlpath(who) == "/application/sections/research"
        who.fill(evidence="I asked one question and found half an answer.", setback="The plot had its axes swapped.")
        who.press("Save and continue")
        assert urlpath(who) == "/application/sections/motivation"
        who.fill(motivation="Judging answers nobody can check, by debate.")
        who.tick(engagement="none")
        who.press("Save and continue")

        assert urlpath(who) == "/application/sections/choice"
        who.tick(tracks="empirical")
        who.tick(tracks="theory")
        who.fill(q_empirical="Two judges, one debate.", q_theory="Agency, because it is never defined.")
        who.press("Save and continue")
        who.open("/application/sections/background")
        who.reads("cv.pdf")
        who.open("/application/streams")
        for stream in (STREAM, OTHER_STREAM):
            who.tick(streams=stream)
        who.press("Save streams")
        who.open("/application/referees")
        who.fill(name="Rae Referee", email=REFEREE)
        who.tick(consent="yes")
        who.press("Add")
        who.reads("Rae Referee")
        who.open("/application/sections/references")
        who.press("Save and continue")
        who.open("/application/sections/consent")
        who.page.locator("[name=truth]").check()
        who.press("Save and continue")
        who.open("/application/sections/separate")

    def submit(self) -> None:
        who = self.applicant
        who.open("/application")
        who.press("Check and submit")
        who.press("Submit your application")
        who.reads("Receipt")
        who.open("/status")
        who.reads("is submitted")

    # --- the central review ---------------------------------------------------------------------------------------

    def assign(self) -> None:
        self.team.open(f"/admin/{COHORT}")
        self.team.open(f"/admin/{COHORT}/assignments")
        self.team.press("Make a plan")
        self.team.press("Assign these readings")
        self.team.reads("2 readings assigned")

    def review(self) -> None:
        readers = [self.guest().sign_in("reviewer@demo.example"), self.new_password_for("reviewer-2@demo.example")]
        for number, reader in enumerate(readers):
            reader.open("/review")
            code = reader.page.locator("tbody tr", has_text="Empirical").last.locator("th a")
            reader.press(code.inner_text())
            assert "Noor" not in reader.page.content()
            reader.score(1 + number)
            reader.press("Submit and next")
            reader.open("/review/done")

    def first_results(self) -> None:
        for track in ("empirical", "theory"):
            self.team.open(f"/admin/{COHORT}/decisions")
            self.team.open(f"/admin/{COHORT}/decisions/{track}")
            row = self.team.page.locator("tr", has_text="Noor Newcomer")
            row.locator("[name=choose]").check()
            self.team.fill(feedback="A question worth half an answer.")
            self.team.press(re.compile("^Advance$"))
            self.team.reads("1 recorded")
        self.release("first_result")

    def release(self, scope: str) -> None:
        team = self.team
        team.open(f"/admin/{COHORT}/releases")
        team.tick(scope=scope)
        team.press("Gather a new batch")
        if team.page.get_by_text("Leave all of them out", exact=True).count():
            team.confirm("Leave all of them out", "Leave all of them out", reason="In a later batch")
        elif team.page.get_by_text("Leave out", exact=True).count():
            team.confirm("Leave out", "Leave out", reason="In a later batch")
        team.press("Seal")
        team.fill(count="1")
        team.press("Release now")
        team.reads("Released")

    def referee_writes(self) -> None:
        referee = self.guest()
        referee.open(referee.mail(REFEREE, "/reference/"))
        for scale in referee.page.locator("fieldset:has(input[type=radio])").all():
            scale.locator("input").last.check()
        referee.page.locator("textarea").first.fill("Half answers are rarer than they look.")
        referee.press(re.compile("^(Save|Send)"), within=referee.page.locator("main form").first)
        referee.reads(re.compile("thank", re.IGNORECASE))

    # --- the streams ----------------------------------------------------------------------------------------------

    def invite_to_task(self) -> None:
        mentor = self.mentor = self.new_password_for(f"mentor-{COHORT}-{STREAM}@demo.example")
        mentor.open("/stream")
        mentor.reads("Scalable oversight")
        self.stream = urlpath(mentor)
        mentor.open(f"{self.stream}/candidates")
        mentor.press("Noor Newcomer")
        self.candidate = urlpath(mentor)
        mentor.press(re.compile("Invite to .Research taste"))

    def do_task(self) -> None:
        who = self.applicant
        who.open("/status")
        who.open("/tasks")
        who.press("Research taste")
        who.page.locator("[name=ai_rule]").check()
        who.press(re.compile("^Begin"))
        who.fill(answer="I would fund the second, without its third part.")
        expect(who.page.locator("[data-save-state]")).to_contain_text("Saved")
        who.press(re.compile("Hand in"), within=who.page.locator("main form"))
        who.reads("Received")

    def mark_task(self) -> None:
        mentor = self.mentor
        mentor.open(f"{self.stream}/tasks")
        with mentor.page.expect_navigation():
            mentor.page.locator("#mark tbody th a").click()
        mentor.arrived()
        assert "Noor" not in mentor.page.content()
        mentor.score(2)
        mentor.press("Save and next")

    def interview(self) -> None:
        mentor, who = self.mentor, self.applicant
        mentor.open(f"{self.stream}/interviews")
        mentor.fill(times="2027-03-10 10:00\n2027-03-11 15:00", zone="Europe/London", minutes="45")
        mentor.press("Add slots")
        mentor.open(self.candidate)
        mentor.press("Offer an interview")
        who.open("/interviews")
        who.reads("Scalable oversight")
        who.page.locator("input[name=slot]").first.check()
        who.press("Book this time")
        who.reads("Booked")
        self.clock_at("2027-03-10 12:00 UTC")
        mentor.open(f"{self.stream}/interviews")
        mentor.press("Noor Newcomer")
        mentor.press("It was held")
        mentor.score(2)
        mentor.press("Save scorecard")

    def rank(self) -> None:
        mentor = self.mentor
        mentor.open(self.candidate)
        mentor.score(2)
        mentor.press("Save reading")
        mentor.open(f"{self.stream}/ranking")
        mentor.press(re.compile("^Add"))
        mentor.confirm("Lock the ranking", "Lock the ranking")
        mentor.reads("Locked")

    def clock_at(self, instant: str) -> None:
        self.admin.open(f"/demo?cohort={COHORT}")
        self.admin.fill(at=instant)
        self.admin.press("Set the clock")

    # --- the offer ------------------------------------------------------------------------------------------------

    def offer(self) -> None:
        team = self.team
        team.open(f"/admin/{COHORT}/offers")
        for stream, outcome in ((STREAM, "offer"), (OTHER_STREAM, "not_select")):
            team.open(f"/admin/{COHORT}/offers/streams/{stream}")
            team.page.locator("tr", has_text="Noor Newcomer").locator("select").select_option(outcome)
            team.press("Record these outcomes")
        for signer in (team, self.second):
            signer.open(f"/admin/{COHORT}/offers")
            signer.press("Approve the ticked")
        self.release("offers")

    def accept(self) -> None:
        who = self.applicant
        who.open("/status")
        who.press("Answer", within=who.page.locator("#to-do"))
        who.page.locator("[name=eligible]").check()
        who.press("Accept this place")
        who.open("/status")
        who.reads("You have accepted a place")


def urlpath(guest: Guest) -> str:
    return "/" + guest.page.url.split("/", 3)[3].split("?")[0]


@pytest.mark.slow
def test_from_a_first_visit_to_an_accepted_offer(
    browser: Browser, demo_app: Flask, address: str, live_database: str, database: Database
) -> None:
    """On PostgreSQL the pages are the same, so axe looks at them on SQLite only."""
    aside(fill, live_database, applications=3, seed=1, reviewers=2)
    findings = Findings(look_over=database.kind == "sqlite")
    walk = Walk(browser, address, findings)
    walk.register()
    walk.write()
    walk.submit()
    walk.clock_to("T2")
    walk.applicant.open("/status")
    walk.applicant.reads("Your application is being read")
    walk.assign()
    walk.review()
    walk.clock_to("T5")
    walk.first_results()
    walk.applicant.open("/status")
    walk.applicant.reads("advanced")
    walk.referee_writes()
    walk.clock_to("T7")
    walk.clock_at("2027-02-24 12:00 UTC")
    walk.invite_to_task()
    walk.do_task()
    walk.clock_at("2027-03-08 13:00 UTC")  # interviews have begun, and the task is over
    walk.mark_task()
    walk.interview()
    walk.rank()
    walk.clock_to("T12")
    walk.offer()
    walk.accept()
    assert findings.flaws == []
    assert [each for guest in walk.guests for each in guest.complaints] == []
    assert aside(broken, live_database) == []
