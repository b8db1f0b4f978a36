"""Case 25 at the real server: a gigabyte, headers without end, broken forms: refused, and memory stays small."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.services import environment, free_port, matsapply, site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GIGABYTE = 1024**3
PIECE = 1024 * 1024
MOST_TAKEN = 64 * PIECE  # bytes that reach the server (and the system's buffers) before it has had enough
MOST_MEMORY = 64 * PIECE  # growth of all its processes together
HEAD = "POST /login HTTP/1.1\r\nHost: localhost\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
PARTS = "Content-Type: multipart/form-data; boundary=b\r\n"


class Server:
    def __init__(self, port: int, process: psutil.Process) -> None:
        self.port, self.process = port, process

    def memory(self) -> int:
        return sum(each.memory_info().rss for each in (self.process, *self.process.children(recursive=True)))

    def ask(self, head: str, body: bytes = b"", *, pieces: int = 0, piece: bytes = b"") -> tuple[int, int]:
        """The status (0: hung up without a word) and how many bytes were sent before it came."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            sent = 0
            try:
                line.sendall(head.encode("latin-1") + b"\r\n" + body)
                for _ in range(pieces):
                    if select.select([line], [], [], 0)[0]:
                        break
                    line.sendall(piece)
                    sent += len(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                answer = line.recv(4096)
            except ConnectionResetError:
                answer = b""
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0, sent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("bombs")
    env = environment(data=folder, jobs="none", workers=1)
    assert matsapply("db", "upgrade", env=env).returncode == 0
    port = free_port()
    with site(port, env, folder / "log") as running:
        found = Server(port, psutil.Process(running.pid))
        assert (
            found.ask(f"{HEAD}{FORM}Content-Length: 3\r\n", b"a=b")[0] == 400
        )  # the first request loads what there is
        yield found


@pytest.mark.parametrize("kind", [FORM, PARTS, "Content-Type: application/json\r\n", ""])
def test_case_25_a_gigabyte_that_is_announced_is_refused_at_once(server: Server, kind: str) -> None:
    before = server.memory()
    status, sent = server.ask(f"{HEAD}{kind}Content-Length: {GIGABYTE}\r\n", pieces=1024, piece=b"x" * PIECE)
    assert status in {413, 0} if kind in {FORM, PARTS} else status in {400, 413, 415, 0}
    assert sent < MOST_TAKEN
    assert server.memory() - before < MOST_MEMORY


def test_case_25_an_announced_gigabyte_gets_its_413_before_a_byte_is_sent(server: Server) -> None:
    assert server.ask(f"{HEAD}{FORM}Content-Length: {GIGABYTE}\r\n")[0] == 413


@pytest.mark.parametrize("kind", [FORM, PARTS])
def test_case_25_a_gigabyte_without_a_length_is_cut_off(server: Server, kind: str) -> None:
    begin = b'--b\r\nContent-Disposition: form-data; name="cv"; filename="cv.pdf"\r\n\r\n' if kind == PARTS else b""
    first = f"{len(begin):x}\r\n".encode() + begin + b"\r\n" if begin else b""
    piece = f"{PIECE:x}\r\n".encode() + b"x" * PIECE + b"\r\n"
    before = server.memory()
    status, sent = server.ask(f"{HEAD}{kind}Transfer-Encoding: chunked\r\n", first, pieces=1024, piece=piece)
    assert status in {400, 413, 0}  # 400: what was read until then held no token
    assert sent < MOST_TAKEN
    assert server.memory() - before < MOST_MEMORY


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"X-{n}: 1\r\n" for n in range(5000)),
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + "x" * 1_000_000 + "\r\n",
        "GET /" + "x" * 1_000_000 + " HTTP/1.1\r\nHost: localhost\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + "a=b; " * 100_000 + "\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nNo colon here\r\n",
        f"{HEAD}{FORM}Content-Length: -1\r\n",
        f"{HEAD}{FORM}Content-Length: 9e9\r\n",
    ],
    ids=["many", "long", "path", "cookie", "version", "smuggling", "colon", "negative", "odd"],
)
def test_headers_without_end_or_sense_are_refused(server: Server, head: str) -> None:
    before = server.memory()
    status, _ = server.ask(head)
    assert status == 0 or 400 <= status < 500 or status == 505
    assert server.memory() - before < MOST_MEMORY
    assert server.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\n")[0] == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (PARTS, b"no boundary at all"),
        (PARTS, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        (PARTS, b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nnever ends'),
        (PARTS, b"--b\r\n" + b"X-Header: 1\r\n" * 5000 + b"\r\n\r\n--b--\r\n"),
        (PARTS, b'--b\r\nContent-Disposition: form-data; name="\xff\x00"\r\n\r\n\xff\xfe\x00\r\n--b--\r\n'),
        (PARTS, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 2500 + b"--b--\r\n"),
        ("Content-Type: multipart/form-data\r\n", b"--b\r\n"),
        ("Content-Type: multipart/form-data; boundary=\r\n", b"--\r\n"),
        (FORM, b"%" * 10_000),
        (FORM, b"&" * 1_000_000),
        (FORM, b"email=%00%ff%fe&password=\xed\xa0\x80"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(server: Server, kind: str, body: bytes) -> None:
    status, _ = server.ask(f"{HEAD}{kind}Content-Length: {len(body)}\r\n", body)
    assert 400 <= status < 500
