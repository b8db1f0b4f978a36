"""Filters and globals of the templates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, g
from hypothesis import given, strategies as st
from wtforms import FieldList, Form, FormField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired

from matsapply.pages import form_shapes, icons, pictures, widgets
from matsapply.platform import instants
from tests.pages.gallery import create_gallery

CLOSE = datetime(2027, 1, 18, 12, 0, tzinfo=UTC)  # the end of 17 January, Anywhere on Earth
aware = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)


@pytest.fixture
def gallery() -> Flask:
    return create_gallery()


# --- time ---------------------------------------------------------------------------------------------------------


def test_the_same_instant_three_ways() -> None:
    assert instants.in_zone(CLOSE, "Pacific/Kiritimati") == "19 Jan 2027, 02:00 (Pacific/Kiritimati)"
    assert instants.aoe(CLOSE) == "17 Jan 2027, 23:59 AoE"
    assert instants.aoe(CLOSE, opens=True) == "18 Jan 2027, 00:00 AoE"
    assert instants.utc(CLOSE) == "18 Jan 2027, 12:00 UTC"
    assert instants.machine(CLOSE) == "2027-01-18T12:00:00Z"


def test_only_exact_midnight_is_the_end_of_a_day() -> None:
    assert instants.aoe(CLOSE + timedelta(minutes=1)) == "18 Jan 2027, 00:01 AoE"
    assert instants.aoe(CLOSE + timedelta(seconds=1)) == "18 Jan 2027, 00:00 AoE"
    assert instants.aoe(CLOSE - timedelta(seconds=1)) == "17 Jan 2027, 23:59 AoE"


@pytest.mark.parametrize("zone", ["", "UTC", "Etc/UTC", "Mars/Olympus", "../../etc/passwd", "Europe/\0", "e" * 1000])
def test_no_zone_and_odd_zones_read_as_utc(zone: str) -> None:
    assert instants.in_zone(CLOSE, zone) == "18 Jan 2027, 12:00 UTC"


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=30), "in less than a minute"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=59, seconds=59), "in 59 minutes"),
        (timedelta(hours=23, minutes=59), "in 23 hours"),
        (timedelta(days=1), "in 1 day"),
        (timedelta(days=2, hours=21), "in 2 days 21 h"),
        (timedelta(days=3, hours=23), "in 3 days"),
        (timedelta(days=59), "in 59 days"),
        (timedelta(days=95), "in 3 months"),
        (timedelta(days=-800), "2 years ago"),
        (timedelta(hours=-2, minutes=-10), "2 hours ago"),
    ],
)
def test_relative_time_never_promises_more_than_there_is(delta: timedelta, words: str) -> None:
    assert instants.relative(CLOSE + delta, CLOSE) == words


@given(instant=aware, now=aware)
def test_relative_time_points_the_right_way(instant: datetime, now: datetime) -> None:
    words = instants.relative(instant, now)
    if words != "just now":
        assert words.startswith("in ") == (instant > now)
        assert words.endswith(" ago") == (instant < now)


def test_durations() -> None:
    assert [instants.duration(minutes) for minutes in (0, 45, 60, 95, 180, -5)] == [
        "0 min",
        "45 min",
        "1 h",
        "1 h 35 min",
        "3 h",
        "0 min",
    ]


# --- the reader ---------------------------------------------------------------------------------------------------


def test_the_readers_zone_is_their_own_then_the_cookies_then_utc(gallery: Flask) -> None:
    with gallery.test_request_context(headers={"Cookie": "zone=Etc/GMT+5"}):
        assert widgets.viewer_zone() == "Etc/GMT+5"
        g.viewer_zone = "Asia/Kathmandu"
        assert widgets.viewer_zone() == "Asia/Kathmandu"
        assert widgets.here(CLOSE) == "18 Jan 2027, 17:45 (Asia/Kathmandu)"
    with gallery.test_request_context(headers={"Cookie": "zone=Nowhere/<script>"}):
        assert widgets.viewer_zone() == "UTC"
    with gallery.test_request_context():
        assert widgets.viewer_zone() == "UTC"
        assert not widgets.zone_is_known()
    assert widgets.viewer_zone() == "UTC"


def test_the_theme_is_a_choice_kept_in_a_cookie(gallery: Flask) -> None:
    client = gallery.test_client()
    answer = client.post("/theme", data={"theme": "dark", "next": "/layout/plain?a=1"})
    assert (answer.status_code, answer.location) == (303, "/layout/plain?a=1")
    assert 'data-theme="dark"' in client.get("/").text
    client.post("/theme", data={"theme": ""})
    assert "<html" in (page := client.get("/").text)
    assert "data-theme=" not in page.split(">", 2)[1]


def test_an_unknown_theme_and_a_foreign_page_change_nothing(gallery: Flask) -> None:
    client = gallery.test_client()
    client.post("/theme", data={"theme": '"><script>'})
    client.post("/theme", data={"theme": "dark"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert client.get_cookie("theme") is None


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "evil", "//[", "/\\[::1"],
)
def test_the_way_back_stays_on_this_site(gallery: Flask, address: str) -> None:
    assert gallery.test_client().post("/theme", data={"theme": "dark", "next": address}).location == "/"


# --- text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "![p](https://example.org/p.png)",
        "<a href='https://example.org' style='position:fixed'>x</a>",
    ],
)
def test_markdown_lets_nothing_run_and_loads_nothing(text: str) -> None:
    html = widgets.markdown(text)
    for bad in ("<script", "<img", 'href="javascript', "<a href='", "style="):
        assert bad not in html.replace("&lt;", "(").replace("style='", "")


def test_markdown_headings_stay_below_the_pages_own() -> None:
    html = widgets.markdown("# one\n\n###### six\n\n**b** ~~s~~ [l](https://example.org)\nnext")
    assert "<h3>one</h3>" in html
    assert "<h6>six</h6>" in html
    assert '<a href="https://example.org" rel="noopener noreferrer nofollow">l</a>' in html
    assert "<br" in html
    assert widgets.markdown(None) == ""


@given(st.text(max_size=300))
def test_markdown_never_yields_a_tag_outside_the_list(text: str) -> None:
    html = str(widgets.markdown(text))
    tags = {piece.split(">")[0].split()[0].strip("/") for piece in html.split("<")[1:]}
    assert tags <= widgets.MARKDOWN_TAGS


def test_short_lists_leave_out_two_names_or_none() -> None:
    names = ["A", "B", "C", "D", "E"]
    assert widgets.short_list(names, 3) == "A, B, C et al."
    assert widgets.short_list(names[:4], 3) == "A, B, C, D"
    assert widgets.short_list([], 3) == ""


def test_counts_and_states_read_as_words() -> None:
    assert widgets.plural(1, "review") == "1 review"
    assert widgets.plural(1204, "application") == "1,204 applications"
    assert widgets.plural(0, "inquiry", "inquiries") == "0 inquiries"
    assert widgets.words("in_review") == "In review"
    assert widgets.tone_of("In review") == widgets.tone_of("in_review") == "progress"
    assert widgets.tone_of("something new") == "neutral"


def test_a_state_has_one_tone() -> None:
    listed = [word for line in widgets._TONES.values() for word in line.split()]
    assert len(listed) == len(set(listed))


# --- addresses ----------------------------------------------------------------------------------------------------


def test_addresses_keep_the_query_they_do_not_change(gallery: Flask) -> None:
    with gallery.test_request_context("/rows?q=a%26b&stream=x&stream=y&after=7"):
        assert widgets.with_args(sort="-score", after=None) == "/rows?q=a%26b&stream=x&stream=y&sort=-score"
        assert widgets.with_args(stream=["z"]) == "/rows?q=a%26b&stream=z&after=7"
    with gallery.test_request_context("/rows", environ_overrides={"SCRIPT_NAME": "/mats"}):
        assert widgets.with_args() == "/mats/rows"
        assert widgets.path("/tracks") == "/mats/tracks"


def test_static_addresses_change_with_the_content_and_modules_share_one(gallery: Flask) -> None:
    with gallery.test_request_context():
        main, other = widgets.asset("js/main.js"), widgets.asset("js/theme.js")
        assert main.split("?")[1] == other.split("?")[1]
        assert widgets.asset("css/base.css").split("?")[1] != widgets.asset("css/forms.css").split("?")[1]


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.text(max_size=8))
def test_a_move_keeps_every_key_once(order: list[str], move: str) -> None:
    assert sorted(widgets.moved(order, move)) == sorted(order)


def test_moves() -> None:
    order = ["a", "b", "c"]
    assert widgets.moved(order, "up:b") == ["b", "a", "c"]
    assert widgets.moved(order, "down:b") == ["a", "c", "b"]
    for nothing in ("up:a", "down:c", "up:z", "sideways:b", "", None):
        assert widgets.moved(order, nothing) == order


# --- forms --------------------------------------------------------------------------------------------------------


class Inner(Form):
    town = StringField("Town", [InputRequired("Name the town.")])


class Outer(Form):
    pick = RadioField("Pick", [InputRequired("Pick one.")], choices=["a", "b"])
    inner = FormField(Inner)
    names = FieldList(StringField("Name", [InputRequired("Write a name.")]), min_entries=1)


def test_errors_of_nested_forms_lead_to_their_fields() -> None:
    form = Outer(data={})
    assert not form.validate()
    assert [tuple(line) for line in form_shapes.form_errors(form)] == [
        ("pick-0", "Pick one."),
        ("inner-town", "Name the town."),
        ("names-0", "Write a name."),
    ]
    assert form_shapes.form_errors(None) == []


def test_up_to_ten_choices_are_visible() -> None:
    class Sample(Form):
        few = SelectField(choices=[str(n) for n in range(10)])
        many = SelectField(choices=[str(n) for n in range(11)])
        groups = SelectField(choices={"One": {"a": "A"}, "Two": {"b": "B"}})
        several = SelectMultipleField(choices=[str(n) for n in range(40)])
        text = StringField()

    kinds = [form_shapes.field_kind(field) for field in Sample()]
    assert kinds == ["radios", "select", "select", "checkboxes", "text"]
    assert form_shapes.field_kind(Sample().few, "select") == "select"


# --- pictures -----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_bars_stay_inside_their_picture(values: list[int]) -> None:
    for bar, value in zip(pictures.bar_shapes(values, 96, 28), values, strict=True):
        assert bar.x >= 0
        assert bar.x + bar.width <= 96.01
        assert bar.y >= -0.01
        assert abs(bar.y + bar.height - 28) < 0.02
        assert value == 0 or bar.height >= pictures.LEAST_VISIBLE


@given(st.lists(st.integers(0, 10**9), max_size=20))
def test_an_axis_reaches_the_highest_value_in_few_steps(values: list[int]) -> None:
    ticks = pictures.axis_ticks(values)
    assert ticks[0] == 0
    assert ticks[-1] >= max(values, default=0)
    assert 2 <= len(ticks) <= 5


def test_every_icon_is_a_path() -> None:
    assert len(icons.names()) > 25
    for name in icons.names():
        assert icons.path_of(name)[0] in "Mm"
    with pytest.raises(KeyError):
        icons.path_of("unicorn")
