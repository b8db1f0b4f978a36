"""How often one may try: counted before the try, so that tries at the same time are counted too.

Where the counters cannot be reached, the try is refused (503): whoever can stop the counting must not get in by it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, request, session
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from matsapply.pages.account.limit_store import SCHEME, FileStorage
from matsapply.people.addresses import stored_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response
    from limits import RateLimitItem

    from matsapply.platform.settings import Settings

EXTENSION = "matsapply.limits"


@dataclass(frozen=True, slots=True)
class Limit:
    """``most`` tries in ``minutes`` for each value of ``subject`` (None: no limit applies).

    ``bad_only``: a try that succeeds is given back.
    """

    name: str
    most: int
    minutes: int
    subject: Callable[[], str | None]
    bad_only: bool = False

    @property
    def item(self) -> RateLimitItem:
        return RateLimitItemPerMinute(self.most, self.minutes, namespace=self.name)


def address() -> str | None:
    """Where the request comes from. Forwarded headers count only behind proxies that the settings name."""
    return request.remote_addr or "unknown"


def typed_account() -> str | None:
    """The account somebody names, known to us or not: both are counted, so that neither can be told apart."""
    return stored_address(request.form.get("email", ""))[:300] or None


def signed_in() -> str | None:
    return session.get("_user_id")


def half_signed_in() -> str | None:
    """Whoever gave the right password and is asked for the second step."""
    return session.get("tf_user_id") or signed_in()


PASSWORDS = Limit("password", 10, 15, typed_account, bad_only=True)
PASSWORDS_FROM = Limit("password-from", 50, 15, address, bad_only=True)
OWN_PASSWORD = Limit("own-password", 10, 15, signed_in, bad_only=True)
CODES = Limit("code", 10, 15, half_signed_in, bad_only=True)
MAILS_TO = Limit("mail-to", 5, 60, typed_account)
MAILS_FROM = Limit("mail-from", 60, 60, address)
OWN_MAILS = Limit("own-mail", 5, 60, signed_in)
OWN_COPIES = Limit("own-copy", 6, 24 * 60, signed_in)  # of one's data: each holds every document and lies there a week
OWN_REQUESTS = Limit("own-request", 20, 24 * 60, signed_in)  # each is a mail to the team, also one that is taken back
KEYS_FROM = Limit("passkey-from", 100, 15, address)

# Which limits a POST to an endpoint is counted against.
LIMITS: dict[str, tuple[Limit, ...]] = {
    "security.login": (PASSWORDS, PASSWORDS_FROM),
    "security.verify": (OWN_PASSWORD,),
    "security.change_password": (OWN_PASSWORD,),
    "security.two_factor_token_validation": (CODES,),
    "security.mf_recovery": (CODES,),
    "security.register": (MAILS_TO, MAILS_FROM),
    "security.forgot_password": (MAILS_TO, MAILS_FROM),
    "security.send_confirmation": (MAILS_TO, MAILS_FROM),
    "security.change_email": (OWN_MAILS,),
    "security.wan_signin": (KEYS_FROM,),
    "own_data.ask_for_export": (OWN_COPIES,),
    "threads.accommodation": (OWN_REQUESTS,),
    "security.wan_signin_response": (KEYS_FROM,),
}


class Counters:
    """The counters of one application."""

    def __init__(self, url: str) -> None:
        self.storage = storage_from_string(url, wrap_exceptions=True)
        self.windows = FixedWindowRateLimiter(self.storage)

    def once(self, name: str, seconds: int) -> bool:
        """Whether ``name`` is seen for the first time in ``seconds``."""
        return self.storage.incr(f"once/{name}", seconds) == 1

    def count(self, limit: Limit, subject: str) -> bool:
        """Count a try; False where it is one too many."""
        return bool(self.windows.hit(limit.item, _short(subject)))

    def give_back(self, limit: Limit, subject: str) -> None:
        self.storage.incr(limit.item.key_for(_short(subject)), limit.item.get_expiry(), -1)


def counters() -> Counters:
    """Those of the running application."""
    found: Counters = current_app.extensions[EXTENSION]
    return found


def init_app(app: Flask, settings: Settings) -> None:
    url = settings.limits_url or f"{SCHEME}://{settings.data / 'limits.db'}"
    app.extensions[EXTENSION] = Counters(url)
    app.before_request(_count)
    app.after_request(_give_back)


def _count() -> None:
    if request.method != "POST" or request.endpoint not in LIMITS:
        return
    try:
        for limit in LIMITS[request.endpoint]:
            subject = limit.subject()
            if subject is not None and not counters().count(limit, subject):
                raise TooManyRequests(retry_after=limit.minutes * 60)
    except StorageError as error:
        raise ServiceUnavailable from error


def _give_back(response: Response) -> Response:
    """A good password or code costs nothing. Only this one try is given back: clearing the whole count would let
    anybody who is signed in clear the count of another account."""
    if request.method == "POST" and response.status_code in {302, 303}:
        for limit in LIMITS.get(request.endpoint or "", ()):
            if limit.bad_only and (subject := limit.subject()) is not None:
                counters().give_back(limit, subject)
    return response


def _short(subject: str) -> str:
    """A digest: counters hold no addresses, and keys of one length."""
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32]


__all__ = ["LIMITS", "Counters", "FileStorage", "Limit", "counters", "init_app"]
