"""Tokens of links that are shown again though they are not kept: derived from the site's secret key."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

from matsapply.mail.rendering import configured


def token_of(subject: str) -> str:
    """The token for ``subject``, such as ``reference <public id>``: 43 letters, digits, ``-`` and ``_``.

    It changes only with the site's secret key.
    """
    key = configured().secret_key.encode()
    return urlsafe_b64encode(hmac.digest(key, subject.encode(), "sha256")).decode().rstrip("=")


def digest_of(token: str) -> str:
    """What is kept of a token: the SHA-256 of its text, 64 hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
