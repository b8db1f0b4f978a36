"""Addresses as others have to write them."""

from __future__ import annotations

from flask import current_app


def absolute(path: str) -> str:
    """A path of this site with the configured host, never with what a request calls the host."""
    base: str = current_app.extensions["matsapply.settings"].base_url
    return f"{base.rstrip('/')}{path}"
