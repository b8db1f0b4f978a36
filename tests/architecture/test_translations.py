"""Every text that applicants, referees, visitors and account holders read can be translated, and is."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from jinja2 import Environment, nodes

from matsapply.platform import languages
from tests.architecture.sources import TEMPLATES, template_name, templates

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import translations

TRANSLATED = ("account/", "applicant/", "components/", "errors/", "layouts/", "mail/", "public/", "referee/")
# Seen by the team alone, or by nobody: the page on which the tests look at every component.
TEAM = {
    "components/gallery.html",
    "components/keys_help.html",
    "components/score.html",
    "components/summaries.html",
}
# Names that are the same in every language.
NAMES = {"arXiv", "BibTeX", "CSL-JSON", "RIS", "PDF", "JSON", "UTC", "AoE", "h"}
ATTRIBUTES = re.compile(r'\b(?:aria-label|alt|title|placeholder|data-label)="([^"<>]*)"')
HOLE = re.compile(r"%\((\w+)\)s|\{(\w*)\}")
ELEMENT = re.compile(r"</?\w+")


def visible_texts(source: str) -> list[str]:
    """The words that stand in a template outside of ``_``, ``{% trans %}`` and the like."""
    source = re.sub(r"\{#.*?#\}|\{%-?\s*trans\b.*?endtrans\s*-?%\}", " ", source, flags=re.DOTALL)
    source = re.sub(r"\{%-?\s*block (?:width|body_class)\b.*?endblock.*?%\}", " ", source, flags=re.DOTALL)
    source = re.sub(r"<(style|svg)\b.*?</\1>", " ", source, flags=re.DOTALL)
    source = re.sub(r"\{\{.*?\}\}", "\0", source, flags=re.DOTALL)
    source = re.sub(r"\{%.*?%\}", "\1", source, flags=re.DOTALL)
    found = [text for text in ATTRIBUTES.findall(source) if "\0" not in text and "\1" not in text]
    found += re.split(r"[\0\1]", re.sub(r"<[^<>]*>", "\0", source))
    return [text.strip() for text in found if re.search(r"[A-Za-z]{2}", re.sub(r"&\w+;", "", text))]


@pytest.fixture(scope="module")
def code() -> Catalog:
    return translations.texts()


def test_no_template_shows_words_that_cannot_be_translated():
    found = defaultdict(list)
    for path in templates():
        name = template_name(path)
        if not name.startswith(TRANSLATED) or name in TEAM:
            continue
        for text in visible_texts(path.read_text(encoding="utf-8")):
            words = text.strip(" .,:;·()–\n") if not name.endswith(".txt") else text
            if words and words not in NAMES:
                found[name].append(words[:80])
    assert not found


def test_texts_are_whole_strings_that_a_program_can_collect():
    """What is handed to ``_`` is a literal: a name or a sum would be looked up in vain."""
    environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.i18n", "jinja2.ext.loopcontrols"])  # noqa: S701 - only parsed
    for path in (path for path in templates() if template_name(path).startswith(TRANSLATED)):
        for call in environment.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in {"_", "_l", "_n"}:
                literals = call.args[: 2 if call.node.name == "_n" else 1]
                assert all(isinstance(each, nodes.Const) for each in literals), f"{template_name(path)}:{call.lineno}"


@pytest.mark.parametrize("language", translations.others())
def test_each_language_says_everything(code, language):
    """``make translations`` names what is missing."""
    stored = translations.stored(language)
    there = {(message.id, message.context): message for message in stored if message.id}
    wanted = {(message.id, message.context) for message in code if message.id}
    assert sorted(str(one[0]) for one in wanted - set(there)) == [], "run make translations, then translate"
    assert sorted(str(one[0]) for one in set(there) - wanted) == [], "nobody says this any more: run make translations"
    assert not translations.untranslated(stored)


@pytest.mark.parametrize("language", translations.others())
def test_each_translation_fits_into_the_place_of_its_text(language):
    """The same values, the same elements, and nothing but what the text has: no element comes in by a translation."""
    for message in translations.stored(language):
        if not message.id:
            continue
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        for text in translations._strings(message.string):
            allowed = {hole for original in originals for hole in HOLE.findall(original)}
            needed = set.intersection(*(set(HOLE.findall(original)) for original in originals))
            got = set(HOLE.findall(text))
            assert needed - {("num", "")} <= got <= allowed | {("num", "")}, text
            assert sorted(ELEMENT.findall(text)) == sorted(ELEMENT.findall(originals[-1])), text
            assert text.startswith(" ") == originals[0].startswith(" "), text
            if "%(" in text or "%%" in text:
                assert text % defaultdict(str)
            assert '"' not in re.sub(r"<[^<>]*>", "", text), text


def test_every_language_has_its_own_name_and_is_compiled():
    languages.check_compiled()
    for name in languages.NAMES:
        with languages.speaking(name):
            assert languages.current().code == name
    assert TEMPLATES.is_dir()
