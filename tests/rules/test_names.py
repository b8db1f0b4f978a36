"""Names folded for comparison, titles turned into addresses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from matsapply.rules.names import SLUG_LENGTH, folded, slug


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Iván  Arcuschin", "ivan arcuschin"),
        ("Felix Hofsta\u0308tter", "felix hofstatter"),
        ("Łukasz ØRSTED Straße", "lukasz orsted strasse"),
        ("Rokas Gipiškis", "rokas gipiskis"),
        ("  He\u00a0He ", "he he"),
        ("Teun van der Weij", "teun van der weij"),
        ("物理", "物理"),
        ("", ""),
    ],
)
def test_folding(text: str, plain: str) -> None:
    assert folded(text) == plain


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    once = folded(text)
    assert folded(once) in {once, folded(once)}
    assert folded(text.upper()) == folded(text.upper().casefold())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("AI agents find $4.6M in exploits", "ai-agents-find-4-6m-in-exploits"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("../../etc/passwd", "etc-passwd"),
        ("物理", "paper"),
        ("???", "paper"),
        ("a" * 200, "a" * SLUG_LENGTH),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert slug(text) == address


@given(st.lists(st.text(max_size=100), max_size=20))
def test_addresses_never_collide_and_are_never_empty(titles: list[str]) -> None:
    taken: set[str] = set()
    for title in titles:
        found = slug(title, taken)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found)
        assert found not in taken
        taken.add(found)
