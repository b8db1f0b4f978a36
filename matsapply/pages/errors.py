"""Error pages: what happened, and what to do. Every failure keeps the security headers and leaks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from matsapply.files.pdf_gate import BusyError
from matsapply.pages.phrases import sentence
from matsapply.platform.flask_db import db
from matsapply.platform.languages import lazy_gettext as _l
from matsapply.rules.refusals import Refused

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

TITLES = {
    400: (_l("This request could not be read"), _l("Go back, check what you entered and try again.")),
    401: (_l("Please sign in"), _l("This page is only for people who are signed in.")),
    403: (_l("You may not open this"), _l("Your roles do not include this page. If they should, ask an admin.")),
    404: (_l("There is nothing here"), _l("The address may be mistyped, or the page is not one you can see.")),
    405: (_l("This cannot be opened that way"), _l("Go back and use the button on the page.")),
    409: (_l("Something changed in the meantime"), _l("Reload the page, look at what changed and try again.")),
    410: (_l("This link is no longer valid"), _l("Ask for a new one.")),
    413: (_l("This is too large"), _l("Files may have up to 10 MB, texts up to 1 MB. Make it smaller and try again.")),
    429: (_l("Too many tries"), _l("Wait a few minutes, then try again.")),
    500: (_l("Something broke on our side"), _l("It has been noted. Try again in a minute; what you saved is safe.")),
    503: (_l("The system is busy"), _l("Try again in a few seconds; what you saved is safe.")),
}
CSRF_SENTENCE = _l(
    "The page was open too long or in another sign-in. Reload it and send it again; your saved text is safe."
)


def wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def answer(status: int, message: str = "", extra: dict[str, str] | None = None) -> ResponseReturnValue:
    """An error page (or JSON, where that was asked for) with the status."""
    title, advice = TITLES.get(status, TITLES[400 if status < 500 else 500])
    headers = {"Retry-After": "5"} if status == 503 else {}
    headers |= extra or {}
    if wants_json():
        return jsonify({"message": message or f"{title}. {advice}"}), status, headers
    words = {"status": status, "title": title, "advice": message or advice}
    if status == 503:
        return _alone(words), status, headers
    return render_template("errors/error.html", **words), status, headers


def _alone(words: dict[str, Any]) -> str:
    """The page for a database that does not answer: it must ask that database nothing, so it has no frame."""
    # Without the context processors of a page either: the sign-in's own loads the account.
    return current_app.jinja_env.get_template("errors/busy.html").render(**words)


def init_app(app: Flask) -> None:
    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        db.session.rollback()
        return answer(409, sentence(error.refusal))

    @app.errorhandler(CSRFError)
    def csrf(error: CSRFError) -> ResponseReturnValue:
        db.session.rollback()
        return answer(400, CSRF_SENTENCE)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        db.session.rollback()
        if error.response is not None:
            return error.response
        allow = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
        return answer(error.code or 500, extra=allow)

    @app.errorhandler(StaleDataError)
    @app.errorhandler(IntegrityError)
    def conflict(error: Exception) -> ResponseReturnValue:
        # Two writers met: a constraint or a version counter let one through, and this is the other.
        db.session.rollback()
        current_app.logger.warning("conflict: %s", type(error).__name__)
        return answer(409)

    @app.errorhandler(DataError)
    def unstorable(error: DataError) -> ResponseReturnValue:
        db.session.rollback()
        return answer(400)

    @app.errorhandler(BusyError)
    def busy(error: BusyError) -> ResponseReturnValue:
        db.session.rollback()
        return answer(503)

    @app.errorhandler(OperationalError)
    def unavailable(error: OperationalError) -> ResponseReturnValue:
        db.session.rollback()
        current_app.logger.exception("the database did not answer")
        return answer(503)

    @app.errorhandler(500)
    def broken(error: Exception) -> ResponseReturnValue:
        db.session.rollback()
        return answer(500)
