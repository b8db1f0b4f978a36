"""Make docs/pictures from a demo of its own: ``make pictures``. Needs Chromium, or one named in CHROMIUM.

The demo is loaded into a folder that is thrown away, so the same code gives the same pictures (the keys people see
excepted, which are random). A picture keeps at most 256 colours, which text on plain ground does not notice.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

from matsapply.demo.staff import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
STARTUP = 120  # seconds
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PALETTE = 256


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: who looks at which page; ``follow`` matches the address of a link to go on to from there."""

    name: str
    who: str | None  # the part of a demo address before the @
    path: str
    follow: str | None = None
    size: tuple[int, int] = (1280, 800)
    scheme: str = "light"


PHONE = (390, 780)
PICTURES = (
    Picture("home", None, "/"),
    Picture("home-phone", None, "/", size=PHONE),
    Picture("showcase", None, "/showcase"),
    Picture("showcase-paper", None, "/showcase?q=matryoshka", r"/showcase/learning[^/]+$"),
    Picture("showcase-map", None, "/showcase/map"),
    Picture("stream-papers", "mentor", "/stream/oversight/papers"),
    Picture("application", "applicant-draft", "/application/sections/research"),
    Picture("application-phone", "applicant-draft", "/application", size=PHONE),
    Picture("status", "applicant-streams", "/status"),
    Picture("status-phone", "applicant-offer", "/status", size=PHONE),
    Picture("review", "reviewer", "/review", r"/review/(?!done)\w+$"),
    Picture("review-dark", "reviewer", "/review", r"/review/(?!done)\w+$", scheme="dark"),
    Picture("candidates", "mentor", "/stream", r"/stream/[^/]+/candidates$"),
    Picture("dashboard", "admin", "/admin/2027-04"),
    Picture("decisions", "coordinator", "/admin/2027-05/decisions/empirical"),
    Picture("reviewers", "coordinator", "/admin/2027-05/reviewers"),
    Picture("release", "coordinator", "/admin/2027-03/releases", r"/releases/\w+$"),
)

# A review of the usual size, with one to four readers of each application.
SIMULATED = (
    *("simulate", "review", "--applications", "2200", "--places", "220", "--times", "10"),
    *("--readers", "1", "--readers", "2", "--readers", "3", "--readers", "4", "--picture"),
)


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("pictures: no Chromium found; install it, or name one in CHROMIUM")
    FOLDER.mkdir(exist_ok=True)
    subprocess.run([Path(sys.executable).parent / "matsapply", *SIMULATED, FOLDER / "simulated-review.svg"], check=True)
    with tempfile.TemporaryDirectory(prefix="matsapply-pictures-") as data:
        port = free_port()
        environment = os.environ | {"MATSAPPLY_DATA": data, "MATSAPPLY_DEMO": "1"}
        command = [Path(sys.executable).parent / "matsapply", "serve", "--demo", "--port", str(port)]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            address = f"http://localhost:{port}"
            wait_for(address + "/healthz", server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
                for picture in PICTURES:
                    path = FOLDER / f"{picture.name}.png"
                    path.write_bytes(smaller(take(browser, address, picture)))
                    print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} kB")
                browser.close()
        finally:
            server.terminate()
            server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Return once the address answers; stop where the server has ended or needs too long."""
    end = time.monotonic() + STARTUP
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("pictures: the demo did not start")


def take(browser: Browser, address: str, picture: Picture) -> bytes:
    """The visible part of the page, as PNG."""
    width, height = picture.size
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        reduced_motion="reduce",
        timezone_id="Europe/London",
    )
    page = context.new_page()
    if picture.who:
        page.goto("/login")
        page.locator("[name=email]").fill(f"{picture.who}@demo.example")
        page.locator("[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r"^(?!.*/login)"))
    page.goto(picture.path)
    if picture.follow:
        page.goto(followed(page.content(), picture.follow))
    page.wait_for_selector("html[data-scripts=ready]")
    shot = page.screenshot()
    context.close()
    return shot


def followed(html: str, pattern: str) -> str:
    """The first address of a link on the page that the pattern fits."""
    found = next((href for href in re.findall(r'<a\b[^>]*?href="([^"]+)"', html) if re.search(pattern, href)), None)
    if found is None:
        raise LookupError(f"no link on the page fits {pattern}")
    return found


def smaller(png: bytes) -> bytes:
    """The same picture with a palette, where that makes the file smaller."""
    out = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(PALETTE).save(out, "PNG", optimize=True)
    return min(out.getvalue(), png, key=len)


if __name__ == "__main__":
    main()
