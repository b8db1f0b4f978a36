"""Every component with stand-in data: sound HTML in every case, and no finding of axe in the four views."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import render_template_string
from playwright.sync_api import Browser

from tests.browsing import complaints_of, flaws_of
from tests.pages.gallery import ROOT, create_gallery, sample_form

PAGES = ("/", "/?flash=1", "/layout/public", "/layout/public?out=1", "/layout/account", "/layout/plain", "/error/404")
COMPONENTS = sorted((ROOT / "templates" / "components").glob("*.html"))
SHEETS = sorted((ROOT / "matsapply" / "static" / "css").glob("*.css"))
MODULES = sorted((ROOT / "matsapply" / "static" / "js").glob("*.js"))


class Page(HTMLParser):
    """Ids, references to ids, and anything a strict content policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.references: set[str] = set()
        self.refused: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids[str(given["id"])] += 1
        for name in ("aria-describedby", "aria-labelledby", "for"):
            self.references.update((given.get(name) or "").split())
        if tag == "style" or (tag == "script" and "src" not in given):
            self.refused.append(tag)
        self.refused += [name for name in given if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("address", PAGES)
def test_pages_hold_no_inline_code_no_double_id_and_no_loose_reference(address: str) -> None:
    answer = create_gallery().test_client().get(address)
    page = Page(answer.text)
    assert not page.refused
    assert [name for name, times in page.ids.items() if times > 1] == []
    assert page.references <= set(page.ids)
    assert "None" not in re.sub(r"<[^>]*>", "", answer.text)


def test_a_field_says_what_it_is_what_it_wants_and_what_is_wrong() -> None:
    text = create_gallery().test_client().get("/").text
    field = text[text.index('<label for="email"') : text.index('<label for="zone"')]
    assert 'id="email-error"' in field
    control = re.search(r"<input[^>]*>", field)
    assert control is not None
    for part in ('aria-describedby="email-error"', 'aria-invalid="true"', 'type="email"', "required"):
        assert part in control[0]
    assert '<a href="#email">' in text
    assert '<a href="#weeks-0">' in text


NASTY = "\"'><script>alert(1)</script>{{ 7*7 }}"
CALLS = (
    ("state", "state(bad)"),
    ("page_head", "page_head(bad, bad, back=(bad, bad))"),
    ("ranking", "ranking([{'key': bad, 'label': bad, 'note': bad, 'href': bad}])"),
    ("menu", "menu(bad, [{'label': bad, 'href': bad}])"),
    ("paper", "paper({'title': bad, 'url': bad, 'authors': [bad], 'fellows': [bad], 'summary': bad, 'tracks': [bad]})"),
    ("error_summary", "error_summary(none, [(bad, bad)])"),
    ("chart", "chart([(bad, 1)], bad, bad)"),
    ("bars", "bars([1, 2], bad, labels=[bad, bad])"),
    ("confirm", "confirm(bad, bad, bad, bad, fields={bad: bad})"),
    ("button", "button(bad, name=bad, value=bad)"),
    ("score", "score(bad, bad, bad, {1: bad}, bad, [bad])"),
    ("field", "field(form.name, hint=bad, label=bad)"),
    ("facts", "facts([(bad, bad)])"),
)


@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_no_text_becomes_code(name: str, call: str) -> None:
    app = create_gallery()
    with app.test_request_context(query_string={"q": NASTY}):
        form = sample_form()
        form.name.data = NASTY
        source = f"{{% from 'components/{name}.html' import {name} %}}{{{{ {call} }}}}"
        html = render_template_string(source, bad=NASTY, form=form)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html.lower()
    assert "{{ 7*7 }}".lower() in html.lower()
    assert not Page(html).refused


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_each_component_opens_with_its_arguments(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    comment = text[: text.index("#}")]
    assert text.startswith("{# ")
    for macro in re.findall(r"{% macro (\w+)\(", text):
        if macro not in {"errors_of", "aside_of"}:  # used inside their own file only
            assert macro in comment


@pytest.mark.parametrize("path", [*SHEETS, *MODULES], ids=lambda path: path.name)
def test_sheets_and_modules_stay_small_and_fetch_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 400
    assert not re.search(r"https?://|//cdn|@import", text)
    if path.suffix == ".css" and path.name not in {"tokens.css", "print.css", "paper.css"}:
        assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(|hsl\(", text), "colours are tokens"


@pytest.mark.browser
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(gallery_browser: Browser, gallery_address: str) -> None:
    context = gallery_browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    complaints = complaints_of(page)
    for address in PAGES:
        page.goto(gallery_address + address, wait_until="networkidle")
        for menu in page.query_selector_all("details.menu:not(.site-menu)"):
            if menu.is_visible():
                menu.evaluate("(menu) => { menu.open = true; }")
                break
        assert flaws_of(page) == []
    context.close()
    assert complaints == []
