"""Where uploaded bytes lie: a folder (``file://``) or a bucket (``s3://``), through one API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Config

CHUNK = 1024 * 1024  # bytes
# A bucket that does not answer must not hold a request for the minutes that the library would go on trying.
PATIENCE = timedelta(seconds=15)
CONNECTING = timedelta(seconds=5)


class MissingError(Exception):
    """No bytes lie under this key."""


class UnavailableError(Exception):
    """The store cannot be used now; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One object in the store."""

    key: str
    size: int
    written_at: datetime


class Storage:
    """One store. Keys are ours, random, with slashes; whatever people name their files is kept elsewhere."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._store = _open(url)

    def put(self, key: str, data: bytes | IO[bytes]) -> None:
        """Store the bytes under a new key; all of them, or none. Raises ``UnavailableError``."""
        try:
            obstore.put(self._store, key, data)
        except Exception as error:
            raise self._unavailable(error) from error

    def get(self, key: str) -> bytes:
        """All bytes of a small object. Raises ``MissingError`` or ``UnavailableError``."""
        return b"".join(self.stream(key))

    def stream(self, key: str) -> Iterator[bytes]:
        """The bytes in pieces of about a megabyte. A missing key raises here, not at the first piece."""
        try:
            found = obstore.get(self._store, key)
        except FileNotFoundError as error:
            raise MissingError(key) from error
        except Exception as error:
            raise self._unavailable(error) from error
        return (bytes(piece) for piece in found.stream(min_chunk_size=CHUNK))

    def delete(self, key: str) -> None:
        """Remove the bytes; nothing happens if there are none."""
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._unavailable(error) from error

    def exists(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise self._unavailable(error) from error
        return True

    def listing(self) -> Iterator[Stored]:
        """Every object, in no particular order."""
        try:
            for batch in obstore.list(self._store):
                for item in batch:
                    yield Stored(item["path"], item["size"], item["last_modified"])
        except Exception as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> UnavailableError:
        """In one line: the library adds pages of its own inside."""
        return UnavailableError(f"{self.url}: {str(error).strip().partition(chr(10))[0]}")


def _open(url: str) -> ObjectStore:
    parts = urlsplit(url)
    match parts.scheme:
        case "file":
            folder = Path(unquote(parts.path))
            folder.mkdir(parents=True, exist_ok=True)
            return LocalStore(prefix=folder)
        case "s3" if parts.netloc:
            # Keys, region, endpoint and AWS_ALLOW_HTTP come from the environment, which the library reads. Given as
            # ``client_options``, the times would hide the last one from it; its types know them only there.
            times = {"connect_timeout": CONNECTING, "timeout": PATIENCE}
            return S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                config=cast("S3Config", times),
                retry_config={"max_retries": 2, "retry_timeout": PATIENCE},
            )
        case _:
            raise UnavailableError(f"storage_url must begin with file:// or s3://, not {url!r}")


@lru_cache(maxsize=8)
def _store_in(url: str, _process: int) -> Storage:
    return Storage(url)


def store_at(url: str) -> Storage:
    """The store of that address, opened on first use in each process: its threads do not survive a fork."""
    return _store_in(url, os.getpid())


_url = ""


def configure(url: str) -> None:
    """Say once per process where files lie (called by the composition root); nothing is opened yet."""
    global _url
    _url = url


def current() -> Storage:
    """The configured store. Raises ``UnavailableError`` before ``configure``, and where it cannot be opened."""
    if not _url:
        raise UnavailableError("no storage is configured: call matsapply.platform.storage.configure(url) first")
    return store_at(_url)
