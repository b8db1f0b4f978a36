"""What the guide for admins names exists: every address is a page, every command a command, and no page is left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from werkzeug.exceptions import HTTPException

from matsapply.cli import cli

if TYPE_CHECKING:
    from flask import Flask

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "admins.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| [^|]+ \| `(/admin[^`]*)` \|", TEXT, re.MULTILINE)


@pytest.mark.databases("sqlite")
def test_every_address_it_names_is_a_page(app: Flask) -> None:
    named = re.findall(r"`(/admin[^`]*)`", TEXT)
    assert len(TABLE) >= 12
    adapter = app.url_map.bind("localhost")
    for address in named:
        try:
            endpoint, _ = adapter.match(address.replace("<cohort>", "2027-06"), method="GET")
        except HTTPException:
            pytest.fail(f"there is no page at {address}")
        assert endpoint.startswith("admin."), address


@pytest.mark.databases("sqlite")
def test_no_page_of_the_team_is_left_out(app: Flask) -> None:
    """Pages about one thing of a list need no line of their own."""
    named = {address.replace("<cohort>", "<cohort_key>") for address in TABLE} | {"/admin"}
    pages = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.")
        and "GET" in (rule.methods or ())
        and set(re.findall(r"<(\w+)>", rule.rule)) <= {"cohort_key"}
    }
    assert pages <= named


def test_every_command_it_names_exists() -> None:
    named = re.findall(r"matsapply ([a-z]+) ([a-z]+)", TEXT)
    assert named
    for group, command in named:
        found = cli.commands[group]
        assert isinstance(found, click.Group)
        assert command in found.commands, (group, command)


def test_every_file_it_names_exists() -> None:
    for path in re.findall(r"(config/[\w./-]+)", TEXT):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"\]\(([\w.-]+\.md)\)", TEXT):
        assert (ROOT / "docs" / path).is_file(), path
