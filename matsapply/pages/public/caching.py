"""Public pages for visitors without a session: rendered once for a few seconds, told apart by an ETag."""

from __future__ import annotations

from collections.abc import Hashable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Response, current_app, make_response, request

from matsapply.pages.guard import actor
from matsapply.platform import clock
from matsapply.platform.flask_db import address

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

KEPT_FOR = 5.0  # seconds
MOST_KEPT = 300

T = TypeVar("T")

_kept: dict[tuple[str, ...], tuple[float, Response]] = {}
_values: dict[tuple[Hashable, ...], tuple[float, Any]] = {}


def kept_briefly(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Keep what ``view`` answers to visitors without a session; everybody gets an ETag and, where it fits, a 304."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not actor().anonymous or current_app.config["SESSION_COOKIE_NAME"] in request.cookies:
            return view(*args, **kwargs)
        cookies = request.cookies
        # The address of the database tells apart the sites of one process (tests have many).
        key = (address(), request.full_path, cookies.get("theme", ""), cookies.get("zone", ""), request.host)
        found = _kept.get(key)
        if found is None or found[0] < clock.monotonic():
            response = make_response(view(*args, **kwargs))
            if response.status_code != 200:
                return response
            response.add_etag()
            response.headers["Cache-Control"] = "private, no-cache"  # ask each time, and be told 304
            response.vary.add("Cookie")
            if len(_kept) >= MOST_KEPT:
                _kept.clear()
            found = (clock.monotonic() + KEPT_FOR, response)
            _kept[key] = found
        kept = found[1]
        fresh = Response(kept.get_data(), status=200, headers=list(kept.headers))
        return fresh.make_conditional(request)

    return answer


def kept_value(key: tuple[Hashable, ...], seconds: float, make: Callable[[], T]) -> T:
    """What ``make`` gives, at most ``seconds`` old: for numbers over many rows that are the same for every visitor."""
    whole = (address(), *key)
    found = _values.get(whole)
    if found is None or found[0] < clock.monotonic():
        if len(_values) >= MOST_KEPT:
            _values.clear()
        found = _values[whole] = (clock.monotonic() + seconds, make())
    value: T = found[1]
    return value


def forget() -> None:
    """After a change that everybody should see at once (and between tests)."""
    _kept.clear()
    _values.clear()
