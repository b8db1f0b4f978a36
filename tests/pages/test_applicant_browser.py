"""The application in a real browser: nothing typed is lost, whatever the network, the session or the clock do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from matsapply.applications.models import Application
from matsapply.files.models import StoredFile
from matsapply.mail.kinds import Mail
from matsapply.rules.stages import QuestionType as Q, Role
from tests import factories as make
from tests.applicant_live import ADA, Live, begun, context_of, opened, sign_in, stored
from tests.applicant_site import COMPLETE, pdf
from tests.browsing import aside, complaints_of, flaws_of
from tests.visitor import PASSWORD, Visitor, link_in, mails, make_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.databases("sqlite")]
SAVED = re.compile(r"^Saved 12:00:00$")
RESEARCH = "/application/sections/research"
TEXT = "#evidence"
STATE = "[data-save-state]"
DRAFTS = "JSON.stringify(Object.entries(localStorage).filter(([key]) => key.includes('draft')))"


@pytest.fixture
def site(settings: Settings, clock: FixedClock, live_session: Session) -> Iterator[Live]:
    with begun(settings, clock, live_session) as live:
        yield live


@pytest.fixture
def page(gallery_browser: Browser, site: Live) -> Iterator[Page]:
    context = context_of(gallery_browser, site)
    page = context.new_page()
    complaints = complaints_of(page)
    sign_in(page)
    opened(page, RESEARCH)
    yield page
    context.close()
    # A save that fails on purpose leaves its line in the console; anything else is a fault.
    assert [each for each in complaints if "Failed to load resource" not in each] == []


def test_a_pause_saves_and_proves_it(page: Page, site: Live) -> None:
    page.locator(TEXT).press_sequentially("Clear and honest.")
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=3000)
    assert stored(site)["evidence"] == "Clear and honest."
    assert page.evaluate(DRAFTS) == "[]"


def test_the_network_goes_in_mid_typing_and_comes_back(page: Page, site: Live) -> None:
    page.locator(TEXT).press_sequentially("Written before ")
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=3000)
    page.locator(TEXT).press_sequentially("and ")
    page.context.set_offline(True)
    page.locator(TEXT).press_sequentially("in the tunnel")
    expect(page.locator(STATE)).to_contain_text("no connection", timeout=4000)
    assert "in the tunnel" in page.evaluate(DRAFTS)
    page.locator(TEXT).press_sequentially(", all of it.")
    page.context.set_offline(False)
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=6000)
    assert stored(site)["evidence"] == "Written before and in the tunnel, all of it."
    assert page.evaluate(DRAFTS) == "[]"


def test_text_of_a_lost_page_is_offered_when_it_is_opened_again(page: Page, site: Live) -> None:
    page.context.set_offline(True)
    page.locator(TEXT).fill("Typed while away")
    expect(page.locator(STATE)).to_contain_text("kept in this browser", timeout=4000)
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    opened(again, RESEARCH)
    box = again.get_by_role("group", name="Two texts for")
    expect(box).to_contain_text("Typed while away")
    box.get_by_role("button", name="Kept in this browser").click()
    expect(again.locator(STATE)).to_have_text(SAVED, timeout=3000)
    assert stored(site)["evidence"] == "Typed while away"


def test_a_server_that_breaks_is_asked_again(page: Page, site: Live) -> None:
    broken = {"times": 0}

    def answer(route: Any) -> None:
        broken["times"] += 1
        if broken["times"] < 3:
            route.fulfill(status=500, body="")
        else:
            route.continue_()

    page.route("**/autosave", answer)
    page.locator(TEXT).fill("Three tries")
    expect(page.locator(STATE)).to_contain_text("the server did not take it", timeout=3000)
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=10000)
    assert stored(site)["evidence"] == "Three tries"


def test_a_session_that_is_over_costs_no_letter(page: Page, site: Live) -> None:
    page.context.clear_cookies()
    page.locator(TEXT).fill("After the session")
    expect(page.locator(STATE)).to_contain_text("no longer signed in", timeout=4000)
    assert "After the session" in page.evaluate(DRAFTS)
    assert "evidence" not in stored(site)
    other = page.context.new_page()
    sign_in(other)
    other.close()
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=10000)
    assert stored(site)["evidence"] == "After the session"


def test_another_sign_in_in_another_tab_needs_no_reload(page: Page, site: Live) -> None:
    other = page.context.new_page()
    page.context.clear_cookies()
    sign_in(other)
    page.locator(TEXT).fill("With an old token")
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=4000)
    assert stored(site)["evidence"] == "With an old token"


def test_somebody_else_who_signs_in_here_gets_nothing_of_it(page: Page, site: Live) -> None:
    aside(make_person, site.app, site.session, "eve@example.org", name="Eve Example")

    def begin() -> None:
        assert site.signed_in("eve@example.org").post("/apply").status_code == 303

    aside(begin)
    page.context.clear_cookies()
    other = page.context.new_page()
    other.goto("/login")
    other.get_by_label("E-mail address").fill("eve@example.org")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url(re.compile(r"localhost:\d+/(?!login).*"))
    page.locator(TEXT).fill("Ada's own words")
    expect(page.locator(STATE)).to_contain_text("no longer signed in", timeout=4000)
    assert "evidence" not in stored(site)
    opened(other, RESEARCH)
    expect(other.locator(TEXT)).to_have_value("")
    expect(other.get_by_role("group", name="Two texts for")).to_have_count(0)


def test_two_tabs_show_both_texts(page: Page, site: Live) -> None:
    other = page.context.new_page()
    opened(other, RESEARCH)
    page.locator(TEXT).fill("From the first tab")
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=3000)
    other.locator(TEXT).fill("From the second tab")
    box = other.get_by_role("group", name="Two texts for")
    expect(box).to_contain_text("From the first tab", timeout=3000)
    expect(box).to_contain_text("From the second tab")
    assert stored(site)["evidence"] == "From the first tab"
    box.get_by_role("button", name="Typed here").click()
    expect(other.locator(STATE)).to_have_text(SAVED, timeout=3000)
    assert stored(site)["evidence"] == "From the second tab"


def test_a_deadline_that_passes_keeps_the_text_here(page: Page, site: Live, clock: FixedClock) -> None:
    clock.move_to(make.at(make.DATES["T2"]) + timedelta(hours=1))
    page.locator(TEXT).fill("An hour late")
    expect(page.locator(STATE)).to_contain_text("deadline has passed", timeout=4000)
    expect(page.locator(TEXT)).to_have_value("An hour late")
    assert "An hour late" in page.evaluate(DRAFTS)
    assert "evidence" not in stored(site)


def test_a_page_opened_in_time_saves_within_the_grace(page: Page, site: Live, clock: FixedClock) -> None:
    clock.move_to(make.at(make.DATES["T2"]) + timedelta(minutes=5))
    page.locator(TEXT).fill("In the last minute")
    expect(page.locator(STATE)).to_have_text(re.compile("^Saved 12:05:00$"), timeout=4000)
    assert stored(site)["evidence"] == "In the last minute"


def test_case_36_a_form_open_for_three_hours_saves(page: Page, site: Live, clock: FixedClock) -> None:
    clock.advance(timedelta(hours=3))
    page.locator(TEXT).fill("After a long lunch")
    expect(page.locator(STATE)).to_have_text(re.compile("^Saved 15:00:00$"), timeout=4000)
    page.get_by_role("button", name="Save and continue").click()
    page.wait_for_url("**/application/sections/choice")
    assert stored(site)["evidence"] == "After a long lunch"


def test_a_ticked_track_brings_its_question_and_joins_the_order(page: Page, site: Live) -> None:
    opened(page, "/application/sections/choice")
    expect(page.locator("#q_theory")).to_be_hidden()
    page.get_by_role("checkbox", name="Theory").check()
    page.get_by_role("checkbox", name="Empirical").check()
    expect(page.locator("#q_theory")).to_be_visible()
    page.locator("#q_theory").fill("A definition.")
    page.get_by_role("button", name="Move Empirical up").click()
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=3000)
    assert stored(site)["tracks"] == ["empirical", "theory"]
    page.get_by_role("checkbox", name="Theory").uncheck()
    expect(page.locator("#q_theory")).to_be_hidden()
    expect(page.locator("[data-pick-order]")).to_be_hidden()
    expect(page.locator("#section-form:not([data-dirty])")).to_be_visible()
    assert stored(site)["tracks"] == ["empirical"]
    opened(page, "/application/sections/choice")
    page.get_by_role("checkbox", name="Theory").check()
    expect(page.locator("#q_theory")).to_have_value("A definition.")


def test_a_chosen_file_is_uploaded_at_once_with_the_text_beside_it(page: Page, site: Live) -> None:
    opened(page, "/application/sections/background")
    page.locator("#links").fill("https://example.org/work")
    page.locator("#cv").set_input_files({"name": "cv.pdf", "mimeType": "application/pdf", "buffer": pdf()})
    expect(page.get_by_role("link", name="cv.pdf")).to_be_visible()
    assert stored(site)["links"] == ["https://example.org/work"]
    page.locator("#cv").set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no"})
    expect(page.locator("#cv-error")).to_contain_text("is not a PDF")
    assert [file.name for file in aside(site.all, sa.select(StoredFile))] == ["cv.pdf"]


def test_without_scripts_everything_can_be_written_and_both_texts_chosen_from(
    gallery_browser: Browser, site: Live
) -> None:
    context = context_of(gallery_browser, site, java_script_enabled=False, viewport={"width": 390, "height": 800})
    first, second = context.new_page(), context.new_page()
    sign_in(first)
    first.goto(RESEARCH)
    second.goto(RESEARCH)
    first.locator(TEXT).fill("From one page")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Saved.", exact=True)).to_be_visible()
    second.locator(TEXT).fill("From the other page")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_text("From one page")).to_be_visible()
    assert stored(site)["evidence"] == "From one page"
    second.get_by_label("Typed here").first.check()
    second.get_by_role("button", name="Save and continue").click()
    second.wait_for_url("**/application/sections/choice")
    assert stored(site)["evidence"] == "From the other page"
    second.get_by_role("checkbox", name="Theory").check()
    second.get_by_role("checkbox", name="Empirical").check()
    second.locator("#q_theory").fill("A definition.")
    second.get_by_role("button", name="Save", exact=True).click()
    second.get_by_role("button", name="Move Empirical down").click()
    assert stored(site)["tracks"] == ["theory", "empirical"]
    second.get_by_role("button", name="Choose and order streams").click()
    expect(second.get_by_role("heading", name="Streams", exact=True)).to_be_visible()
    context.close()


@pytest.mark.slow
def test_axe_finds_nothing_on_the_applicants_pages(page: Page, site: Live) -> None:
    found = []
    for path in (
        "/application",
        "/application/sections/you",
        "/application/sections/choice",
        "/application/sections/background",
        "/application/sections/separate",
        "/application/streams",
        "/application/streams/compare?stream=red&stream=blue",
        "/application/referees",
        "/application/check",
        "/application/receipt",
        "/calendar",
        "/status",
        "/tasks",
    ):
        opened(page, path)
        found += flaws_of(page)
    assert found == []


def test_ticked_streams_join_the_order_add_up_their_hours_and_are_saved(page: Page, site: Live) -> None:
    def begin() -> None:
        blue = site.world.streams["blue"]
        make.task(site.session, site.world.cohort, [blue], "take-home", hours=3, shared=False)
        site.session.commit()
        assert site.signed_in(ADA).write("choice", tracks=["empirical"]).status_code == 303

    aside(begin)
    opened(page, "/application/streams")
    hours = page.locator("[data-hours]")
    expect(hours).to_have_text("0")
    page.get_by_role("checkbox", name="Stream red").check()
    expect(hours).to_have_text("1.5")
    page.get_by_role("checkbox", name="Stream blue").check()
    expect(hours).to_have_text("4.5")
    rows = page.locator("[data-pick-order] [data-rank]:visible")
    expect(rows).to_have_text([re.compile("Stream red"), re.compile("Stream blue")])
    page.get_by_role("button", name="Move Stream red down").focus()
    page.keyboard.press("ArrowDown")
    expect(rows).to_have_text([re.compile("Stream blue"), re.compile("Stream red")])
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=3000)
    assert stored(site)["streams"] == ["blue", "red"]
    page.get_by_role("checkbox", name="Stream red").uncheck()
    expect(hours).to_have_text("4.5")
    expect(page.locator("[data-pick-order]")).to_be_hidden()


def test_an_order_that_was_not_saved_is_offered_whole(page: Page, site: Live) -> None:
    """What is ticked and its order are one answer, told in words, and the rows stand as they were left."""
    assert aside(lambda: site.signed_in(ADA).write("choice", tracks=["empirical"]).status_code) == 303
    opened(page, "/application/streams")
    for name in ("Stream red", "Stream blue"):
        page.get_by_role("checkbox", name=name).check()
    expect(page.locator(STATE)).to_have_text(SAVED, timeout=3000)
    page.context.set_offline(True)
    page.get_by_role("button", name="Move Stream blue up").click()
    expect(page.locator(STATE)).to_contain_text("no connection", timeout=4000)
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    opened(again, "/application/streams")
    boxes = again.locator(".conflict-text > div")
    expect(boxes).to_have_text(["Stream red\nStream blue", "Stream blue\nStream red"], use_inner_text=True)
    rows = again.locator("[data-pick-order] [data-rank]:visible")
    expect(rows).to_have_text([re.compile("Stream blue"), re.compile("Stream red")])
    again.get_by_role("button", name="Keep the text: Kept in this browser").click()
    expect(again.locator(STATE)).to_have_text(SAVED, timeout=4000)
    assert stored(site)["streams"] == ["blue", "red"]


PAYLOAD = "\"'><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>{{7*7}}"


def test_case_22_scripts_in_every_field_run_for_nobody(page: Page, site: Live) -> None:
    """The applicant, the referee and the team read them: no dialog opens, and the content policy stops nothing."""

    def fill() -> str:
        make_person(site.app, site.session, "admin@example.org", Role.ADMIN, name=PAYLOAD)
        ada = site.signed_in(ADA)
        for name, answers in COMPLETE.items():
            texts = {
                key: PAYLOAD for key, place, kind, *_ in make.QUESTIONS if place == name and kind in {Q.LONG, Q.TEXT}
            }
            assert ada.write(name, **{**answers, **texts}).status_code == 303
        ada.post("/application/referees", {"name": PAYLOAD, "email": "rita@example.org", "consent": "yes"})
        assert ada.submit().status_code == 303
        letter = next(mail for mail in mails(site.session, "rita@example.org") if mail.kind == Mail.REFERENCE_REQUEST)
        path = link_in(letter)
        assert Visitor(site.app.test_client()).post(path, {"text": PAYLOAD}).status_code == 303
        return path

    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    letter = aside(fill)
    own = ("/application", "/application/check", "/application/referees", "/application/sections/you", "/status")
    for path in (*own, RESEARCH, "/application/receipt/1", "/inbox", letter):
        opened(page, path)
        assert page.locator("img[src=x], svg[onload], main script").count() == 0, path
    key = site.world.cohort.key
    page.context.clear_cookies()
    page.goto("/login")
    page.get_by_label("E-mail address").fill("admin@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"localhost:\d+/(?!login).*"))
    public_id = aside(lambda: site.all(sa.select(Application))[0].public_id)
    for path in (f"/admin/{key}/applications", f"/admin/{key}/applications/{public_id}", "/admin/people", "/admin/log"):
        answer = page.goto(path)
        assert answer
        assert answer.status == 200, path
        assert "alert(1)" in page.content() or path == "/admin/log", path
        assert page.locator("img[src=x], svg[onload], main script").count() == 0, path
    assert dialogs == []
