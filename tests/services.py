"""Other programs that tests start: a real Redis, and the site itself in processes of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
COMMAND = str(Path(sys.executable).with_name("matsapply"))
NO_REDIS = "no redis-server found (install Debian's redis-server)"
PATIENCE = 60.0  # seconds a program may take to be ready; only a failing test waits that long


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], what: str) -> None:
    """Look again and again until ``ready``; fail where it takes too long."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end, f"waited {PATIENCE:g} seconds for {what}"
        time.sleep(0.02)


@contextmanager
def redis_server(folder: Path, port: int) -> Iterator[str]:
    """The address of a Redis of this block's own."""
    binary = shutil.which("redis-server")
    assert binary, NO_REDIS
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    running = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url)

    def answers() -> bool:
        with suppress(redis.ConnectionError):
            return bool(client.ping())
        return False

    try:
        wait_until(answers, "Redis")
        yield url
    finally:
        client.close()
        running.terminate()
        running.wait(PATIENCE)


def environment(**settings: object) -> dict[str, str]:
    """The surroundings of a command: nothing of ours but ``settings`` (``data=…`` becomes MATSAPPLY_DATA)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MATSAPPLY_")}
    return kept | {f"MATSAPPLY_{name.upper()}": str(value) for name, value in settings.items()}


def matsapply(*arguments: object, env: dict[str, str], **more: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [COMMAND, *map(str, arguments)]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **more)  # type: ignore[call-overload, no-any-return]


@contextmanager
def program(*arguments: object, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command in the background, in a process group of its own that is gone at the end of the block."""
    with log.open("ab") as out:
        running = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            env=env,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield running
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait(PATIENCE)


@contextmanager
def site(port: int, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The web server on ``port``, from the first answer of /healthz to the end of the block."""
    with program("serve", "--port", port, env=env, log=log) as running:

        def answers() -> bool:
            assert running.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
            return False

        wait_until(answers, "the site")
        yield running
