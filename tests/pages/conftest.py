"""The component gallery on a port of this machine, and one Chromium for the tests that look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browsing import browsing, served
from tests.pages.gallery import create_gallery
from tests.pages.mentor_desk import StreamDesk
from tests.stream_world import DURING_INTERVIEWS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from playwright.sync_api import Browser
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock


@pytest.fixture(scope="module")
def gallery_address() -> Iterator[str]:
    """The address of a running gallery, without a slash at the end."""
    with served(create_gallery()) as address:
        yield address


@pytest.fixture(scope="module")
def gallery_browser(chromium: str) -> Iterator[Browser]:
    with browsing(chromium) as browser:
        yield browser


@pytest.fixture
def stream_desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    """The red stream during its interviews, on the site as it is."""
    clock.move_to(DURING_INTERVIEWS)
    live_session.expire_on_commit = False
    world = World(live_session)
    live_session.commit()
    return StreamDesk(app, world, clock)
