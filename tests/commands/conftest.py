"""The command in this process: quick, for the many cases in which it does not need one of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from matsapply import cli
from matsapply.platform import clock as clock_module
from tests.mail.conftest import mail_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SECRETS", "Ended", "here", "mail_server"]

SECRETS = {"secret_key": "a secret for tests only, long enough", "password_salt": "a salt for tests only"}


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ended]]:
    """Run the command with nothing of ours in its environment but ``env``."""
    before = clock_module.current()  # the demo's commands install their own

    def run(*arguments: object, env: dict[str, str]) -> Ended:
        for name in [name for name in os.environ if name.startswith("MATSAPPLY_")]:
            monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        status = 0
        try:
            cli.main([str(each) for each in arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        return Ended(status, *capsys.readouterr())

    yield run
    clock_module.install(before)
