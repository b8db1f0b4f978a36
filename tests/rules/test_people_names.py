"""Names compared: links, splits and pairs, each with the twin that must not be taken for one."""

from __future__ import annotations

import pytest

from matsapply.rules.people_names import link_fellow, listed, possible_split, same_person_pairs
from matsapply.rules.showcase import LinkConfidence

CERTAIN, HIGH, ASK = LinkConfidence.CERTAIN, LinkConfidence.HIGH, LinkConfidence.TO_CONFIRM


@pytest.mark.parametrize(
    "name",
    [
        "Teun van der Weij", "Alexander Gietelink Oldenziel", "Ze Shen Chin", "Samuel R. Bowman", "He He",
        "Anna Sztyber-Betley", "Kajetan (Jett) Janiak", "Ana de la Cruz", "J. R. R. Berg", "Jett", "",
        "Maria dos Santos van der Berg",
    ],
)  # fmt: skip
def test_one_person(name: str) -> None:
    assert possible_split(name, ()) == ()


@pytest.mark.parametrize(
    ("name", "known", "parts"),
    [
        ("Alan Chan Nicholas Carlini", (), ("Alan Chan", "Nicholas Carlini")),
        ("Ann Berg Bo van der Lind", (), ("Ann Berg", "Bo van der Lind")),
        ("Ann Berg Bo C. Lind", (), ("Ann Berg", "Bo C. Lind")),
        ("Ann Berg Lind Bo Dahl", ("Ann Berg Lind", "Bo Dahl"), ("Ann Berg Lind", "Bo Dahl")),
        ("Ann Berg Bo Lind Cy Dahl", (), ("Ann Berg", "Bo Lind", "Cy Dahl")),
        ("Ana Sofia Reis Melo", ("Ana Sofia Reis Melo",), ()),
    ],
)
def test_a_missing_comma(name: str, known: tuple[str, ...], parts: tuple[str, ...]) -> None:
    assert possible_split(name, known) == parts


@pytest.mark.parametrize(
    ("fellow", "authors", "author", "confidence"),
    [
        ("Alex Chan", ("Alan Chan", "Alex Chan"), "Alex Chan", CERTAIN),
        ("Alex Chan", ("Alan Chan", "Alex J. Chan"), "Alex J. Chan", HIGH),
        ("Alex Chan", ("Alan Chan", "Lawrence Chan"), "", ASK),
        ("Alex Chan", ("Alan Chan",), "Alan Chan", ASK),
        ("Iván Moreno", ("Ivan Moreno",), "Ivan Moreno", HIGH),
        ("Iván Arcuschin Moreno", ("Iván Arcuschin", "Jo Moreno"), "Iván Arcuschin", HIGH),
        ("Oscar Balcells Obeso", ("Oscar Obeso", "Ana Balcells"), "Oscar Obeso", HIGH),
        ("Kajetan (Jett) Janiak", ("Jett Janiak",), "Jett Janiak", HIGH),
        ("Kajetan Janiak", ("Jett Janiak",), "Jett Janiak", ASK),
        ("Tom McGrath", ("Thomas McGrath",), "Thomas McGrath", ASK),
        ("A B", ("A C. B", "A D. B"), "", ASK),
        ("Nobody Here", ("Ann Berg",), "", ASK),
        ("", ("Ann Berg",), "", ASK),
    ],
)
def test_which_author_a_fellow_is(
    fellow: str, authors: tuple[str, ...], author: str, confidence: LinkConfidence
) -> None:
    found = link_fellow(fellow, authors)
    assert (found.author, found.confidence) == (author, confidence)
    assert found.basis


def test_an_author_who_is_another_fellow_is_not_taken() -> None:
    assert link_fellow("Jenny Bao", ("Xuchan Bao",), {"Xuchan Bao"}).author == ""


def test_pairs_that_may_be_one_person() -> None:
    names = ["Tom McGrath", "Thomas McGrath", "Logan Riggs", "Logan Smith", "Sarah Chen", "Sizhe Chen", "Michael Chen"]
    names += ["Alan Chan", "Alex J. Chan", "Lawrence Chan", "Jan Betley", "Jan Brauner", "David Bau", "David Wagner"]
    found = {(pair.one, pair.other) for pair in same_person_pairs(names, ["Logan Riggs Smith"])}
    assert found == {("Logan Riggs", "Logan Smith"), ("Thomas McGrath", "Tom McGrath")}
    assert ("Logan Riggs", "Logan Smith") not in {(pair.one, pair.other) for pair in same_person_pairs(names)}


def test_a_line_of_names_with_their_places() -> None:
    assert listed("Ann Berg,  Bo Lind, Jr, and Cy Dahl") == [(0, "Ann Berg"), (11, "Bo Lind, Jr"), (28, "Cy Dahl")]
