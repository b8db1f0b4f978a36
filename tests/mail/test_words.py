"""What messages say: the same in text and HTML, complete, and nothing of it a header."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from matsapply.mail import rendering
from matsapply.mail.kinds import Mail
from matsapply.platform.settings import Settings
from tests.mail.contexts import COHORT, CONTEXTS, LATER, context

SITE = "https://apply.example"
ADDRESS = re.compile(r"https?://\S+")
VOID = {"meta", "br"}
EXPECTED = "19 Jan 2027, 02:00 (Pacific/Kiritimati) = 17 Jan 2027, 23:59 AoE = 18 Jan 2027, 12:00 UTC"


@pytest.fixture(autouse=True)
def _site() -> None:
    rendering.configure(Settings(base_url=SITE))


class Page(HTMLParser):
    """The words and links of a page; complains of elements that are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(str(dict(attrs)["href"]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self.open):
            self.words += re.findall(r"\w+", ADDRESS.sub(" ", data))


@pytest.mark.parametrize("kind", Mail)
def test_text_and_html_say_the_same(kind):
    mail = rendering.render(kind, context(kind))
    page = Page(mail.html)
    assert Counter(page.words) == Counter(re.findall(r"\w+", ADDRESS.sub(" ", mail.text)))
    assert set(page.links) == set(ADDRESS.findall(mail.text))


@pytest.mark.parametrize("kind", Mail)
def test_a_message_says_what_happened_and_where_to_go_on(kind):
    mail = rendering.render(kind, context(kind))
    paragraphs = mail.text.split("\n\n")
    assert paragraphs[0] == "Hello Ada Example,"
    assert len(paragraphs[1]) > 15
    assert 10 < len(mail.subject) <= rendering.SUBJECT_LENGTH
    assert "\n" not in mail.subject
    assert any(link.startswith(f"{SITE}/") and link != f"{SITE}/" for link in Page(mail.html).links)
    assert "\n\n\n" not in mail.text
    assert "{" not in mail.text


@pytest.mark.parametrize("kind", Mail)
def test_each_key_that_is_needed_is_asked_for(kind):
    """A caller that forgets one learns of it in its own transaction, not from an odd mail."""
    for key in ("name", "zone"):
        short = {name: value for name, value in context(kind).items() if name != key}
        if key == "zone" and not re.search(r"\d UTC", rendering.render(kind, context(kind)).text):
            continue
        with pytest.raises((UndefinedError, KeyError)):
            rendering.render(kind, short)
    if kind in {Mail.RECEIPT, Mail.DECISION, Mail.WITHDRAWN}:
        short = {name: value for name, value in context(kind).items() if name != "cohort_label"}
        with pytest.raises(UndefinedError):
            rendering.render(kind, short)


def test_every_kind_has_an_example():
    assert set(CONTEXTS) == set(Mail)


@pytest.mark.parametrize("kind", [kind for kind in Mail if "expires_at" in CONTEXTS[kind]])
def test_an_instant_is_told_three_ways(kind):
    mail = rendering.render(kind, context(kind))
    assert EXPECTED in mail.text
    assert EXPECTED in mail.html


def test_a_beginning_at_midnight_aoe_is_not_told_as_the_day_before():
    booked = rendering.render(Mail.INTERVIEW_BOOKED, context(Mail.INTERVIEW_BOOKED))
    assert "Begins: 19 Jan 2027, 02:00 (Pacific/Kiritimati) = 18 Jan 2027, 00:00 AoE" in booked.text


@pytest.mark.parametrize("zone", ["UTC", "", "../../etc/passwd", "No/Where", "x" * 300])
def test_an_unknown_zone_costs_no_message(zone):
    mail = rendering.render(Mail.WAITLIST_PROMOTION, context(Mail.WAITLIST_PROMOTION, zone=zone))
    assert "18 Jan 2027, 12:00 UTC = 17 Jan 2027, 23:59 AoE" in mail.text
    assert "UTC = 17 Jan 2027, 23:59 AoE = " not in mail.text


@pytest.mark.parametrize(
    ("changes", "words", "not_these"),
    [
        ({"number": 1, "edit_until": None}, "has arrived. Thank you", "edit and submit again"),
        ({"number": 3}, "version 3 of your application", "has arrived. Thank you for the work"),
    ],
)
def test_the_receipt_knows_first_from_later(changes, words, not_these):
    mail = rendering.render(Mail.RECEIPT, context(Mail.RECEIPT, **changes))
    assert words in mail.text
    assert not_these not in mail.text
    assert COHORT in mail.subject


def test_the_subject_of_a_result_keeps_the_result_to_itself():
    for kind in (Mail.FIRST_RESULT, Mail.DECISION):
        for outcome in ("offer", "not selected"):
            results = [{"track": "T", "stream": "S", "outcome": outcome, "feedback": ""}]
            mail = rendering.render(kind, context(kind, results=results, expires_at=None, advanced=outcome == "offer"))
            assert outcome not in mail.subject
            assert rendering.render(kind, context(kind)).subject == mail.subject


def test_a_negative_result_promises_nothing():
    bad = context(
        Mail.FIRST_RESULT,
        advanced=False,
        choice_closes_at=None,
        results=[{"track": "T", "outcome": "not advanced", "feedback": ""}],
    )
    text = rendering.render(Mail.FIRST_RESULT, bad).text
    assert "will not go on" in text
    assert "comes next" not in text


def test_a_date_that_was_taken_back_says_so():
    text = rendering.render(Mail.DEADLINE_MOVED, context(Mail.DEADLINE_MOVED, new_at=None)).text
    assert "taken back" in text
    moved = rendering.render(Mail.DEADLINE_MOVED, context(Mail.DEADLINE_MOVED, new_at=LATER, reopened=True)).text
    assert moved != text


@pytest.mark.parametrize("reason", ["withdrawn", "offers_declined", "not_selected", "cohort_cancelled"])
def test_each_reason_of_a_close_has_its_own_words(reason):
    others = {"withdrawn", "offers_declined", "not_selected", "cohort_cancelled"} - {reason}
    text = rendering.render(Mail.CLOSED, context(Mail.CLOSED, reason=reason)).text
    assert all(rendering.render(Mail.CLOSED, context(Mail.CLOSED, reason=other)).text != text for other in others)


NASTY = "Ada\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>\u2028{{ 7*7 }}\u202e\x00\x1b[31m\ud800"


@pytest.mark.parametrize("kind", Mail)
def test_what_people_typed_stays_words(kind):
    """Case 21: HTML, line breaks and templates in every text of every context."""

    def nasty(value):
        if isinstance(value, str) and not value.startswith("/"):
            return NASTY
        if isinstance(value, list):
            return [nasty(item) for item in value]
        if isinstance(value, dict):
            return {key: nasty(item) for key, item in value.items()}
        return value

    own = {"zone": "UTC", "language": None}
    whole = {key: nasty(value) for key, value in context(kind).items() if key not in own} | own
    mail = rendering.render(kind, whole)
    assert not re.search(r"[\x00-\x1f\u2028\u202e\ud800]", mail.subject)
    assert "<script" not in mail.html
    assert "49" not in mail.text.replace("2049", "")
    for body in (mail.text, mail.html):
        body.encode("utf-8")  # no lone surrogate is left
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", body)
    Page(mail.html)


@pytest.mark.parametrize(
    "address", ["//evil.example/x", "https://evil.example/", "javascript:alert(1)", "/\\evil", "x", ""]
)
def test_a_link_leads_to_this_site_or_the_mail_is_not_written(address):
    with pytest.raises(ValueError, match="this site only"):
        rendering.absolute(address)


def test_a_full_address_of_this_site_is_a_link_too():
    assert rendering.absolute(f"{SITE}/x") == f"{SITE}/x"
    assert rendering.absolute("/x?y=1") == f"{SITE}/x?y=1"
    with pytest.raises(ValueError):
        rendering.absolute(f"{SITE}.evil.example/x")


@pytest.mark.parametrize("typed", ["javascript:alert(1)", "data:text/html,x", 'https://x"onclick="y'])
def test_a_video_address_is_a_link_only_if_it_is_one(typed):
    html = rendering.render(Mail.INTERVIEW_BOOKED, context(Mail.INTERVIEW_BOOKED, video_link=typed)).html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert '"onclick' not in html


def test_without_settings_the_error_says_what_to_call(monkeypatch):
    monkeypatch.setattr(rendering, "_settings", None)
    with pytest.raises(rendering.NotConfiguredError, match=r"configure\(settings\)"):
        rendering.render(Mail.WITHDRAWN, context(Mail.WITHDRAWN))


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\r\nb", "a b"), ("  a \t b ", "a b"), ("x" * 300, "x" * 199 + "…"), ("\u202eabc", "abc"), ("é\x00", "é")],
)
def test_one_line_is_one_line(text, line):
    assert rendering.one_line(text, 200) == line


def test_every_kind_is_written_in_the_recipients_language():
    for kind in Mail:
        english, german = (rendering.render(kind, context(kind, language=code)) for code in ("en", "de"))
        assert "Guten Tag Ada Example," in german.text
        assert '<html lang="de">' in german.html
        assert german.text != english.text
        assert Counter(Page(german.html).words) == Counter(re.findall(r"\w+", ADDRESS.sub(" ", german.text))), kind
    receipt = rendering.render(Mail.RECEIPT, context(Mail.RECEIPT, language="de"))
    assert receipt.subject == f"Ihre geänderte Bewerbung für {COHORT} ist eingegangen"
    assert "19. Jan. 2027, 02:00 (Pacific/Kiritimati)" in receipt.text
    assert rendering.render(Mail.RECEIPT, context(Mail.RECEIPT, language="xx")).subject.startswith("We received")
