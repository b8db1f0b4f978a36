"""The demo on a port of this machine, and one Chromium for all tests of a module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from matsapply.app import create_app
from matsapply.demo.cohort_files import START
from matsapply.platform import clock as clock_module
from tests.browsing import aside, browsing, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from playwright.sync_api import Browser

    from matsapply.platform.settings import Settings


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with browsing(chromium) as browser:
        yield browser


@pytest.fixture
def demo_app(settings: Settings) -> Iterator[Flask]:
    """The demo with its own clock, which its admins move; nothing runs beside it, so due work is done by moving it."""
    before = clock_module.current()
    app = aside(create_app, replace(settings, demo=True, base_url="http://localhost"))
    clock = clock_module.current()
    assert isinstance(clock, clock_module.DemoClock)
    clock.move_to(START)
    yield app
    clock_module.install(before)


@pytest.fixture
def address(demo_app: Flask) -> Iterator[str]:
    """Where the demo is served, without a slash at the end."""
    with served(demo_app) as address:
        yield address
