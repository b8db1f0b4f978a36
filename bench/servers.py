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

from matsapply.platform.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

GUNICORN = [
    sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "2", "--worker-class", "gthread",
    "--log-level", "warning", "--keep-alive", "60", "--no-control-socket",
]  # fmt: skip
PATIENCE = 60  # seconds for a server to come up, on a machine that is busy with other things
QUIET = 0.002  # seconds without any use of the CPU after which a server has finished what it did
TRIES = 500


class BenchmarkFailed(Exception):
    """The benchmark cannot say anything: a request was not answered as it should be, or a process went away."""


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(slots=True)
class Browser:
    """One visitor on one kept-alive connection, with the cookies given so far."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Answer:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("localhost", self.port, timeout=PATIENCE)
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

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


@dataclass(slots=True)
class Server:
    """One running server; ``database`` is the database's first process, where it has processes of its own."""

    port: int
    process: psutil.Process
    database: psutil.Process | None = None

    def cpu(self) -> float:
        """Seconds of CPU used so far by the server, its workers and the database's processes, when all are at rest."""
        last = self._cpu_now()
        for _ in range(TRIES):
            time.sleep(QUIET)
            present = self._cpu_now()
            if present - last < QUIET / 20:
                return present
            last = present
        raise BenchmarkFailed("the server never came to rest")

    def _cpu_now(self) -> float:
        return sum(_used(process) for process in self.processes())

    def processes(self) -> list[psutil.Process]:
        return [*_family(self.process), *(_family(self.database) if self.database else ())]

    def workers(self) -> frozenset[int]:
        """The process ids of the web server; a number measured while they changed is worth nothing."""
        return frozenset(process.pid for process in _family(self.process))

    def peak_memory(self) -> int:
        """The largest resident size of a web process so far, in bytes."""
        peak = 0
        for pid in self.workers():
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                line = next(line for line in status if line.startswith("VmHWM:"))
            peak = max(peak, int(line.split()[1]) * 1024)
        return peak


def _family(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _used(process: psutil.Process) -> float:
    """The process's CPU clock, in nanoseconds' steps (clock_getcpuclockid), all its threads together."""
    try:
        return time.clock_gettime((~process.pid << 3) | 2)
    except OSError:
        return 0.0  # it has ended


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    target: str, environment: dict[str, str], ready: str, database: psutil.Process | None = None
) -> Iterator[Server]:
    """Gunicorn with one worker on ``target``; ends it afterwards."""
    port = free_port()
    child = subprocess.Popen(
        [*GUNICORN, "--bind", f"127.0.0.1:{port}", target], env={**os.environ, **environment}, cwd=ROOT
    )
    try:
        server = Server(port, psutil.Process(child.pid), database)
        wait_for(port, child, ready)
        yield server
    finally:
        child.terminate()
        child.wait(PATIENCE)


def wait_for(port: int, child: subprocess.Popen[bytes], ready: str) -> None:
    """Until the page ``ready`` answers; ``BenchmarkFailed`` where it does not."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if child.poll() is not None:
            raise BenchmarkFailed("the server ended at once; see its message above")
        visitor = Browser(port)
        try:
            if visitor.request("GET", ready).status < 400:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            visitor.close()
        time.sleep(0.02)
    raise BenchmarkFailed("the server did not come up")
