"""The component gallery on a port of this machine, and one Chromium for the tests that look at it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.pages.gallery import create_gallery
from tests.pages.mentor_desk import StreamDesk
from tests.stream_world import DURING_INTERVIEWS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def gallery_address() -> Iterator[str]:
    """The address of a running gallery, without a slash at the end."""
    log = logging.getLogger("werkzeug")
    level = log.level
    log.setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, create_gallery(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    log.setLevel(level)


@pytest.fixture(scope="module")
def gallery_browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def stream_desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    """The red stream during its interviews, on the site as it is."""
    clock.move_to(DURING_INTERVIEWS)
    live_session.expire_on_commit = False
    world = World(live_session)
    live_session.commit()
    return StreamDesk(app, world, clock)
