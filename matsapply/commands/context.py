"""What the commands share: settings, a transaction, one way to stop with a clear line."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.mail import outbox
from matsapply.platform import clock, languages, migrate, settings as settings_module, storage
from matsapply.platform.db import configure_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matsapply.platform.settings import Settings


class Stop(Exception):
    """A failure in one line that says what to do; exit status 2."""


def load_settings(**overrides: Any) -> Settings:
    """The settings, with the demo's clock installed where this is a demo."""
    settings = settings_module.load(**overrides)
    try:
        languages.check_compiled()
    except languages.NotCompiledError as error:
        raise Stop(str(error)) from None
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data):
            pass
    except OSError as error:
        raise settings_module.unusable_data(settings, error) from None
    if settings.demo:
        clock.install(clock.DemoClock(settings.data / "demo-clock"))
    outbox.configure(settings)
    storage.configure(settings.storage)
    return settings


def require_storage(settings: Settings) -> None:
    """Stop where uploads could not be kept. A folder is tried; a bucket is left to doctor.

    Tried by a plain file, not through the store: its threads would not survive the fork of the web server's workers,
    and the first upload would wait for ever.
    """
    parts = urlsplit(settings.storage)
    try:
        storage.current()
        if parts.scheme == "file":
            with tempfile.TemporaryFile(dir=unquote(parts.path)):
                pass
    except (storage.UnavailableError, OSError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error).removeprefix(f"{settings.storage}: ")
        raise Stop(f"files cannot be kept in {settings.storage} ({said}); correct MATSAPPLY_STORAGE_URL") from None


def mistakes(count: int) -> str:
    """ "1 mistake", "2 mistakes"."""
    return f"{count} mistake{'' if count == 1 else 's'}"


def make_engine(settings: Settings) -> sa.Engine:
    engine = sa.create_engine(settings.database)
    configure_engine(engine)
    return engine


@contextmanager
def transaction(settings: Settings, *, checked: bool = True) -> Iterator[Session]:
    """One transaction: committed at the end of the block, rolled back by any exception. The database must be at the
    newest revision unless ``checked`` is off."""
    if checked:
        migrate.check(settings.database)
    engine = make_engine(settings)
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    finally:
        engine.dispose()
