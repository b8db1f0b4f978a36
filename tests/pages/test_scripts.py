"""The browser's modules, driven in a real browser: what they add, and that nothing typed is ever lost."""

from __future__ import annotations

import json
import random
import re
import sys
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings, strategies as st
from playwright.sync_api import Browser, Page, Route, expect

from matsapply.rules.counting import counted_length
from tests.hostile.test_applicants import NAUGHTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = pytest.mark.browser

STATE = "#score [data-save-state]"
COMMENT = "#comment"
READY = "html[data-scripts=ready]"
SAVED = {"saved_at": "2026-11-28T12:03:05+00:00", "version": 4}


def listening(page: Page, address: str) -> None:
    """Open the address and wait until its modules have started."""
    page.goto(address)
    page.wait_for_selector(READY)


@pytest.fixture
def page(gallery_browser: Browser, gallery_address: str) -> Iterator[Page]:
    context = gallery_browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    listening(page, gallery_address + "/")
    yield page
    assert errors == []
    context.close()


@pytest.fixture
def plain(gallery_browser: Browser, gallery_address: str) -> Iterator[Page]:
    """The same page where scripts are off."""
    context = gallery_browser.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.goto(gallery_address + "/")
    yield page
    context.close()


class Server:
    """Stands in for the address of the autosave: answers in turn, and remembers what was sent."""

    def __init__(self, page: Page, *answers: tuple[int, dict[str, object]] | str) -> None:
        self.answers = list(answers)
        self.sent: list[dict[str, list[str]]] = []
        self.headers: list[dict[str, str]] = []
        page.route("**/save", self.take)

    def take(self, route: Route) -> None:
        self.sent.append(parse_qs(route.request.post_data or "", keep_blank_values=True))
        self.headers.append(route.request.headers)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            route.abort(answer)
        else:
            route.fulfill(status=answer[0], content_type="application/json", body=json.dumps(answer[1]))


def draft(page: Page) -> str:
    return page.evaluate("JSON.stringify(Object.entries(localStorage).filter(([key]) => key.includes('draft')))")


# --- autosave -----------------------------------------------------------------------------------------------------


def test_a_pause_saves_and_proves_it(page: Page) -> None:
    server = Server(page, (200, SAVED))
    page.locator(COMMENT).press_sequentially("Clear and honest.")
    expect(page.locator(STATE)).to_have_text("Saved 12:03:05", timeout=3000)
    assert len(server.sent) == 1
    assert server.sent[0]["comment"] == ["Clear and honest."]
    assert server.sent[0]["version"] == ["3"]
    assert "csrf_token" not in server.sent[0]
    assert server.headers[0]["x-requested-with"] == "autosave"
    assert server.headers[0]["x-csrftoken"]
    assert draft(page) == "[]"
    page.locator(COMMENT).press_sequentially(" More.")
    page.wait_for_timeout(1700)
    assert server.sent[1]["version"] == ["4"]


def test_a_lost_connection_keeps_the_text_and_saves_it_later(page: Page) -> None:
    server = Server(page, "internetdisconnected", (503, {}), (200, SAVED))
    page.locator(COMMENT).fill("Written in a tunnel")
    expect(page.locator(STATE)).to_contain_text("Your text is kept in this browser", timeout=3000)
    assert "Written in a tunnel" in draft(page)
    expect(page.locator(STATE)).to_have_text("Saved 12:03:05", timeout=9000)
    assert len(server.sent) == 3
    assert draft(page) == "[]"


def test_coming_online_does_not_wait_for_the_next_try(page: Page) -> None:
    server = Server(page, "internetdisconnected", "internetdisconnected", (200, SAVED))
    page.locator(COMMENT).fill("Text")
    expect(page.locator(STATE)).to_contain_text("no connection", timeout=3000)
    page.wait_for_timeout(2300)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(STATE)).to_have_text("Saved 12:03:05", timeout=1000)
    assert len(server.sent) == 3


def test_a_refusal_is_told_in_the_servers_words_and_the_text_stays(page: Page) -> None:
    Server(page, (410, {"message": "Reviews closed at 23:59 AoE."}))
    page.locator(COMMENT).fill("Too late")
    expect(page.locator(STATE)).to_contain_text("Reviews closed at 23:59 AoE.", timeout=3000)
    expect(page.locator(COMMENT)).to_have_value("Too late")
    assert "Too late" in draft(page)


def test_text_that_was_never_saved_is_offered_after_a_reload(page: Page) -> None:
    Server(page, "internetdisconnected")
    page.locator(COMMENT).fill("Survives")
    expect(page.locator(STATE)).to_contain_text("kept in this browser", timeout=3000)
    page.unroute("**/save")
    server = Server(page, (200, SAVED))
    page.reload()
    page.wait_for_selector(READY)
    box = page.get_by_role("group", name="Two texts for")
    expect(box).to_contain_text("Survives")
    assert server.sent == []
    box.get_by_role("button", name="Kept in this browser").click()
    expect(page.locator(STATE)).to_have_text("Saved 12:03:05", timeout=3000)
    assert server.sent[0]["comment"] == ["Survives"]


@pytest.mark.parametrize(("choice", "kept"), [("Saved elsewhere", "Theirs"), ("Typed here", "Mine")])
def test_two_tabs_show_both_texts_and_one_is_chosen(page: Page, choice: str, kept: str) -> None:
    server = Server(page, (409, {"conflict": {"comment": "Theirs"}, "version": 9}), (200, {**SAVED, "version": 10}))
    page.locator(COMMENT).fill("Mine")
    box = page.get_by_role("group", name="Two texts for Comment")
    expect(box).to_contain_text("Theirs", timeout=3000)
    expect(box).to_contain_text("Mine")
    page.wait_for_timeout(1500)
    assert len(server.sent) == 1  # nothing is sent while the question stands
    box.get_by_role("button", name=choice).click()
    expect(page.locator(STATE)).to_have_text("Saved 12:03:05", timeout=3000)
    assert server.sent[1]["comment"] == [kept]
    assert server.sent[1]["version"] == ["9"]
    expect(page.locator(COMMENT)).to_have_value(kept)


def test_a_conflict_with_ones_own_text_asks_nothing(page: Page) -> None:
    server = Server(page, (409, {"conflict": {"comment": "Same"}, "version": 9}), (200, SAVED))
    page.locator(COMMENT).fill("Same")
    expect(page.locator(STATE)).to_have_text("Saved 12:03:05", timeout=4000)
    assert len(server.sent) == 2


# --- the count ----------------------------------------------------------------------------------------------------


def naughty(seed: int, number: int) -> list[str]:
    """Strings over all of Unicode that this Python knows, with what composition changes over-represented."""
    chance = random.Random(seed)
    known = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in {"Cn", "Cs"} and chr(code) != "\0"
    ]
    marks = [character for character in known if unicodedata.combining(character)]
    composed = [character for character in known if unicodedata.decomposition(character)]
    pools = (known, marks, composed, list("abc xyz 123 .,-"))
    return ["".join(chance.choice(chance.choice(pools)) for _ in range(chance.randint(0, 30))) for _ in range(number)]


# What no table of either side names is left out: there the server's count decides.
NAMED = st.text(st.characters(exclude_categories=("Cn", "Cs")))


def test_browser_and_server_count_alike(page: Page, gallery_address: str) -> None:
    """Each of the strings that break programs, thousands over all of Unicode, and what Hypothesis makes of it."""
    module = f"{gallery_address}/static/js/counter.js"

    def compare(texts: Sequence[str]) -> None:
        counted = page.evaluate(
            "async ([address, texts]) => { const { length } = await import(address); return texts.map(length); }",
            [module, list(texts)],
        )
        wrong = [(text, here, counted_length(text)) for text, here in zip(texts, counted, strict=True)]
        assert [each for each in wrong if each[1] != each[2]] == []

    whole = [text for text in NAUGHTY if not any("\ud800" <= letter <= "\udfff" for letter in text)]
    compare(["", "naïve cafe\u0301", "Ⅷ ½ ²", "한글 각", "👩‍👩‍👧 e🇩🇪", "אָ שּׁ", "नमस्ते", *whole, *naughty(7, 3000)])

    @settings(max_examples=15, deadline=None)
    @given(st.lists(NAMED, min_size=20, max_size=60))
    def generated(texts: list[str]) -> None:
        compare(texts)

    generated()


def test_the_count_is_live_and_says_when_it_is_too_much(page: Page) -> None:
    count = page.locator("#why-count")
    page.locator("#why").fill("a" * 12 + " , . ")
    expect(count).to_have_text("12 of 60, 5 % over is tolerated")
    page.locator("#why").fill("a" * 63)
    expect(count).to_have_class("count count-near")
    page.locator("#why").fill("a" * 64)
    expect(count).to_have_class("count count-over")


# --- order, keys, choices -----------------------------------------------------------------------------------------


def order(page: Page) -> list[str]:
    return page.locator("[data-rank] input[name=order]").evaluate_all("(all) => all.map((each) => each.value)")


def test_order_by_buttons_and_arrows(page: Page) -> None:
    page.get_by_role("button", name="Move Interpretability down").click()
    assert order(page) == ["b", "a", "c"]
    expect(page.get_by_role("button", name="Move Interpretability down")).to_be_focused()
    page.keyboard.press("ArrowDown")
    assert order(page) == ["b", "c", "a"]
    expect(page.get_by_role("button", name="Move Interpretability up")).to_be_focused()
    expect(page.locator("[data-rank-said]")).to_have_text("Interpretability is now number 3 of 3.")
    assert page.locator("[data-rank-number]").all_inner_texts() == ["1", "2", "3"]
    expect(page.get_by_text("Changed, not saved yet.")).to_be_visible()


def test_order_by_drag(page: Page) -> None:
    page.locator(".ranking").scroll_into_view_if_needed()
    grip = page.locator(".rank-grip").nth(2).bounding_box()
    top = page.locator(".rank").nth(0).bounding_box()
    assert grip
    assert top
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(grip["x"] + 8, top["y"] + 5, steps=6)
    page.mouse.up()
    assert order(page) == ["c", "a", "b"]


def test_digits_score_the_criterion_in_focus_and_go_on(page: Page) -> None:
    Server(page, (200, SAVED))
    page.locator("#ability-3").focus()
    page.keyboard.press("2")
    expect(page.locator("#ability-1")).to_be_checked()
    page.keyboard.press("5")
    expect(page.locator("#fit-4")).to_be_checked()
    page.keyboard.press("9")
    expect(page.locator("#care-2")).to_be_checked()


def test_keys_rest_while_somebody_types_and_can_be_switched_off(page: Page) -> None:
    Server(page, (200, SAVED))
    page.locator(COMMENT).press_sequentially("sjk?1")
    expect(page.locator(COMMENT)).to_have_value("sjk?1")
    expect(page.locator("[data-keys-help]")).not_to_have_attribute("open", "")
    page.locator("#fit-0").focus()
    page.keyboard.press("?")
    expect(page.locator("[data-keys-help]")).to_have_attribute("open", "")
    page.get_by_role("button", name="Switch the keys off").click()
    page.locator("#fit-0").focus()
    page.keyboard.press("4")
    expect(page.locator("#fit-3")).not_to_be_checked()


def test_next_is_one_key_away_and_slash_searches(page: Page) -> None:
    page.locator("#fit-0").focus()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("#next$"))
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()


def test_questions_of_a_track_come_and_go_with_it_and_keep_their_text(page: Page) -> None:
    field = page.locator("#interp")
    field.fill("Circuits")
    page.get_by_label("Interpretability", exact=False).locator("visible=true").first.uncheck()
    expect(field).to_be_hidden()
    page.locator("#tracks-0").check()
    expect(field).to_be_visible()
    expect(field).to_have_value("Circuits")


def test_a_confirmation_opens_as_a_dialog_and_gives_the_focus_back(page: Page) -> None:
    opener = page.locator("details[data-confirm] summary")
    opener.click()
    dialog = page.get_by_role("dialog", name="Withdraw your application?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


# --- theme, time --------------------------------------------------------------------------------------------------


def test_a_theme_is_chosen_without_a_round_trip_and_stays(page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_text("Colours").locator("..").click()
    page.get_by_role("button", name="Dark").click()
    assert requests == []
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_visitors_own_zone_is_used_at_once_and_remembered(gallery_browser: Browser, gallery_address: str) -> None:
    context = gallery_browser.new_context(timezone_id="Pacific/Kiritimati")
    page = context.new_page()
    page.goto(gallery_address + "/")
    expected = "3 Dec 2026, 02:00 (Pacific/Kiritimati)"
    first = page.locator(".instant:not(.instant-compact) > time").first
    expect(first).to_have_text(expected)
    page.route("**/*.js*", lambda route: route.abort())  # from now on the server alone
    page.reload()
    expect(first).to_have_text(expected)
    expect(page.locator(".instant-others").first).to_have_text("1 Dec 2026, 23:59 AoE · 2 Dec 2026, 12:00 UTC")
    context.close()


def test_the_countdown_follows_the_servers_clock(page: Page, gallery_address: str) -> None:
    expect(page.locator("[data-countdown]")).to_have_text("4 days 2 h")
    words: Callable[[int], str] = lambda left: page.evaluate(  # noqa: E731
        "async ([address, left]) => (await import(address)).words(left)",
        [f"{gallery_address}/static/js/countdown.js", left],
    )
    assert words(47 * 3600 * 1000 + 62_000) == "47:01:02"


# --- without scripts ----------------------------------------------------------------------------------------------


def test_menus_confirmations_and_arrows_work_without_scripts(plain: Page) -> None:
    plain.locator(".phone-menu summary").click()
    expect(plain.locator(".phone-panel").get_by_role("link", name="Calibration")).to_be_visible()
    plain.locator(".phone-menu summary").click()
    plain.locator("details[data-confirm] summary").click()
    expect(plain.get_by_role("button", name="Withdraw it")).to_be_visible()
    arrow = plain.get_by_role("button", name="Move Evaluations up")
    assert (arrow.get_attribute("name"), arrow.get_attribute("value")) == ("move", "up:c")
    expect(plain.locator("#interp")).to_be_visible()
