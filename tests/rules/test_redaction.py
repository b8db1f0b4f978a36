"""Mentions of an author: found however they are written, and nothing of them left in what a blind reader is given."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from matsapply.rules.redaction import (
    ALL_HIDDEN,
    HIDDEN,
    Names,
    Redaction,
    blinded,
    blinded_value,
    digest_of,
    find,
    hide,
    names_of,
    phrases,
)

ADA = names_of(
    ["Adélaïde Quillfeather"],
    ["quilla@demo.example"],
    ["https://github.com/quillcode/thesis", "https://www.linkedin.com/in/aqf-1815/", "https://oddsite.github.io"],
    ["Prof. Bram Oakenshaw"],
)


@pytest.mark.parametrize(
    "text",
    [
        "Adélaïde Quillfeather",
        "ADELAIDE QUILLFEATHER",
        "Quillfeather, Adelaide",
        "adelaide.quillfeather",
        "Ade\u0301lai\u0308de\u00a0Quillfeather",
        "Ad\u200be\u00adlaide Quillfeather",
        "QuillfeatherAdelaide",
        "quilla@demo.example",
        "Quilla@Demo.Example",
        "quillcode",
        "aqf-1815",
        "oddsite",
        "Prof. Bram Oakenshaw",
    ],
)
def test_whoever_is_named_for_sure_is_hidden_before_anybody_has_looked_and_after(text: str) -> None:
    whole = f"I am {text}, as said."
    assert [each.sure for each in find(whole, ADA)] == [True]
    for decided in (None, Redaction(digest_of(whole))):
        assert blinded(whole, ADA, decided) == f"I am {HIDDEN}, as said."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Łukasz Żółwiński", "Lukasz Zolwinski"),
        ("Søren Mølgård", "Soren Molgard"),
        ("Işıl Yılmazer", "Isil Yilmazer"),
        ("Anna Müllerin", "Anna Muellerin"),
        ("Anna Muellerin", "Anna Müllerin"),
        ("Sean O'Brannigan", "sean o’brannigan"),
        ("Wei (William) Zhangwei", "Wei (William) Zhangwei"),
        ("D'Arcy/Quill-Feather", "D'Arcy/Quill-Feather"),
    ],
)
def test_a_name_is_found_as_people_type_it(name: str, text: str) -> None:
    assert blinded(f"I am {text}, as said.", names_of([name])) == f"I am {HIDDEN}, as said."


@pytest.mark.parametrize("text", ["ada-q.example", "https://www.ada-q.example/blog", "arxiv.org/abs/2301.00001"])
def test_an_address_of_ones_own_is_hidden_where_it_stands_in_a_text(text: str) -> None:
    names = names_of(["Ada Quill"], (), ["https://ada-q.example/", "http://arxiv.org/abs/2301.00001/", "github.com"])
    hidden = blinded(f"See {text} for more; arxiv.org and github.com.", names)
    assert "ada-q" not in hidden
    assert "2301" not in hidden
    assert hidden.endswith("for more; arxiv.org and github.com.")


def test_a_part_of_a_name_is_hidden_until_somebody_has_decided() -> None:
    text = "Adelaide asked; in Quillfeather's lab we quillfeathered."
    assert [(text[each.start : each.end], each.sure) for each in find(text, ADA)] == [
        ("Adelaide", False),
        ("Quillfeather", False),
    ]
    assert blinded(text, ADA) == f"{HIDDEN} asked; in {HIDDEN}'s lab we quillfeathered."
    assert blinded(text, ADA, Redaction(digest_of(text))) == text, "a decision to hide nothing is a decision"
    assert blinded(text, ADA, Redaction(digest_of(text), ((0, 8),))) == f"{HIDDEN} asked; " + text[16:]
    assert blinded(text, ADA, Redaction(digest_of(text), whole=True)) == ALL_HIDDEN
    assert blinded(text + "!", ADA, Redaction(digest_of(text))).startswith(HIDDEN), "another wording: looked at anew"


def test_words_that_are_names_elsewhere_stay() -> None:
    will = names_of(["Will An", "Li An", "Max von der See"], ["info@made-up.example"], ["https://github.com/about"])
    text = "I will write an Italian analysis of info on github, at von der Leyen, to the max."
    assert find(text, will) == ()
    assert blinded("Will wrote it; so did Max.", will) == f"{HIDDEN} wrote it; so did {HIDDEN}."


def test_a_script_without_words_apart() -> None:
    found = names_of(["王小明"])
    assert blinded("我叫王小明。", found) == f"我叫{HIDDEN}。"


def test_every_string_within_an_answer() -> None:
    value = ["theory", {"place": "with quilla@demo.example", "years": 3}, None, True]
    assert blinded_value(value, ADA) == ["theory", {"place": f"with {HIDDEN}", "years": 3}, None, True]


def test_phrases_and_overlapping_stretches() -> None:
    assert phrases("Zürich, ZURICH; zürich", " zurich ") == ((0, 6), (8, 14), (16, 22))
    assert phrases("anything", "  ") == ()
    assert hide("abcdef", [(1, 3), (2, 4), (4, 5)]) == f"a{HIDDEN}f"
    assert hide("abc", []) == "abc"


def test_nobody_to_look_for() -> None:
    nobody = names_of([""], ["not an address"], ["", "https://github.com/"])
    assert nobody == Names((), ())
    assert blinded("text", nobody) == "text"


LETTERS = st.text(st.characters(categories=("L", "M", "N", "P", "Z", "Cf", "Cs")), max_size=30)


@settings(max_examples=60)
@given(before=LETTERS, after=LETTERS)
def test_wherever_the_name_stands_it_is_gone(before: str, after: str) -> None:
    text = f"{before} Adélaïde Quillfeather {after}"
    shown = blinded(text, ADA)
    assert "Quillfeather" not in shown
    assert blinded(shown, ADA) == shown, "nothing is left to hide"
    kept = Redaction(digest_of(text), ((0, 1),))
    assert Redaction.from_json(kept.as_json()) == kept
