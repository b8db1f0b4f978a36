"""Hashing and judging passwords."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_security.password_util import PasswordUtil
from passlib.context import CryptContext  # type: ignore[import-untyped]

from matsapply.pages.account.config import ARGON2
from matsapply.platform.languages import gettext as _

if TYPE_CHECKING:
    from matsapply.platform.settings import Settings

LONGEST_PASSWORD = 1000  # characters: enough for any phrase, too few to keep the server busy
EASY = frozenset(
    "123456789012 012345678901 123123123123 123456123456 qwertyuiop12 qwertyuiop123 qwertyuiopasdfghjkl qwerty123456 "
    "1qaz2wsx3edc 1q2w3e4r5t6y passwordpassword password1234 password12345 password123456 passw0rd1234 iloveyou1234 "
    "letmeinletmein welcome12345 changemechangeme changeme1234 administrator administrator1 adminadminadmin "
    "abcdefghijkl abcdefgh1234 abcdefghijklmnopqrstuvwxyz correcthorsebatterystaple".split()
)


def hash_password(text: str, settings: Settings | None = None) -> str:
    """The argon2id hash to keep for ``text``, as Flask-Security would make it.

    Commands, which have no application, give the ``settings`` (the salt is one of them). The demo makes one hash and
    gives it to all of its sign-ins; hashing thousands would take minutes.
    """
    salt = (settings or current_app.extensions["matsapply.settings"]).password_salt
    normal = unicodedata.normalize("NFKD", text)
    digest = hmac.new(salt.encode(), normal.encode(), hashlib.sha512).digest()
    return str(_context().hash(base64.b64encode(digest).decode("ascii")))


@lru_cache(maxsize=1)
def _context() -> CryptContext:
    return CryptContext(schemes=["argon2"], **ARGON2)


class PasswordJudge(PasswordUtil):
    """Length first; then what everybody would guess: a well-known password, one letter again and again, the address."""

    def validate(self, password: str, is_register: bool, **facts: Any) -> tuple[list[str] | None, str]:
        """Sentences on what is wrong (None: nothing) and the password in its normal form."""
        if len(password) > LONGEST_PASSWORD:
            return [_("Use at most %(most)s characters.", most=LONGEST_PASSWORD)], password
        problems, normal = super().validate(password, is_register, **facts)
        if problems:
            return problems, normal
        user = facts.get("user")
        address = str(facts.get("email") or getattr(user, "email", "") or "").lower()
        bare = normal.lower().replace(" ", "")
        if bare in EASY or len(set(bare)) < 4:
            return [_("Many people use this password; choose one nobody would guess.")], normal
        if address and bare in {address, address.partition("@")[0]}:
            return [_("Do not use your address as your password.")], normal
        return None, normal
