"""The request's database session and the one place that commits."""

from __future__ import annotations

from inspect import iscoroutinefunction
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import Flask, g, request
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import Session

from matsapply.platform.db import Base, configure_engine, set_transaction_mode
from matsapply.platform.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

db: SQLAlchemy = SQLAlchemy()


def session() -> Session:
    """The session of the running request (or of the pushed application context)."""
    return db.session


_addresses: WeakKeyDictionary[sa.Engine, str] = WeakKeyDictionary()


def address() -> str:
    """The address of the running application's database, without its password: what tells apart the sites of one
    process (tests have many). Written out once for each engine."""
    engine = db.engine
    found = _addresses.get(engine)
    if found is None:
        found = _addresses[engine] = str(engine.url)
    return found


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the engine; set the pool so that a dead connection is noticed before it is used."""
    options: dict[str, object] = {"url": settings.database}
    if settings.database.startswith("postgresql"):
        options |= {"pool_pre_ping": True, "pool_size": settings.threads, "max_overflow": settings.threads}
    app.config["SQLALCHEMY_ENGINES"] = {"default": options}
    db.init_app(app)
    # The extension would start an event loop at the end of each request to close sessions of a kind we have none of.
    app.teardown_appcontext_funcs[:] = [each for each in app.teardown_appcontext_funcs if not iscoroutinefunction(each)]
    with app.app_context():
        configure_engine(db.engine)


def begin_request(writing_endpoints: frozenset[str]) -> None:
    """A safe request gets a transaction in which the database itself refuses writes, save for the named endpoints."""
    reading = request.method in SAFE_METHODS and request.endpoint not in writing_endpoints
    set_transaction_mode("read" if reading else "write")


def keep() -> None:
    """Keep what this request has written although its answer will say that a part was refused (409, 422)."""
    g.keep = True


def finish_request(status: int) -> None:
    """The unit of work: one commit for a request that succeeded, a rollback for one that did not."""
    if not db.session.in_transaction():
        return  # nothing was read or written: a session begins a transaction with the first thing it is asked
    if status < 400 or (status < 500 and g.get("keep", False)):
        db.session.commit()
    else:
        db.session.rollback()


__all__ = ["Base", "address", "begin_request", "db", "finish_request", "init_app", "keep", "session"]
