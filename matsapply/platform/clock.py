"""The one clock. Nothing else in the project reads the time.

All instants are timezone-aware UTC ``datetime`` values. The demo's clock carries an offset, kept in a small file in the
data folder so that every process of the demo agrees on the simulated time; outside the demo no offset is ever read.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock(Protocol):
    """Anything that tells the present instant (aware, UTC)."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved: for tests, demo data and replays."""

    def __init__(self, instant: datetime) -> None:
        self.instant = require_utc(instant)

    def now(self) -> datetime:
        return self.instant

    def move_to(self, instant: datetime) -> None:
        self.instant = require_utc(instant)

    def advance(self, delta: timedelta) -> None:
        self.instant += delta


class DemoClock:
    """The machine's clock plus an offset that a demo admin sets; the offset is kept in a file and survives restarts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int], timedelta] | None = None

    def offset(self) -> timedelta:
        """The offset in force; zero where none was set (or the file was removed).

        Every process sees a change at once: the file is looked at each time and read where it is another one.
        """
        try:
            found = self.path.stat()
            mark = (found.st_ino, found.st_mtime_ns)
            if self._read is None or self._read[0] != mark:
                self._read = (mark, timedelta(seconds=float(self.path.read_text(encoding="ascii"))))
        except (FileNotFoundError, ValueError):
            return timedelta(0)
        return self._read[1]

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset()

    def move_to(self, instant: datetime) -> None:
        """Set the simulated time. The write is a rename, so a reader never sees half a number."""
        offset = require_utc(instant) - datetime.now(UTC)
        scratch = self.path.with_suffix(".new")
        scratch.write_text(repr(offset.total_seconds()), encoding="ascii")
        scratch.replace(self.path)


def require_utc(instant: datetime) -> datetime:
    """Return ``instant`` if it is an aware UTC datetime, else raise ``ValueError``."""
    if instant.tzinfo is None or instant.utcoffset() != timedelta(0):
        raise ValueError(f"an aware UTC instant is needed, not {instant!r}")
    return instant.astimezone(UTC)


_current: Clock = SystemClock()


def install(clock: Clock) -> None:
    """Make ``clock`` the process's clock (called once by the composition root)."""
    global _current
    _current = clock


def current() -> Clock:
    return _current


def now() -> datetime:
    """The present instant by the installed clock."""
    return _current.now()


def monotonic() -> float:
    """Seconds on a clock that never jumps, for durations such as request timing."""
    return time.monotonic()


@contextmanager
def using(clock: Clock) -> Iterator[Clock]:
    """Install ``clock`` for the length of a ``with`` block."""
    previous = current()
    install(clock)
    try:
        yield clock
    finally:
        install(previous)
