"""Accounts by Flask-Security: see the developer guide. (Composition only.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from matsapply.platform.settings import Settings

WRITING_GETS: frozenset[str] = frozenset()


def init_app(app: Flask, settings: Settings) -> None: ...
