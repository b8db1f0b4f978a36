"""What the guide for operators says is true: its commands do their work, its settings and files exist."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from typing import TYPE_CHECKING

import click
import pytest

from matsapply.cli import cli
from matsapply.platform.settings import ROOT, Settings, load
from tests.commands.conftest import SECRETS
from tests.services import environment, free_port, site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Ended

TEXT = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
SHOWN = [shlex.split(line) for line in re.findall(r"^    \.venv/bin/matsapply (.+)$", TEXT, re.MULTILINE)]


@pytest.mark.slow
def test_the_commands_it_shows_do_their_work_in_that_order(here: Callable[..., Ended], tmp_path: Path) -> None:
    """On an empty data folder; the port is another one, and the password is given where a person would type it."""
    env = environment(data=tmp_path / "data")
    assert len(SHOWN) >= 6
    for command in SHOWN:
        if command[0] == "serve":
            with site(free_port(), env, tmp_path / "log"):  # returns when /healthz answers
                continue
        more = ["--password", "four unlikely words"] if command[:2] == ["user", "create"] else []
        ended = here(*command, *more, env=env)
        assert ended.status == 0, (command, ended)
    assert SHOWN[-1] == ["doctor"]
    assert ended.out.endswith("all is well\n")


def test_every_command_it_names_exists() -> None:
    lines = re.findall(r"^([\w -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = {target for line in lines for target in line.split()}
    named = re.findall(r"`((?:make|matsapply) (\w+)[^`]*)`", TEXT)
    assert len(named) >= 4
    for full, name in named:
        if full.startswith("make"):
            assert name in targets, full
            continue
        words = [word for word in full.split()[1:] if word.isalpha() and word.islower()]
        found: click.Command = cli
        for word in words:
            assert isinstance(found, click.Group)
            assert word in found.commands, full
            found = found.commands[word]
        for option in re.findall(r"--[\w-]+", full):
            assert option in [each for one in found.params for each in one.opts], full


def test_every_setting_it_names_exists() -> None:
    known = {field.name for field in fields(Settings)}
    code = re.findall(r"`([^`]+)`", TEXT)
    named = [match[1] for each in code if (match := re.fullmatch(r"([a-z_]+) = .+", each))]
    named += [each for each in code if re.fullmatch(r"[a-z]+(?:_[a-z]+)+", each)]
    assert len(named) >= 10
    assert set(named) <= known


def test_every_file_it_names_exists_and_the_example_for_a_public_site_is_a_whole_configuration(tmp_path: Path) -> None:
    for path in re.findall(r"((?:config|docs|matsapply)/[\w./-]+\.\w+)", TEXT):
        assert (ROOT / path).is_file(), path
    example = ROOT / "config" / "production.example.toml"
    settings = load(environment(data=tmp_path, config=example, **SECRETS))
    assert (settings.secure, settings.demo, settings.jobs, settings.mail) == (True, False, "worker", "smtp")
