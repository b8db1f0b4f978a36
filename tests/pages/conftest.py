"""The component gallery on a port of this machine, and one Chromium for the tests that look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browsing import browsing, served
from tests.pages.gallery import create_gallery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def gallery_address() -> Iterator[str]:
    """The address of a running gallery, without a slash at the end."""
    with served(create_gallery()) as address:
        yield address


@pytest.fixture(scope="module")
def gallery_browser(chromium: str) -> Iterator[Browser]:
    with browsing(chromium) as browser:
        yield browser
