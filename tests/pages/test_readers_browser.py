"""Readers in a real browser: ten reviews by keyboard alone; no flaw in light or dark, wide or narrow; case 22."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from matsapply.app import create_app
from matsapply.offers.ranking import current_ranking
from matsapply.platform import clock as clock_module
from matsapply.reviews import rounds
from matsapply.reviews.actions import Entered, submit_review
from matsapply.reviews.models import Review, ReviewAssignment
from matsapply.rules.stages import AssignmentState, Role
from tests.browsing import READY, aside, complaints_of, flaws_of, served
from tests.desk import sign_in
from tests.reviews.builders import NOW, reviewing
from tests.stream_desk import NOON, StreamDesk
from tests.stream_world import at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from playwright.sync_api import Browser, Page
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings
    from tests.desk import Member
    from tests.reviews.builders import Reviewing

pytestmark = [pytest.mark.browser, pytest.mark.databases("sqlite")]
SCRIPT = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}</textarea><svg onload=alert(3)>'


@pytest.fixture
def app(settings: Settings, clock: FixedClock) -> Flask:
    app: Flask = aside(create_app, replace(settings, demo=True, base_url="http://localhost"))
    clock_module.install(clock)
    return app


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


@contextmanager
def at_a_browser(browser: Browser, address: str, member: Member, *, quiet: bool = True) -> Iterator[Page]:
    """A page that carries the member's session; no dialog ever opens, and ``quiet``: the page complains of nothing."""
    context = browser.new_context(base_url=address, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "matsapply", "value": member.cookie() or "", "url": address}])
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints = complaints_of(page)
    page.on("dialog", lambda dialog: (complaints.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    yield page
    context.close()
    assert complaints == [] or not quiet


def open_(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, path
    page.wait_for_selector(READY)


def press(page: Page, key: str) -> None:
    """Press a key that opens another page, and wait for it."""
    before = page.url
    page.keyboard.press(key)
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector(READY)


# --- the reviewer -----------------------------------------------------------------------------------------------------


def queue_of(session: Session, clock: FixedClock, number: int) -> tuple[Reviewing, int, list[str]]:
    clock.move_to(NOW)
    session.expire_on_commit = False
    world = reviewing(session)
    reader, team = world.actor(), world.actor(Role.COORDINATOR)
    refs = [
        rounds.assign(
            session, team, world.round(), world.application(), reader.person_id or 0, NOW, override_reason="a test"
        ).public_id
        for _ in range(number)
    ]
    session.commit()
    return world, reader.person_id or 0, sorted(refs)


def test_ten_reviews_by_keyboard_alone(
    gallery_browser: Browser, app: Flask, address: str, live_session: Session, clock: FixedClock
) -> None:
    _, reader, refs = queue_of(live_session, clock, 10)
    member = aside(sign_in, app, live_session, reader)
    wanted = {
        ref: {"research": n % 5 + 1, "execution": (n + 2) % 5 + 1, "motive": 5 - n % 5} for n, ref in enumerate(refs)
    }
    with at_a_browser(gallery_browser, address, member) as page:
        open_(page, "/review")
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent.trim()") == "Review next":
                break
        press(page, "Enter")
        assert page.url.endswith(refs[0])
        page.keyboard.press("?")
        assert page.locator("[data-keys-help] dl").is_visible()
        page.keyboard.press("?")
        assert page.locator("[data-keys-help] dl").is_hidden()
        press(page, "j")
        assert page.url.endswith(refs[1])
        press(page, "k")
        assert page.url.endswith(refs[0])
        for place, ref in enumerate(refs):
            assert page.url.endswith(ref)
            for score in wanted[ref].values():
                page.keyboard.press(str(score))
            assert page.locator("[data-total]").inner_text() != "–"
            if place == 0:
                note_by_keyboard(page)
            press(page, "s")
        page.get_by_text("All done. Thank you").wait_for()
    live_session.rollback()
    found = live_session.execute(
        sa.select(ReviewAssignment.public_id, Review.scores, Review.note).join(
            Review, Review.assignment_id == ReviewAssignment.id
        )
    ).all()
    assert {row.public_id: row.scores for row in found} == wanted
    assert {row.public_id: row.note for row in found if row.note} == {refs[0]: "12 jokes, ?"}


def note_by_keyboard(page: Page) -> None:
    """The keys rest while one writes: the digits and letters arrive as text. Then back to the scores."""
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "note":
            break
    page.keyboard.type("12 jokes, ?")
    assert page.locator("#note").input_value() == "12 jokes, ?"
    page.keyboard.press("Shift+Tab")


def test_a_draft_outlives_the_network_and_the_session_and_one_question_leads_on(
    gallery_browser: Browser, app: Flask, address: str, live_session: Session, clock: FixedClock
) -> None:
    _, reader, refs = queue_of(live_session, clock, 2)
    member = aside(sign_in, app, live_session, reader)
    with at_a_browser(gallery_browser, address, member, quiet=False) as page:
        open_(page, f"/review/{refs[0]}")
        state, note = page.locator("[data-save-state]"), page.locator("#note")
        note.press_sequentially("Before, ")
        expect(state).to_contain_text("Saved", timeout=5000)
        page.context.set_offline(True)
        note.press_sequentially("in the tunnel, ")
        expect(state).to_contain_text("no connection", timeout=5000)
        page.context.set_offline(False)
        expect(state).to_contain_text("Saved", timeout=8000)
        cookies = page.context.cookies()
        page.context.clear_cookies()
        note.press_sequentially("signed out.")
        expect(state).to_contain_text("no longer signed in", timeout=5000)
        page.context.add_cookies(cookies)
        expect(state).to_contain_text("Saved", timeout=12_000)
        # One question across applications, by keyboard: the digit scores, s saves and goes on to the same question.
        open_(page, f"/review/{refs[0]}?question=evidence")
        page.keyboard.press("4")
        press(page, "s")
        assert page.url.endswith(f"{refs[1]}?question=evidence")
        assert page.locator("h2", has_text="The question about").count() == 1
        press(page, "k")
        assert page.url.endswith(f"{refs[0]}?question=evidence")
        assert flaws_of(page) == []
    live_session.rollback()
    kept = live_session.scalars(sa.select(ReviewAssignment).where(ReviewAssignment.public_id == refs[0])).one()
    assert (kept.draft_note, kept.draft_scores) == ("Before, in the tunnel, signed out.", {"research": 4})


def test_a_reviewers_pages_have_no_flaw_and_run_no_script(
    gallery_browser: Browser, app: Flask, address: str, live_session: Session, clock: FixedClock
) -> None:
    world, reader, refs = queue_of(live_session, clock, 2)
    hostile = world.application(
        evidence=SCRIPT, q_empirical=SCRIPT, timezone=SCRIPT, links=[SCRIPT, "javascript:alert(4)"]
    )
    team, other = world.actor(Role.COORDINATOR), world.actor()
    mine, theirs = (
        rounds.assign(live_session, team, world.round(), hostile, person, NOW, override_reason="a test")
        for person in (reader, other.person_id or 0)
    )
    scores = {"research": 1, "execution": 1, "motive": 1}
    submit_review(live_session, other, theirs, Entered(scores, note=SCRIPT, feedback=SCRIPT), NOW)
    live_session.commit()
    member = aside(sign_in, app, live_session, reader)
    flaws: list[str] = []
    with at_a_browser(gallery_browser, address, member) as page:
        for path in ("/review", f"/review/{mine.public_id}", f"/review/{refs[0]}/recuse", "/review/offline"):
            open_(page, path)
            flaws += flaws_of(page)
        open_(page, f"/review/{mine.public_id}")
        assert page.locator(".review-text", has_text="alert(2)").first.is_visible(), "shown as it was typed"
        assert page.locator(".review-answers img, .review-answers svg[onload]").count() == 0
        for key in "345":
            page.keyboard.press(key)
        page.locator("#note").fill(SCRIPT)
        page.get_by_role("button", name="Submit and next").press("Enter")
        page.get_by_text("Review submitted.").wait_for()
        open_(page, f"/review/{mine.public_id}")
        assert page.locator("#note").input_value() == SCRIPT
        assert page.locator("#others", has_text="alert(2)").is_visible()
        page.locator("#comment").fill(SCRIPT)
        page.get_by_role("button", name="Say it").press("Enter")
        page.locator(".review-said", has_text="alert(2)").wait_for()
        flaws += flaws_of(page)
        open_(page, "/review/done")
        flaws += flaws_of(page)
    assert flaws == []
    live_session.rollback()
    live_session.refresh(mine)
    assert mine.state is AssignmentState.SUBMITTED


# --- the stream -------------------------------------------------------------------------------------------------------


def test_a_streams_desk_has_no_flaw_and_runs_no_script(
    gallery_browser: Browser, app: Flask, address: str, live_session: Session, clock: FixedClock
) -> None:
    desk = StreamDesk.open(app, live_session, clock)
    desk.world.red.interview = desk.world.red.interview.TWO
    ada, bo = desk.entry(SCRIPT), desk.entry("Bo Red")
    submission = desk.handed_in(ada, desk.world.own, work=SCRIPT)
    interview = desk.booked(desk.fresh(bo), desk.slot())
    desk.slot(at("2027-03-12 15:00"))
    lead = aside(lambda: desk.lead)
    scores = {"score-ability": "3", "score-interest": "2", "note": SCRIPT}
    page_of_ada = desk.page(ada)
    assert aside(lambda: desk.mentor.post(f"{page_of_ada}/review", scores, form=page_of_ada)).status_code == 303
    order = {"number": "0", "order": [ada.public_id, bo.public_id], f"tier-{ada.public_id}": "1"}
    assert aside(lambda: lead.post("/stream/red/ranking", order)).status_code == 303
    clock.move_to(NOON)
    flaws: list[str] = []
    with at_a_browser(gallery_browser, address, lead) as page:
        people = [f"/candidates/{entry.public_id}" for entry in (ada, bo)]
        parts = ["/tasks", f"/tasks/mark/{submission}", "/interviews", f"/interviews/{interview.public_id}", "/ranking"]
        for path in ("", "/candidates", *people, *parts):
            open_(page, f"/stream/red{path}")
            flaws += flaws_of(page)
        # The order is changed by keyboard, saved, and what happened in the interview is recorded.
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_role("button", name="Move Bo Red up").press("Enter")
        page.get_by_role("button", name="Save order").press("Enter")
        page.get_by_text("The order is saved.").wait_for()
        open_(page, f"/stream/red/interviews/{interview.public_id}")
        page.get_by_role("button", name="It was held").press("Enter")
        page.get_by_role("heading", name="Your scorecard").wait_for()
        flaws += flaws_of(page)
    assert flaws == []
    assert [entry.id for entry in (bo, ada)] == ranked(desk)


def ranked(desk: StreamDesk) -> list[int]:
    desk.session.rollback()
    return current_ranking(desk.session, desk.world.red.id).order
