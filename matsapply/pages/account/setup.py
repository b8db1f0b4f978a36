"""Accounts by Flask-Security: its views at our addresses, in our pages, in our unit of work.

The blueprint is made here rather than by the library, so that this table is all there is: an endpoint that is not in
it does not exist, and each says what it needs.
"""

from __future__ import annotations

import re
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from flask_login.utils import _user_context_processor
from flask_security import (
    Security,
    change_email as change_email_views,
    recovery_codes as recovery_views,
    tf_plugin as choice_views,
    views as library,
    webauthn as passkey_views,
)
from flask_security.babel import FsDomain
from flask_security.utils import validate_redirect_url
from wtforms.form import BaseForm

from matsapply.pages import guard
from matsapply.pages.account import events, forms, limits, viewer
from matsapply.pages.account.config import BLUEPRINT, security_config
from matsapply.pages.account.factors import OnceTotp, Passkeys
from matsapply.pages.account.mails import OutboxMail
from matsapply.pages.account.passwords import PasswordJudge
from matsapply.pages.account.store import AccountStore
from matsapply.rules.access import Act

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response
    from werkzeug.wrappers import Response as AnyResponse

    from matsapply.platform.settings import Settings

# A GET of these carries a single-use token from a mail, and changes what the token is for.
WRITING_GETS: frozenset[str] = frozenset({f"{BLUEPRINT}.confirm_email", f"{BLUEPRINT}.change_email_confirm"})

# Pages that only say "a mail is on its way": after the POST the reader is led on to these.
DONE_WITH: dict[str, str] = {
    "account/forgot_password.html": f"{BLUEPRINT}.login",
    "account/send_confirmation.html": f"{BLUEPRINT}.login",
    "account/change_email.html": "account.profile",
}


# Where a page of ours may lead: a path of this site. What browsers would read as another host is not one.
LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*\Z")


class Route(NamedTuple):
    """One view of the library: its endpoint (which the library links to by name), address, methods and act."""

    endpoint: str
    address: str
    view: Callable[..., Any]
    methods: tuple[str, ...] = ("GET", "POST")
    act: Act = Act.PUBLIC


def _strangers_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """For steps of signing in: the library would sign out whoever is signed in already and opens them by a link."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if current_user.is_authenticated:
            return redirect(url_for("account.start"), 303)
        return view(*args, **kwargs)

    return guarded


def _to_recovery_code() -> AnyResponse:
    """The library links to its own page for lost devices; ours is the one for recovery codes."""
    return redirect(url_for(f"{BLUEPRINT}.mf_recovery"))


POST, OWN = ("POST",), Act.SIGNED_IN
ROUTES = (
    Route("login", "/login", library.login),
    Route("logout", "/logout", library.logout, POST),
    Route("register", "/register", library.register),
    Route("send_confirmation", "/confirm", library.send_confirmation),
    Route("confirm_email", "/confirm/<token>", library.confirm_email, ("GET",)),
    Route("forgot_password", "/reset", library.forgot_password),
    Route("reset_password", "/reset/<token>", library.reset_password),
    Route("verify", "/verify", library.verify, act=OWN),
    Route("two_factor_token_validation", "/login/code", _strangers_only(library.two_factor_token_validation)),
    Route("tf_select", "/login/second-step", _strangers_only(choice_views.tf_select)),
    Route("two_factor_rescue", "/login/lost-device", _to_recovery_code, ("GET",)),
    Route("mf_recovery", "/login/recovery-code", recovery_views.mf_recovery),
    Route("wan_signin", "/login/passkey", passkey_views.webauthn_signin),
    Route(
        "wan_signin_response",
        "/login/passkey/<token>",
        _strangers_only(passkey_views.webauthn_signin_response),
        POST,
    ),
    Route("wan_verify", "/verify/passkey", passkey_views.webauthn_verify, act=OWN),
    Route("wan_verify_response", "/verify/passkey/<token>", passkey_views.webauthn_verify_response, POST, OWN),
    Route("change_password", "/account/password", library.change_password, act=OWN),
    Route("change_email", "/account/address", change_email_views.change_email, act=OWN),
    Route("change_email_confirm", "/account/address/<token>", change_email_views.change_email_confirm, ("GET",)),
    Route("two_factor_setup", "/account/codes", library.two_factor_setup, act=OWN),
    Route("two_factor_setup_validate", "/account/codes/<token>", library.two_factor_setup_validate, POST, OWN),
    Route("mf_recovery_codes", "/account/recovery-codes", recovery_views.mf_recovery_codes, act=OWN),
    Route("wan_register", "/account/passkeys", passkey_views.webauthn_register, act=OWN),
    Route("wan_register_response", "/account/passkeys/<token>", passkey_views.webauthn_register_response, POST, OWN),
    Route("wan_delete", "/account/passkeys/remove", passkey_views.webauthn_delete, POST, OWN),
)
guard.LIBRARY_ENDPOINTS.update({f"{BLUEPRINT}.{route.endpoint}": route.act for route in ROUTES})


def init_app(app: Flask, settings: Settings) -> None:
    """Register accounts: the library, its views, the limits on tries, and the hook that says who is looking."""
    app.config.update(security_config(settings))
    security = Security(
        app,
        AccountStore(),
        register_blueprint=False,
        render_template=render,
        mail_util_cls=OutboxMail,
        password_util_cls=PasswordJudge,
        totp_cls=OnceTotp,
        webauthn_util_cls=Passkeys,
        login_form=forms.SignInForm,
        register_form=forms.JoinForm,
        forgot_password_form=forms.ForgottenForm,
        reset_password_form=forms.NewPasswordForm,
        change_password_form=forms.ChangeForm,
        change_email_form=forms.NewAddressForm,
        send_confirmation_form=forms.ConfirmAgainForm,
        verify_form=forms.ItIsMeForm,
        two_factor_setup_form=forms.FactorForm,
        two_factor_verify_code_form=forms.CodeForm,
        two_factor_rescue_form=forms.NoRescueForm,
        two_factor_select_form=forms.SecondStepForm,
        mf_recovery_form=forms.RecoveryCodeForm,
        wan_register_form=forms.PasskeyForm,
        wan_signin_form=forms.PasskeySignInForm,
        wan_signin_response_form=forms.PasskeyAnswerForm,
    )
    security.i18n_domain = _Words(app)
    security.want_json(lambda _request: False)
    security.login_manager.request_loader(lambda _request: None)  # sessions only: no tokens, no basic authentication
    # Before every request, and for every page, the library would load the whole account: viewer.py reads what we need.
    app.before_request_funcs[None].remove(security.principal._on_before_request)
    app.template_context_processors[None].remove(_user_context_processor)
    events.init_app(app)
    limits.init_app(app, settings)
    viewer.init_app(app, settings)
    app.register_blueprint(_blueprint())


class _Words(FsDomain):
    """The library's way to words: what it flashes goes into a session and must be a plain string by then."""

    @staticmethod
    def gettext(string: Any, **values: Any) -> str:
        return string % values if values else str(string)


def _blueprint() -> Blueprint:
    blueprint = Blueprint(BLUEPRINT, __name__)
    for route in ROUTES:
        blueprint.add_url_rule(route.address, route.endpoint, route.view, methods=route.methods)

    @blueprint.before_request
    def forms_only() -> None:
        if request.is_json:
            abort(415)
        for address in request.values.getlist("next"):
            try:
                validate_redirect_url(address)
            except ValueError:  # the library takes it apart unguarded: what begins like a host and is none
                abort(400)

    @blueprint.after_request
    def lead_on(response: Response) -> Response:
        if response.status_code == 302:
            response.status_code = 303 if request.method == "POST" else 302
            response.location = local(response.location or "")
        return response

    return blueprint


def local(location: str) -> str:
    """``location`` if it is a path of this site, without a ``next`` that is none; else the page after signing in."""
    if not LOCAL.match(location):
        return url_for("account.start")
    parts = urlsplit(location)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "next" or LOCAL.match(value)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def render(template: str, **context: Any) -> Any:
    """A page of the library: 422 where a form was refused, and the next page where a POST has nothing left to show."""
    refused = any(value.errors for value in context.values() if isinstance(value, BaseForm))
    if request.method == "POST" and not refused and template in DONE_WITH:
        return redirect(url_for(DONE_WITH[template]), 303)
    page = render_template(template, **context)
    return make_response(page, 422) if refused and request.method == "POST" else page
