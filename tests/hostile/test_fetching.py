"""Case 27: what the server fetches comes from the one address that is ours to ask; nobody can lead it elsewhere."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from matsapply.showcase import arxiv

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = (
    "/inner",
    "http://127.0.0.1:{port}/inner",
    "http://[::1]:{port}/inner",
    "file:///etc/hostname",
    "//0/inner",
)


class Server(ThreadingHTTPServer):
    """Stands in arXiv's place and sends everybody on."""

    status = 302
    location = "/inner"
    asked: list[str]


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(urlsplit(self.path).path)
        self.send_response(self.server.status if self.path.startswith("/api") else 200)
        self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"secret")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answer) as made:
        made.asked = []
        monkeypatch.setattr(arxiv, "ADDRESS", f"http://127.0.0.1:{made.server_port}/api/query")
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ELSEWHERE)
def test_case_27_a_redirect_is_not_followed(server: Server, status: int, location: str) -> None:
    server.status, server.location = status, location.format(port=server.server_port)
    with pytest.raises(arxiv.Unreachable):
        arxiv.fetch(["2310.04625"])
    assert server.asked == ["/api/query"]


@pytest.mark.parametrize(
    "text",
    ["http://127.0.0.1/2310.04625x", "2310.04625@127.0.0.1", "http://[::1]/abs/2310", "file:///etc/passwd", "../2310"],
)
def test_case_27_only_ids_are_asked_for(text: str) -> None:
    assert arxiv.ids_in(text) is None


def test_case_27_what_is_asked_goes_to_arxiv_by_https() -> None:
    assert arxiv.ADDRESS.startswith("https://export.arxiv.org/")
