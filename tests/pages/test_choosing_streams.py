"""Choosing streams with context: side by side, with the hours that they ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import factories as make
from tests.applicant_site import Applicant, Site, open_site
from tests.page_forms import forms

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    """All share the screen of 1.5 h; blue asks for a take-home of 3 h too, and offers one of 2 h."""
    opened = open_site(app, live_session)
    red, blue = opened.world.streams["red"], opened.world.streams["blue"]
    red.areas, blue.areas = ["measuring"], ["training runs"]
    make.task(live_session, opened.world.cohort, [blue], "take-home", hours=3, shared=False)
    make.task(live_session, opened.world.cohort, [blue], "extra", hours=2, shared=False, required=False)
    live_session.commit()
    return opened


@pytest.fixture
def ada(site: Site) -> Applicant:
    visitor = site.applicant()
    visitor.complete()
    return visitor


def choose(visitor: Applicant, streams: list[str], **more: str) -> str:
    """Send the page's form; where it leads."""
    page = next(one for one in forms(visitor.get("/application/streams").text) if "csrf_token" in one.fields)
    answer = visitor.client.post("/application/streams", data=page.filled(streams=streams, order=streams, **more))
    assert answer.status_code == 303, answer.text
    return answer.location


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def columns(page: str) -> list[str]:
    """The streams compared, from left to right."""
    return re.findall(r'<th scope="col"><a href="/streams/([a-z]+)"', page)


def test_the_hours_of_the_chosen_streams_count_a_shared_task_once(ada: Applicant) -> None:
    assert "0 h of required tasks" in words(ada.get("/application/streams").text)
    choose(ada, ["red"])
    assert "1.5 h of required tasks" in words(ada.get("/application/streams").text)
    choose(ada, ["red", "blue"])
    assert "4.5 h of required tasks" in words(ada.get("/application/streams").text)


def test_chosen_streams_side_by_side_in_their_order(ada: Applicant) -> None:
    assert "Nothing to compare yet" in ada.get("/application/streams/compare").text
    assert choose(ada, ["blue", "red"], then="compare") == "/application/streams/compare"
    page = ada.get("/application/streams/compare").text
    assert columns(page) == ["blue", "red"]
    for text in ("measuring", "training runs", "taken once for all", "2 h, optional", "All together: 4.5 h"):
        assert text in words(page), text


def test_any_open_stream_can_be_compared_and_nothing_else(ada: Applicant) -> None:
    """Green is of a track that was not picked."""
    choose(ada, ["blue"])
    page = ada.get("/application/streams/compare?stream=red&stream=green&stream=nowhere&stream=%00&stream=red").text
    assert columns(page) == ["red"]
    assert columns(ada.get("/application/streams/compare").text) == ["blue"], "looking changed nothing"


def autosave(visitor: Applicant, streams: list[str], version: str | None = None) -> TestResponse:
    """What the page's script sends after a pause."""
    page = next(one for one in forms(visitor.get("/application/streams").text) if "version" in one.fields)
    sent = page.filled(streams=streams, order=streams, **({} if version is None else {"version": version}))
    headers = {"Accept": "application/json", "X-CSRFToken": sent.pop("csrf_token")[0], "X-Requested-With": "autosave"}
    return visitor.client.post("/application/streams/autosave", data=sent, headers=headers)


def test_ticks_are_saved_after_a_pause_and_never_over_anothers(ada: Applicant, site: Site) -> None:
    first = autosave(ada, ["blue"])
    assert (first.status_code, bool(first.json["saved_at"])) == (200, True)
    second = autosave(ada, ["red", "blue"], first.json["version"])
    assert second.status_code == 200
    assert columns(ada.get("/application/streams/compare").text) == ["red", "blue"]
    late = autosave(ada, ["blue"], first.json["version"])
    assert (late.status_code, "changed in another place" in late.json["message"]) == (409, True)
    assert columns(ada.get("/application/streams/compare").text) == ["red", "blue"]
    page = next(one for one in forms(ada.get("/application/streams").text) if "version" in one.fields)
    pressed = ada.client.post(
        "/application/streams", data=page.filled(streams=["blue"], order=["blue"], version=first.json["version"])
    )
    assert pressed.status_code == 409
    assert "1. Stream red, 2. Stream blue" in words(pressed.text)
    mine = next(one for one in forms(pressed.text) if "version" in one.fields)
    assert (mine.fields["streams"], mine.fields["version"]) == (["blue"], [second.json["version"]])
    assert ada.client.post("/application/streams", data=mine.fields).status_code == 303
    assert columns(ada.get("/application/streams/compare").text) == ["blue"]
    foreign = autosave(ada, ["blue", "green"])
    assert (foreign.status_code, "track you have not chosen" in foreign.json["message"]) == (409, True)
    assert columns(ada.get("/application/streams/compare").text) == ["blue"]


def test_each_stream_says_what_it_asks_and_offers(ada: Applicant) -> None:
    page = words(ada.get("/application/streams").text)
    for text in (
        "measuring",
        "training runs",
        "Mentors",
        "taken once for all streams",
        "2 h, optional",
        "Use of AI",
        "Seats",
    ):
        assert text in page, text
