"""How long 2,200 demo applications take, and the share of them a second."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.demo.load import load_demo
from matsapply.mail import outbox
from matsapply.platform import migrate
from matsapply.platform.db import configure_engine
from matsapply.platform.settings import Settings

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(_asked: argparse.Namespace) -> dict[str, Any]:
    """``{"applications", "seconds", "cpu_seconds"}`` on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        migrate.upgrade(url)
        engine = sa.create_engine(url)
        configure_engine(engine)
        outbox.configure(Settings(base_url="http://localhost"))
        began, cpu = time.perf_counter(), os.times()
        with Session(engine) as session, session.begin():
            load_demo(session, applications=2200, seed=1, password_hash="-")
        after = os.times()
        seconds = time.perf_counter() - began
        engine.dispose()
    used = after.user + after.system - cpu.user - cpu.system
    sys.stdout.write(f"2,200 applications in {seconds:.1f} s ({used:.1f} s of CPU)\n")
    return {"applications": 2200, "seconds": round(seconds, 2), "cpu_seconds": round(used, 2)}
