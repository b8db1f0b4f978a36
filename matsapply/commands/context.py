"""What the commands share: settings, a transaction, one way to stop with a clear line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.mail import outbox
from matsapply.platform import clock, migrate, settings as settings_module
from matsapply.platform.db import configure_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matsapply.platform.settings import Settings


class Stop(Exception):
    """A failure in one line that says what to do; exit status 2."""


def load_settings(**overrides: Any) -> Settings:
    """The settings, with the demo's clock installed where this is a demo."""
    settings = settings_module.load(**overrides)
    settings.data.mkdir(parents=True, exist_ok=True)
    if settings.demo:
        clock.install(clock.DemoClock(settings.data / "demo-clock"))
    outbox.configure(settings)
    return settings


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
