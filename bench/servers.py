"""Starting a real server for a benchmark and reading its CPU time from the system's own accounting."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

GUNICORN = [
    sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "2", "--worker-class", "gthread",
    "--log-level", "warning", "--keep-alive", "60",
]  # fmt: skip
PATIENCE = 30  # seconds for a server to come up


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Server:
    """One running server; ``extra`` are processes whose time counts too (the database's)."""

    port: int
    process: psutil.Process
    extra: list[psutil.Process] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Answer:
        """One request on a kept-alive connection, with the cookies given so far."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("localhost", self.port, timeout=60)
        sent = {"Accept": "text/html", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        self.connection.request(method, path, body=body or None, headers=sent)
        response = self.connection.getresponse()
        content = response.read()
        for line in response.headers.get_all("Set-Cookie") or ():
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(response.status, dict(response.headers.items()), content)

    def cpu(self) -> float:
        """Seconds of CPU used so far by the server, its workers and the database's processes."""
        return sum(_used(process) for process in [*_family(self.process), *self.extra_now()])

    def extra_now(self) -> list[psutil.Process]:
        return [process for parent in self.extra for process in _family(parent)]


def _family(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(target: str, environment: dict[str, str], extra: list[psutil.Process], ready: str) -> Iterator[Server]:
    """Gunicorn with one worker on ``target``; ends it afterwards."""
    port = free_port()
    child = subprocess.Popen([*GUNICORN, "--bind", f"127.0.0.1:{port}", target], env={**os.environ, **environment})
    server = Server(port, psutil.Process(child.pid), extra)
    try:
        _wait(server, child, ready)
        yield server
    finally:
        if server.connection is not None:
            server.connection.close()
        child.terminate()
        child.wait(PATIENCE)


def _wait(server: Server, child: subprocess.Popen[bytes], ready: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError("the server ended at once; see its message above")
        try:
            if server.request("GET", ready).status < 500:
                return
        except (OSError, http.client.HTTPException):
            server.connection = None
        time.sleep(0.1)
    raise RuntimeError("the server did not come up")
