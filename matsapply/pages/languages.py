"""Which language a page is written in.

The reader's own choice counts: the one stored with their person, else the cookie of the switch in the page's foot, else
what their browser asks for. The team's pages exist in English alone, whoever reads them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from flask import g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header, parse_cookie

from matsapply.platform import languages

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Response
    from werkzeug.wrappers import Response as AnyResponse

COOKIE = "language"
ASKED = "matsapply.language"  # in the environment of a request: what cookie and browser ask for
A_YEAR = 365 * 24 * 3600  # seconds
LONGEST = 300  # characters of an Accept-Language header that are looked at
IN_ENGLISH = frozenset({"admin", "reviewer", "mentor", "demo_mail", "demo_clock"})  # blueprints


def init_app(app: Flask) -> None:
    """To be called after what answers before Flask does (kept pages), and after who is looking is known."""
    app.wsgi_app = _Asked(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_settle)
    app.after_request(_say)
    app.jinja_env.globals["is_translated"] = is_translated


class _Asked:
    """WSGI: every answer, also one that never reaches Flask, is written in the language that was asked for."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[ASKED] = asked_for(environ)
        token = languages.use(environ[ASKED])
        try:
            return self.application(environ, start_response)
        finally:
            languages.stop(token)


def asked_for(environ: WSGIEnvironment) -> str:
    """The language of the cookie, else the best the browser accepts; one of ``languages.NAMES``."""
    if COOKIE in environ.get("HTTP_COOKIE", ""):
        chosen = parse_cookie(environ).get(COOKIE, "")
        if chosen in languages.NAMES:
            return chosen
    return _best(environ.get("HTTP_ACCEPT_LANGUAGE", "")[:LONGEST])


@lru_cache(maxsize=500)
def _best(header: str) -> str:
    accepted = parse_accept_header(header, LanguageAccept)
    return accepted.best_match(languages.NAMES, default=languages.SOURCE) or languages.SOURCE


def _settle() -> None:
    """Now that it is known who looks and at which page."""
    if not is_translated():
        languages.use(languages.SOURCE)
    elif chosen := g.get("viewer_language"):
        languages.use(chosen)


def is_translated() -> bool:
    """Whether the page being answered exists in every language of the site."""
    return request.blueprint not in IN_ENGLISH


def _say(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Language", languages.current().code)
        response.vary.update(("Accept-Language", "Cookie"))
    return response


def remember(response: AnyResponse, code: str) -> None:
    """Keep the choice with the browser, for pages that are read without signing in."""
    response.set_cookie(COOKIE, code, max_age=A_YEAR, samesite="Lax", secure=request.is_secure, httponly=True)
