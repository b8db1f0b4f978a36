"""Who is looking: loaded for every request that carries a session, by one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import abort, current_app, g, redirect, request, session as cookie, url_for

from matsapply.mail.tokens import digest_of
from matsapply.people import queries
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.rules.access import ANONYMOUS

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response

    from matsapply.platform.settings import Settings

# In a session's cookie: the account that a passkey signed in, unlocked by its owner and so two factors in one.
BY_PASSKEY = "by_passkey"
# In a session's cookie: what tells this sign-in from all others of the account; kept as a digest.
DEVICE = "device"
# Where staff without a second factor may go: to set one up, to prove who they are, to leave.
BEFORE_SECOND_FACTOR = frozenset(
    {
        "account.second_factor",
        "security.two_factor_setup",
        "security.two_factor_setup_validate",
        "security.wan_register",
        "security.wan_register_response",
        "security.verify",
        "security.wan_verify",
        "security.wan_verify_response",
        "security.logout",
        "site.healthz",
        "theme",
        "language",
    }
)
# The same for staff who sign in by passkey and came with their password alone: adding another factor here would make
# the password enough.
BEFORE_PASSKEY = frozenset({"account.second_factor", "security.logout", "site.healthz", "theme", "language"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in account as plain values: they outlive the transaction, so that error pages need no query."""

    account_id: int
    person_id: int
    person_public_id: str
    name: str
    email: str
    two_factors: bool  # a password alone does not sign this account in, or this session began with a passkey


@dataclass(frozen=True, slots=True)
class Menu:
    """What the layouts show of the account."""

    name: str
    links: tuple[tuple[str, str], ...]
    logout: str


def init_app(app: Flask, settings: Settings) -> None:
    app.before_request(_load)
    if not settings.demo:
        app.before_request(_second_factor_first)
    app.context_processor(lambda: {"account": menu})


def viewer() -> Viewer | None:
    """The signed-in account, or None."""
    found: Viewer | None = g.get("viewer")
    return found


def signed_in() -> Viewer:
    """The same in views that need somebody signed in."""
    found = viewer()
    if found is None:
        abort(401)
    return found


def menu() -> Menu | None:
    """The account menu of the layouts."""
    who = viewer()
    if who is None:
        return None
    links = (
        (_("Inbox"), url_for("account.inbox")),
        (_("Profile"), url_for("account.profile")),
        (_("Security"), url_for("account.security")),
    )
    return Menu(who.name, links, url_for("security.logout"))


def _load() -> None:
    """Who is looking, in one query. Flask-Login's ``current_user``, a whole object, is left to the library's views."""
    g.actor = ANONYMOUS
    mark = cookie.get("_user_id") if request.endpoint != "static" else None
    if mark is None:
        return
    found = queries.signed_in(session(), str(mark), device_digest(), clock.now())
    if found is None:
        # The library looks at the mark alone: a device that is signed out must not keep it.
        cookie.pop("_user_id")
        return
    g.viewer = Viewer(
        account_id=found.account_id,
        person_id=found.person_id,
        person_public_id=found.person_public_id,
        name=found.name,
        email=found.email,
        two_factors=found.has_second_factor or cookie.get(BY_PASSKEY) == found.account_id,
    )
    g.viewer_zone = found.time_zone
    g.viewer_language = found.language
    g.actor = found.actor


def device_digest() -> str:
    """The digest of this browser's own sign-in; that of an empty text where it has none."""
    return digest_of(str(cookie.get(DEVICE, "")))


def signs_in_by_passkey(who: Viewer) -> bool:
    """Whether the account has a passkey that stands in for the password."""
    return any(key.usage == "first" for key in queries.passkeys_of(session(), who.account_id))


def _second_factor_first() -> Response | None:
    """Whoever sees other people's applications signs in with two factors, or sees nothing yet."""
    who = viewer()
    if who is None or who.two_factors or not g.actor.is_staff:
        return None
    view = current_app.view_functions.get(request.endpoint or "")
    open_pages = BEFORE_PASSKEY if signs_in_by_passkey(who) else BEFORE_SECOND_FACTOR
    if view is None or request.endpoint in open_pages:
        return None
    if request.method in {"GET", "HEAD"} and (not request.accept_mimetypes or request.accept_mimetypes.accept_html):
        return redirect(url_for("account.second_factor"), 303)
    abort(403)
