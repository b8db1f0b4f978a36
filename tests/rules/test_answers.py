"""Answers to a form: which keys a question may have."""

from __future__ import annotations

from flask_wtf import FlaskForm

from matsapply.rules.answers import is_reserved


def test_no_question_takes_a_name_of_the_form_it_stands_in() -> None:
    own = {name.lower() for name in dir(FlaskForm) if not name.startswith("__")}
    assert {name for name in own if not is_reserved(name)} == set()


def test_ordinary_keys_are_free() -> None:
    assert not any(
        is_reserved(key) for key in ("name", "email", "evidence", "q_empirical", "research-interest", "keep")
    )
