"""The text form: what is written is read back the same, whatever stands in it, and a slip is told by its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from matsapply.rules.review_form import Criterion, Sheet, parse, write

CRITERIA = (
    Criterion("research", "Research evidence", "30 % · 1: tasks only · 5: independent"),
    Criterion("fit", "Fit", ""),
)
NASTY = "#= end\n#= review x 9\nsubmit: yes\nresearch: 5\r#= scores\x0b\u2028# no\n\\#= end"


def sheet(ref: str = "0abc", **more: object) -> Sheet:
    values = {"version": "3", "about": (f"#{ref}",), "criteria": CRITERIA, "answers": ((NASTY, NASTY),)} | more
    return Sheet(ref, **values)  # type: ignore[arg-type]


def test_a_form_comes_back_as_it_went() -> None:
    text = write([sheet(scores={"research": 4}, note="a\n\n b", confidence=2), sheet("1def", version="review-2")])
    assert "#= end\n#= review x" not in text
    found, problems = parse(text)
    assert problems == []
    assert [(each.ref, each.version, each.submit) for each in found] == [
        ("0abc", "3", False),
        ("1def", "review-2", False),
    ]
    assert (found[0].scores, found[0].note, found[0].confidence) == ({"research": "4"}, "a\n\n b", "2")
    filled, problems = parse("\ufeff" + text.replace("submit: no", "submit: YES").replace("\n", "\r\n"))
    assert (problems, [each.submit for each in filled]) == ([], [True, True])


@settings(max_examples=60)
@given(
    note=st.text(max_size=60),
    feedback=st.sampled_from([NASTY, "", "#", "\\", "\\\\#= note"]),
    answer=st.text(max_size=60),
)
def test_no_text_is_taken_for_a_line_of_the_form(note: str, feedback: str, answer: str) -> None:
    found, problems = parse(write([sheet(note=note, feedback=feedback, answers=((answer, answer),)), sheet("1def")]))
    assert problems == []
    plain = [text.replace("\r\n", "\n").replace("\r", "\n").strip() for text in (note, feedback)]
    assert [(each.ref, each.note, each.feedback) for each in found] == [("0abc", *plain), ("1def", "", "")]


LINES = write([sheet(answers=())]).split("\n")


def at(start: str) -> int:
    return next(number for number, line in enumerate(LINES, 1) if line.startswith(start))


@pytest.mark.parametrize(
    ("start", "instead", "line", "said"),
    [
        ("#= reviews", "hello", 1, "The first line"),
        ("#= review 0abc", "", None, "not expected here"),
        ("#= scores", "", None, "belongs to nothing"),
        ("#= note", "", at("#= feedback"), "not expected here"),
        ("#= end", "", len(LINES), "“#= end” is missing"),
        ("#= end", "#= endless", at("#= end"), "not expected here"),
        ("research:", "research 4", at("research:"), "Write a name, a colon"),
        ("fit:", "research: 5", at("fit:"), "stands here twice"),
        ("submit:", "submit: maybe", at("submit:"), "write yes or no"),
        ("confidence:", "confidence: 6", at("confidence:"), "from 1 to 5"),
        ("confidence:", "confidence: ²", at("confidence:"), "from 1 to 5"),
    ],
)
def test_a_slip_is_told_by_its_line(start: str, instead: str, line: int | None, said: str) -> None:
    lines = list(LINES)
    lines[at(start) - 1] = instead
    _, problems = parse("\n".join(lines))
    assert problems
    assert said in problems[0].text
    assert line is None or problems[0].line == line


def test_a_review_that_stands_twice_and_a_file_without_any() -> None:
    assert "twice" in parse(write([sheet(), sheet()]))[1][0].text
    assert "no review" in parse("#= reviews 1\n")[1][0].text
    assert parse("")[1][0].line == 1
