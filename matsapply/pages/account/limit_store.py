"""Counters of tries in one small file of the data folder, shared by all processes of a machine.

Memory would count in each process for itself, so that two workers would allow twice as many passwords. Several
machines share their counters in Redis instead (setting ``limits_url``).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from limits.storage import Storage

from matsapply.platform import clock

SCHEME = "file"
TABLE = "CREATE TABLE IF NOT EXISTS tries (name TEXT PRIMARY KEY, number INTEGER NOT NULL, ends REAL NOT NULL)"
# A counter that ends later than a new one would has outlived a clock that was set back; it starts again as well.
ADD = """
INSERT INTO tries (name, number, ends) VALUES (:name, :amount, :now + :seconds)
ON CONFLICT (name) DO UPDATE SET
  number = CASE WHEN ends <= :now OR ends > :now + :seconds THEN :amount ELSE number + :amount END,
  ends = CASE WHEN ends <= :now OR ends > :now + :seconds THEN :now + :seconds ELSE ends END
RETURNING number
"""
SWEEP = "DELETE FROM tries WHERE ends <= :now"
SWEEP_EVERY = 200  # additions


class FileStorage(Storage):
    """``file:///path/to/limits.db`` for the ``limits`` library; each addition is one atomic statement."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions, **options)
        self.path = Path((uri or "").removeprefix(f"{SCHEME}://"))
        self.additions = 0

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return (sqlite3.Error, OSError)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        facts = {"name": key, "amount": amount, "seconds": expiry, "now": _now()}
        with closing(self._open()) as connection:
            number = connection.execute(ADD, facts).fetchone()[0]
            self.additions += 1
            if self.additions % SWEEP_EVERY == 0:
                connection.execute(SWEEP, facts)
        return int(number)

    def get(self, key: str) -> int:
        return int(self._read(key)[0])

    def get_expiry(self, key: str) -> float:
        return float(self._read(key)[1])

    def check(self) -> bool:
        with closing(self._open()) as connection:
            return connection.execute("SELECT 1").fetchone() is not None

    def reset(self) -> int:
        with closing(self._open()) as connection:
            return connection.execute("DELETE FROM tries").rowcount

    def clear(self, key: str) -> None:
        with closing(self._open()) as connection:
            connection.execute("DELETE FROM tries WHERE name = ?", (key,))

    def _read(self, key: str) -> tuple[int, float]:
        with closing(self._open()) as connection:
            row = connection.execute("SELECT number, ends FROM tries WHERE name = ?", (key,)).fetchone()
        now = _now()
        return row if row and row[1] > now else (0, now)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")  # a power cut may forgive a few tries
        connection.execute(TABLE)
        return connection


def _now() -> float:
    return clock.now().timestamp()
