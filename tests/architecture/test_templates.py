"""Every template compiles, is used, and keeps to what the content security policy lets through."""

from __future__ import annotations

import re

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta, nodes

from matsapply.mail import rendering
from matsapply.mail.kinds import Mail
from matsapply.pages.account import config
from tests.architecture.sources import PACKAGE, TEMPLATES, template_name, templates

MAIL_FILES = ("subject.txt", "body.txt", "body.html")
FORBIDDEN = {
    "an escape from escaping": r"\|\s*safe\b|autoescape\s+false",
    "an inline handler": r"<[^>]+\son[a-z]+\s*=",
    "an inline style": r"<style\b|<[^>{]+\sstyle\s*=",
    "a javascript: address": r"javascript:",
}
INLINE_SCRIPT = re.compile(r"<script\b(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.DOTALL | re.IGNORECASE)


@pytest.fixture(scope="module")
def environment() -> Environment:
    extensions = [f"jinja2.ext.{name}" for name in ("do", "i18n", "loopcontrols")]
    return Environment(loader=FileSystemLoader(TEMPLATES), extensions=extensions)  # noqa: S701 - only parsed


def named_in(environment: Environment) -> set[str]:
    """The templates that other templates and the code name."""
    named = {f"account/{file}.html" for file in config.TEMPLATES.values()}
    for path in templates():
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for reference in meta.find_referenced_templates(tree):
            if reference and reference != template_name(path):
                named.add(reference)
    for path in PACKAGE.rglob("*.py"):
        named |= set(re.findall(r"[\"']([\w./-]+\.(?:html|txt))[\"']", path.read_text(encoding="utf-8")))
    return named


def test_templates_are_found():
    assert len(templates()) > 20


@pytest.mark.databases("sqlite")
def test_every_template_parses_and_its_filters_and_tests_exist(app):
    for path in templates():
        name = template_name(path)
        if name.startswith("mail/"):
            rendering._environment().get_template(name.removeprefix("mail/"))
        else:
            app.jinja_env.get_template(name)


@pytest.mark.databases("sqlite")
def test_the_site_refuses_undefined_names(app):
    assert issubclass(app.jinja_env.undefined, StrictUndefined)
    assert issubclass(rendering._environment().undefined, StrictUndefined)
    assert app.jinja_env.autoescape is not False


def test_every_template_is_used(environment):
    named = named_in(environment)
    named.add("components/gallery.html")  # the page on which tests/pages meets the components
    # Mails are rendered by kind.
    unused = [
        template_name(path)
        for path in templates()
        if template_name(path) not in named and not template_name(path).startswith("mail/")
    ]
    assert not unused


def test_a_template_imports_only_what_it_uses(environment):
    idle = []
    for path in templates():
        tree = environment.parse(path.read_text(encoding="utf-8"))
        used = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
        named = [name for line in tree.find_all(nodes.FromImport) for name in line.names]
        imported = [name if isinstance(name, str) else name[1] for name in named]
        idle += [f"{template_name(path)}: {name}" for name in imported if name not in used]
    assert not idle


def test_every_named_template_exists(environment):
    there = {template_name(path) for path in templates()}
    missing = [
        name for name in named_in(environment) if "/" in name and name.endswith(".html") and name not in there
        and not name.startswith("security/")
    ]  # fmt: skip
    assert not missing


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_has(what):
    pattern = re.compile(FORBIDDEN[what], re.IGNORECASE)
    found = []
    for path in templates():
        if template_name(path).startswith(("mail/", "export/")) and what == "an inline style":
            continue  # mail programs read nothing else, and a page on a disk has nothing beside it
        found += [
            f"{template_name(path)}:{number}"
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if pattern.search(line)
        ]
    assert not found


def test_scripts_are_files():
    found = [
        template_name(path)
        for path in templates()
        for script in INLINE_SCRIPT.finditer(path.read_text(encoding="utf-8"))
        if script["body"].strip() or "src=" not in script["attributes"]
    ]
    assert not found


def test_every_kind_of_mail_has_its_three_files():
    missing = [
        f"mail/{kind.value}/{file}"
        for kind in Mail
        for file in MAIL_FILES
        if not (TEMPLATES / "mail" / kind.value / file).is_file()
    ]
    assert not missing


def test_no_mail_folder_without_its_kind():
    kinds = {kind.value for kind in Mail}
    extra = [path.name for path in (TEMPLATES / "mail").glob("*/") if path.is_dir() and path.name not in kinds]
    assert not [name for name in extra if (TEMPLATES / "mail" / name / "subject.txt").exists()]


def test_every_macro_a_template_calls_is_imported(environment: Environment):
    """A missing import shows only on the page that happens to need it, and then as an error."""
    trees = {template_name(path): environment.parse(path.read_text(encoding="utf-8")) for path in templates()}
    macros = {macro.name for tree in trees.values() for macro in tree.find_all(nodes.Macro)}
    assert len(macros) > 30
    for name, tree in trees.items():
        called = {call.node.name for call in tree.find_all(nodes.Call) if isinstance(call.node, nodes.Name)}
        known = {macro.name for macro in tree.find_all(nodes.Macro)}
        for line in tree.find_all(nodes.FromImport):
            known |= {one[1] if isinstance(one, tuple) else one for one in line.names}
        assert called & macros <= known, name
