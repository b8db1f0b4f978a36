"""The composition root: ``create_app`` puts the parts together."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from flask import Flask, abort, has_request_context, request
from flask.json.provider import DefaultJSONProvider
from flask.templating import Environment
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

from matsapply.audit import actions as audit
from matsapply.jobs import app as jobs
from matsapply.mail import outbox
from matsapply.pages import errors, guard, headers, languages as reader_languages, site, widgets
from matsapply.pages.account import setup as account_setup
from matsapply.pages.public import caching
from matsapply.pages.registry import blueprints
from matsapply.platform import clock, flask_db, languages, settings as settings_module, storage
from matsapply.platform.languages import Later
from matsapply.platform.settings import ROOT, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from flask.typing import ResponseReturnValue

MAX_REQUEST_BYTES = 12 * 1024 * 1024
MAX_FORM_BYTES = 4 * 1024 * 1024

MOST_ADDRESSES = 5000


class Csrf(CSRFProtect):
    """Forms must carry their token. A part of a form without a name, at which the library stumbles, is no form."""

    def protect(self, *args: Any, **kwargs: Any) -> None:
        if None in request.form:
            abort(400)
        super().protect(*args, **kwargs)


csrf = Csrf()


class Templates(Environment):
    """Jinja's environment; the globals of a template are the site's, in one plain dictionary: each page imports dozens
    of macros, and looking through Jinja's chain of dictionaries at every import costs more than most queries."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **d} if d else self.globals


class Json(DefaultJSONProvider):
    """Answers to scripts; a text that waits for its reader is put into their language."""

    @staticmethod
    def default(o: Any) -> Any:  # type: ignore[override]
        return str(o) if isinstance(o, Later) else DefaultJSONProvider.default(o)


class LateRule(Rule):
    """A route whose addresses are put together by code that is compiled when the first one is asked for.

    Werkzeug compiles two functions for each route as it is added: nine tenths of what it takes to build the site.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            if not made:
                made.append(compiled(append_unknown))
            return made[0](rule, **values)

        return build


class App(Flask):
    """Flask with the unit of work: one commit for each unsafe request that succeeded.

    A name that a template does not know is an error.
    """

    url_rule_class = LateRule
    json_provider_class = Json
    jinja_environment = Templates
    jinja_options = {"undefined": StrictUndefined}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._addresses: dict[tuple[Any, ...], str] = {}

    def url_for(self, /, endpoint: str, **values: Any) -> str:  # type: ignore[override]
        """An address within the site, remembered: a page has dozens, and nearly all were written before."""
        if not has_request_context() or endpoint.startswith(".") or any(name[:1] == "_" for name in values):
            return super().url_for(endpoint, **values)
        key = (endpoint, request.root_path, *values.items())
        try:
            found = self._addresses.get(key)
        except TypeError:  # a value that is no key, such as a list
            return super().url_for(endpoint, **values)
        if found is None:
            if len(self._addresses) >= MOST_ADDRESSES:
                self._addresses.clear()
            found = self._addresses[key] = super().url_for(endpoint, **values)
        return found

    def dispatch_request(self) -> ResponseReturnValue:
        response = self.make_response(super().dispatch_request())
        flask_db.finish_request(response.status_code)
        return response


def create_app(settings: Settings | None = None) -> App:
    """Build the application. Reads no clock and writes nothing; the database may still be at any revision."""
    settings = settings or settings_module.load()
    settings.data.mkdir(parents=True, exist_ok=True)
    app = App("matsapply", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "matsapply" / "static"))
    app.config.update(_flask_config(settings))
    app.extensions["matsapply.settings"] = settings
    if settings.demo:
        clock.install(clock.DemoClock(settings.data / "demo-clock"))
    flask_db.init_app(app, settings)
    caching.init_app(app)
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    languages.check_compiled()
    outbox.configure(settings)
    storage.configure(settings.storage)
    jobs.init_app(app, settings)
    csrf.init_app(app)
    app.before_request(_start_request)
    widgets.init_app(app)
    account_setup.init_app(app, settings)
    reader_languages.init_app(app)
    app.before_request(guard.enforce)
    headers.init_app(app, settings)
    errors.init_app(app)
    site.init_app(app, settings)
    for blueprint in blueprints(settings):
        app.register_blueprint(blueprint)
    return app


def _flask_config(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "TRUSTED_HOSTS": list(settings.hosts),
        "MAX_CONTENT_LENGTH": MAX_REQUEST_BYTES,
        "MAX_FORM_MEMORY_SIZE": MAX_FORM_BYTES,
        "MAX_FORM_PARTS": 2000,
        "SESSION_COOKIE_NAME": "matsapply",
        "SESSION_COOKIE_SECURE": settings.secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": 14 * 24 * 3600,
        "WTF_CSRF_TIME_LIMIT": None,  # bound to the session: a form open for three hours still saves
        "WTF_CSRF_SSL_STRICT": settings.secure,
        "PREFERRED_URL_SCHEME": "https" if settings.secure else "http",
        "TEMPLATES_AUTO_RELOAD": False,
    }


def _start_request() -> None:
    audit.request_id.set(secrets.token_hex(8))
    # A GET of these library views changes something: it carries a single-use token from a mail.
    flask_db.begin_request(account_setup.WRITING_GETS)
