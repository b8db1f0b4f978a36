"""Case 27 for the addresses of papers: no name, redirect or wrapped address leads this server inside."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from matsapply.platform import outside
from matsapply.platform.outside import is_public, look

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = "93.184.215.14"
PRIVATE = [
    "127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "::1", "::",
    "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "ff02::1", "",
    "fec0::1", "::7f00:1", "64:ff9b:1::a00:1",
    "no address",
]  # fmt: skip


def answering(*addresses: str) -> Any:
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize("address", PRIVATE)
def test_case_27_an_address_that_is_not_public_is_not_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert not is_public(address)
    for found in ([address], [PUBLIC, address]):  # a name with one good and one bad address too
        assert "not public" in look("https://papers.example/one", answering(*found)).problem


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["ftp://papers.example/x", "file:///etc/passwd", "javascript:alert(1)", "https://user@papers.example/", "https://",
     "http://papers.example:22/", "http://papers.example:6379/", "http://[::1", "https://papers.example:99999/", ""],
)  # fmt: skip
def test_case_27_only_the_web_is_asked(url: str) -> None:
    answer = look(url, answering(PUBLIC))  # the tests' own guard would raise if anything were connected
    assert answer.status is None
    assert answer.problem


@pytest.mark.parametrize("url", ["http://localhost/", "http://127.0.0.1/", "http://[::1]/", "http://2130706433/"])
def test_case_27_this_machine_by_its_real_names(url: str) -> None:
    answer = look(url)
    assert answer.status is None
    assert "not public" in answer.problem or answer.unreached


class Answer(BaseHTTPRequestHandler):
    server: Any

    def do_HEAD(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers["Host"]))
        status = int(self.path[1:4])
        self.send_response(405 if status == 205 and self.command == "HEAD" else status)
        if status in {301, 302}:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A web server that stands at the public address; ``went_to`` are the addresses that connections asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as made:
        made.asked, made.went_to, made.location = [], [], "http://127.0.0.1/inner"  # type: ignore[attr-defined]
        connect = socket.create_connection

        def there(address: tuple[str, int], timeout: float) -> socket.socket:
            made.went_to.append(address)  # type: ignore[attr-defined]
            return connect(("127.0.0.1", made.server_port), timeout)

        monkeypatch.setattr(outside.socket, "create_connection", there)
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_an_answer_is_told_a_redirect_not_followed_and_the_address_is_the_one_looked_at(server: Any) -> None:
    ask = answering(PUBLIC)
    assert look("http://papers.example/200", ask).status == 200
    assert look("http://papers.example/404?a=b c", ask).status == 404
    moved = look("http://papers.example/301", ask)
    assert (moved.status, moved.moved_to) == (301, "http://127.0.0.1/inner")
    assert look("http://papers.example/205", ask).status == 205  # asked again by GET where HEAD is not allowed
    assert look("http://pápers.example/200/ü\r\nX: y", ask).status == 200
    assert set(server.went_to) == {(PUBLIC, 80)}
    paths = [path for _, path, _ in server.asked]
    assert paths == ["/200", "/404?a=b%20c", "/301", "/205", "/205", "/200/%C3%BCX:%20y"]
    assert {host for *_, host in server.asked} == {"papers.example", "xn--ppers-xqa.example"}


@pytest.mark.parametrize(
    ("location", "goal"),
    [("//[", ""), ("http://[x]/", ""), ("javascript:alert(1)", ""), ("/a\x00b", "http://papers.example/a%00b"),
     ("/\u00fc", "http://papers.example/%C3%BC"), ("//other.example/x", "http://other.example/x")],
)  # fmt: skip
def test_whatever_a_redirect_says_ends_nothing_and_leads_to_the_web_alone(
    server: Any, location: str, goal: str
) -> None:
    server.location = location
    assert look("http://papers.example/301", answering(PUBLIC)) == outside.Answer(301, "", goal)


def test_a_server_that_sends_a_letter_now_and_then_holds_nobody_up(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(self: Answer) -> None:
        for _ in range(200):
            time.sleep(0.02)
            try:
                self.wfile.write(b"H")
            except OSError:
                return

    monkeypatch.setattr(Answer, "do_HEAD", drip)
    monkeypatch.setattr(outside, "ALL_SECONDS", 0.2)
    begun = time.monotonic()
    assert look("http://papers.example/200", answering(PUBLIC)).status is None
    assert time.monotonic() - begun < 2


def test_no_name_and_no_answer_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    assert look("https://papers.example/", no_name) == outside.Answer(None, "its name leads nowhere", unreached=True)
    for error, said in ((TimeoutError(), "no answer within"), (OSError(101, "Network is unreachable"), "unreachable")):

        def fail(*_: Any, _error: OSError = error, **__: Any) -> None:
            raise _error

        monkeypatch.setattr(outside.socket, "create_connection", fail)
        answer = look("https://papers.example/", answering(PUBLIC))
        assert answer.unreached
        assert said in answer.problem
