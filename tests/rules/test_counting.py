"""How long an answer is (invariant 51: the browser counts by the same definition)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from matsapply.rules.counting import counted_length, most_allowed, within_limit

anything = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Two words.", 8),
        ("  \n\t -- !? ", 0),
        ("caf\u00e9", 4),
        ("cafe\u0301", 4),  # the same word, typed with a separate accent
        ("\u0301", 0),
        ("naïve 2027 ½ Ⅳ", 4 + 1 + 4 + 2),
        ("数学と物理", 5),
        ("ประเทศไทย", 9),
        ("👩‍🔬 lab", 3),
        ("مرحبا", 5),
        ("x\x00y", 2),
        ("\ud800a", 1),
        ("𝔄𝔅", 2),
    ],
)
def test_letters_and_digits_are_counted(text: str, length: int) -> None:
    assert counted_length(text) == length


@given(anything)
def test_the_definition(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert counted_length(text) == sum(unicodedata.category(c).startswith(("L", "N")) for c in composed)


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_the_way_an_accent_is_typed_makes_no_difference(text: str, form: str) -> None:
    assert counted_length(unicodedata.normalize(form, text)) == counted_length(text)  # type: ignore[arg-type]


@given(st.text())
def test_spaces_and_marks_are_free(text: str) -> None:
    assert counted_length(" , ".join([text, ""])) == counted_length(text)


@pytest.mark.parametrize(("limit", "allowed"), [(300, 315), (1200, 1260), (7, 7), (0, 0), (19, 19), (20, 21)])
def test_the_tolerance_is_five_percent_in_whole_characters(limit: int, allowed: int) -> None:
    assert most_allowed(limit) == allowed
    assert within_limit("a" * allowed, limit)
    assert not within_limit("a" * (allowed + 1), limit)


def test_without_a_limit_everything_fits() -> None:
    assert within_limit("a" * 100_000, None)
    assert within_limit("a" * 10, 10, tolerance_percent=0)
    assert not within_limit("a" * 11, 10, tolerance_percent=0)
