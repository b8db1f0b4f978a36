"""Public pages for visitors without a session: rendered once for a few seconds, told apart by an ETag.

A kept page is answered before Flask begins a request: no session is opened, no hook runs. What is kept is the whole
answer as the last hook left it, with every header.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, g, request, session as cookie
from werkzeug.http import is_resource_modified, parse_cookie

from matsapply.pages.guard import actor
from matsapply.platform import clock, languages
from matsapply.platform.flask_db import address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Response
    from flask.typing import ResponseReturnValue

KEPT_FOR = 5.0  # seconds
MOST_KEPT = 300
KEPT_AS = "matsapply.kept_as"  # in the environment of a request: the key its answer may be kept under
OWN_COOKIES = ("theme", "zone")  # with the language all that may tell one such visitor's page from another's
ASKED_BY = ("wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
ABOUT_THE_BODY = frozenset({"content-type", "content-length"})

T = TypeVar("T")
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A page as it was sent, good until ``until`` (of ``clock.monotonic``)."""

    until: float
    etag: str
    headers: Headers
    headers_not_modified: Headers
    body: bytes


_kept: dict[tuple[str, ...], Kept] = {}
_values: dict[tuple[Hashable, ...], tuple[float, Any]] = {}


def init_app(app: Flask) -> None:
    """To be called before any other part registers its hooks: the first one registered runs last."""
    with app.app_context():
        place = address()
    app.wsgi_app = _KeptPages(app.wsgi_app, place, app.config["SESSION_COOKIE_NAME"])  # type: ignore[method-assign]
    app.after_request(_keep)


def kept_briefly(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Keep what ``view`` answers to visitors without a session; they get an ETag and, where it fits, a 304."""

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if actor().anonymous:
            g.kept_as = request.environ.get(KEPT_AS)
        return view(*args, **kwargs)

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


class _KeptPages:
    """WSGI: a kept page where there is one, else the application."""

    def __init__(self, application: WSGIApplication, place: str, session_cookie: str) -> None:
        """``place``, the database, tells apart the sites of one process (tests have many)."""
        self.application = application
        self.place = place
        self.session_cookie = session_cookie

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        key = environ[KEPT_AS] = self.key_of(environ)
        kept = _kept.get(key) if key is not None else None
        if kept is None or kept.until < clock.monotonic():
            return self.application(environ, start_response)
        if is_resource_modified(environ, etag=kept.etag):
            start_response("200 OK", list(kept.headers))
            return [kept.body]
        start_response("304 NOT MODIFIED", list(kept.headers_not_modified))
        return []

    def key_of(self, environ: WSGIEnvironment) -> tuple[str, ...] | None:
        """What the answer may be kept under; None where it may not, nor be a kept one."""
        cookies = parse_cookie(environ)
        if environ["REQUEST_METHOD"] != "GET" or self.session_cookie in cookies:
            return None
        asked = (environ.get(name, "") for name in ASKED_BY)
        return (self.place, languages.current().code, *asked, *(cookies.get(name, "") for name in OWN_COOKIES))


def _keep(response: Response) -> Response:
    """After all other hooks: keep the page whose view asked for it, unless it says something to one visitor alone."""
    key = g.get("kept_as")
    if key is None or response.status_code != 200 or cookie.modified:
        return response
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"  # ask each time, and be told 304
    response.vary.add("Cookie")
    headers = response.get_wsgi_headers(request.environ).to_wsgi_list()
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[key] = Kept(
        clock.monotonic() + KEPT_FOR,
        response.headers["ETag"],
        headers,
        [(name, value) for name, value in headers if name.lower() not in ABOUT_THE_BODY],
        response.get_data(),
    )
    return response.make_conditional(request)
