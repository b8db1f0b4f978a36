"""A browser at the live site: the site on a port of this machine, and what every page it shows must hold.

Playwright's loop runs in the test's own thread, and neither Flask's contexts nor the site's sessions open inside it:
hand such work to ``aside``.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from werkzeug.serving import make_server

from matsapply.platform.flask_db import db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
READY = "html[data-scripts=ready]"
# Neighbours differ in one thing, so that each change is laid out and painted once.
LOOKS = (("light", 1280), ("light", 390), ("dark", 390), ("dark", 1280))
# Colours are judged when they have arrived: a changed scheme fades in, and a link inside something that fades begins
# when that is done.
SETTLED = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let round = 0; round < 3; round += 1) {
    await frame();
    await frame();
    await Promise.allSettled(document.getAnimations().map((each) => each.finished));
  }
}"""
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# A scheme changes colours and nothing else, so in the dark only the rules that judge colours run again.
IN_THE_DARK = ["color-contrast", "link-in-text-block"]
FINDINGS = """async (rules) => {
  const asked = {resultTypes: ['violations'], preload: false, ...(rules && {runOnly: rules})};
  const found = await axe.run(document, asked);
  const places = (each) => each.nodes.map((node) => node.target.join(' ')).join('; ');
  return found.violations.map((each) => `${each.id} (${each.help}): ${places(each)}`);
}"""
WIDTH = "[document.documentElement.scrollWidth, window.innerWidth]"


def aside(work: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Do it in a thread of its own and return what it returns."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *args, **more).result()


@contextmanager
def browsing(chromium: str) -> Iterator[Browser]:
    """One Chromium; ``chromium`` is its path."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a free port; gives its address without a slash at the end."""
    log = logging.getLogger("werkzeug")
    level = log.level
    log.setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, _whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    log.setLevel(level)
    aside(_dispose, app)


def _whole(app: Flask) -> WSGIApplication:
    """The application with each answer read and closed before it is sent.

    A browser that goes on to another page hangs up in the middle of a file, and the server of the tests then forgets
    to close it.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = app(environ, start_response)
        with closing(body) if hasattr(body, "close") else nullcontext():
            return [b"".join(body)]

    return answer


def _dispose(app: Flask) -> None:
    if "sqlalchemy" in app.extensions:
        with app.app_context():
            db.engine.dispose()


def complaints_of(page: Page) -> list[str]:
    """A list that grows with every script error, console error and refusal of the content policy from now on.

    That the page itself answers 4xx is no complaint: tests ask for refusals, and look at them.
    """
    found: list[str] = []

    def hear(line: ConsoleMessage) -> None:
        refused_page = "Failed to load resource" in line.text and line.location["url"] == page.url
        if "Content Security Policy" in line.text or (line.type == "error" and not refused_page):
            found.append(f"{page.url}: {line.text}")

    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))
    page.on("console", hear)
    return found


def flaws_of(page: Page) -> list[str]:
    """What axe finds on the open page in light and dark, wide and narrow, and whatever runs out of it sideways.

    The page is left light and wide.
    """
    found = []
    page.evaluate(AXE)
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(SETTLED)
        findings = page.evaluate(FINDINGS, IN_THE_DARK if scheme == "dark" else None)
        found += [f"{page.url} {scheme} {width}: {each}" for each in findings]
        needed, given = page.evaluate(WIDTH)
        if needed > given:
            found.append(f"{page.url} {scheme} {width}: {needed} px wide")
    page.emulate_media(color_scheme="light")
    return found
