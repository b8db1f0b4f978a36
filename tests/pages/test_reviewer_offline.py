"""Reviews as a text file: taken, filled in, brought back; nothing is saved by halves and nothing is overwritten."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from matsapply.pages.reviewer import offline
from matsapply.rules.stages import AssignmentState
from tests.desk import problems
from tests.review_desk import open_desk

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings
    from tests.review_desk import Desk

PAGE = "/review/offline"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a reviewer for no second factor."""
    return replace(settings, demo=True)


@pytest.fixture
def desk(app: Flask, live_session: Session, clock: FixedClock) -> Desk:
    return open_desk(app, live_session, clock)


def bring(desk: Desk, text: str | bytes, **choices: str) -> TestResponse:
    data = text if isinstance(text, bytes) else text.encode()
    fields = {"file": (io.BytesIO(data), "reviews.txt"), "csrf_token": desk.reader.token(PAGE), **choices}
    return desk.reader.client.post(PAGE, data=fields, content_type="multipart/form-data")


def filled(text: str, ref: str, **values: str) -> str:
    """The text with values put in for one review."""
    before, mark, after = text.partition(f"#= review {ref} ")
    own, end, rest = after.partition("#= end")
    for key, value in values.items():
        if key in {"note", "feedback"}:
            own = own.replace(f"#= {key}\n", f"#= {key}\n{value}\n")
        else:
            own = "\n".join(f"{key}: {value}" if line.startswith(f"{key}:") else line for line in own.split("\n"))
    return before + mark + own + end + rest


def test_a_file_goes_out_and_comes_back(desk: Desk) -> None:
    answer = desk.reader.get("/review/offline.txt")
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="reviews.txt"'
    text = answer.text
    assert [ref for ref in desk.refs if f"#= review {ref} 1" in text] == desk.refs
    assert "50 % of the total · 1: little research · 5: much research" in text
    assert "Zephyrine" not in text
    first, second, third = desk.refs
    text = filled(text, first, research="4", execution="3", motive="5", confidence="2", submit="yes", note="sound")
    text = filled(text, second, research="2", feedback="More.\n\nMuch more.")
    done = bring(desk, text)
    assert (done.status_code, done.location) == (303, "/review")
    assert "1 kept as drafts, 1 submitted, 1 as they were" in desk.reader.get("/review").text
    [review] = desk.reviews()
    assert (review.scores, review.note, review.confidence) == ({"research": 4, "execution": 3, "motive": 5}, "sound", 2)
    kept = desk.assignment(1)
    assert (kept.state, kept.draft_scores, kept.draft_feedback) == (
        AssignmentState.STARTED, {"research": 2}, "More.\n\nMuch more.",
    )  # fmt: skip
    assert desk.assignment(2).state is AssignmentState.ASSIGNED
    # The same file again: the first is submitted since then and the same, so nothing happens twice.
    assert bring(desk, text).status_code == 303
    assert len(desk.reviews()) == 1
    # A correction is a file of its own.
    one = desk.reader.get(f"{desk.first}/offline.txt")
    assert f"#= review {first} review-1" in one.text
    assert "More." not in one.text
    better = filled(one.text, first, research="5")
    refused = bring(desk, better)
    assert (refused.status_code, "submit: yes" in problems(refused)) == (409, True)
    assert bring(desk, filled(better, first, submit="yes")).status_code == 303
    assert [review.number for review in desk.reviews()] == [1, 2]
    assert third in desk.reader.get("/review/offline.txt").text


def test_what_was_saved_elsewhere_is_shown_beside_the_file_and_neither_is_lost(desk: Desk) -> None:
    text = filled(desk.reader.get("/review/offline.txt").text, desk.refs[0], research="4", note="from the file")
    text = filled(text, desk.refs[1], research="1")
    page = {"score-research": "2", "note": "from the page", "version": desk.version()}
    assert desk.reader.post(f"{desk.first}/draft", page, form=desk.first).status_code == 303
    shown = bring(desk, text)
    assert shown.status_code == 409
    assert "from the page</div>" in shown.text
    assert "from the file</div>" in shown.text
    assert (desk.assignment().draft_note, desk.assignment(1).draft_scores) == ("from the page", {})
    # The file counts, but only over what was shown: another save meanwhile is asked about again.
    choice = {f"choice-{desk.refs[0]}": f"take {desk.assignment().version}"}
    again = {"score-research": "3", "note": "from the page", "version": desk.version()}
    assert desk.reader.post(f"{desk.first}/draft", again, form=desk.first).status_code == 303
    assert bring(desk, text, **choice).status_code == 409
    assert bring(desk, text, **{f"choice-{desk.refs[0]}": "keep"}).status_code == 303
    assert (desk.assignment().draft_note, desk.assignment(1).draft_scores) == ("from the page", {"research": 1})
    choice = {f"choice-{desk.refs[0]}": f"take {desk.assignment().version}"}
    assert bring(desk, text, **choice).status_code == 303
    assert (desk.assignment().draft_note, desk.assignment().draft_scores) == ("from the file", {"research": 4})


def test_a_slip_anywhere_saves_nothing_and_is_told_by_its_line(
    desk: Desk, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = filled(desk.reader.get("/review/offline.txt").text, desk.refs[0], research="4")
    lines = text.split("\n")

    def line_of(ref: str, start: str) -> int:
        begin = next(n for n, line in enumerate(lines) if line.startswith(f"#= review {ref}"))
        return next(n for n in range(begin, len(lines)) if lines[n].startswith(start)) + 1

    second = desk.refs[1]
    line = line_of(second, "motive:")
    for values, said in (
        ({"motive": "6"}, f"Line {line} (“motive: 6”): motive: This score is not on the scale"),
        ({"motive": "5", "submit": "yes"}, f"Line {line_of(second, 'research:')} (“research:”): research: Choose a"),
        ({"note": "x" * 8001}, f"Line {line_of(second, '#= note')} (“#= note”): Keep the note under 8000"),
        ({"motive": "6", "confidence": "x"}, f"Line {line} (“motive: 6”): motive: This score"),
    ):
        refused = bring(desk, filled(text, second, **values))
        assert refused.status_code == 422, said
        assert said in problems(refused)
        assert "#= reviews 1" in refused.text, "the text is there to be mended"
    unknown = text.replace("motive:", "charm: 3\nmotive:", 1)
    assert "The rubric has no such criterion" in problems(bring(desk, unknown))
    foreign = text.replace(f"#= review {second} ", "#= review 0000000000000 ")
    assert "(“#= review 0000000000000 1”): There is no review of yours" in problems(bring(desk, foreign))
    assert "not UTF-8" in problems(bring(desk, b"#= reviews 1\n\xff\xfe"))
    with monkeypatch.context() as patch:
        patch.setattr(offline, "MOST_LETTERS", 100)
        assert "larger than" in problems(bring(desk, b"x" * 101))
    empty = desk.reader.post(PAGE, {"text": " "})
    assert (empty.status_code, "Choose the file" in problems(empty)) == (422, True)
    for naughty in ("a\x00b", "\u202e" * 99, "#= " * 5000, "#= review \ud7ff 1"):
        assert desk.reader.post(PAGE, {"text": naughty}).status_code == 422
    torn = filled(text, second, feedback="x" * 4001).replace("#= note\n", "")
    assert "Was a line deleted" in problems(bring(desk, torn))
    endless = problems(bring(desk, "x\n" * 20_000))
    assert endless.count("Line ") == offline.MOST_PROBLEMS
    assert "And 19900 more." in endless
    sheets = "".join(f"#= review {key:013} 1\n#= scores\n#= note\n#= feedback\n#= end\n" for key in range(101))
    assert "A file may hold 100 reviews" in problems(bring(desk, f"#= reviews 1\n{sheets}"))
    assert {desk.assignment(place).state for place in range(3)} == {AssignmentState.ASSIGNED}
    # The round ends while one is away: the file is refused, and what was typed is still in the page.
    desk.world.round().closed_at = clock.now() + timedelta(minutes=1)
    desk.session.commit()
    clock.advance(timedelta(minutes=1))
    late = bring(desk, text)
    assert (late.status_code, "research: 4" in late.text) == (422, True)
