"""Who is looking: loaded for every request that carries a session, at most two queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import abort, current_app, g, redirect, request, url_for
from flask_login import current_user

from matsapply.people import queries
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import ANONYMOUS

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response

    from matsapply.platform.settings import Settings

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
    }
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in account as plain values: they outlive the transaction, so that error pages need no query."""

    account_id: int
    person_id: int
    person_public_id: str
    name: str
    email: str
    has_second_factor: bool


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
        ("Inbox", url_for("account.inbox")),
        ("Profile", url_for("account.profile")),
        ("Security", url_for("account.security")),
    )
    return Menu(who.name, links, url_for("security.logout"))


def _load() -> None:
    g.actor = ANONYMOUS
    if request.endpoint == "static" or not current_user.is_authenticated:
        return
    account = current_user._get_current_object()
    g.viewer = Viewer(
        account_id=account.id,
        person_id=account.person_id,
        person_public_id=account.person.public_id,
        name=account.person.display_name,
        email=account.email,
        has_second_factor=account.has_second_factor,
    )
    g.viewer_zone = account.person.time_zone
    g.actor = queries.actor_of(session(), account.person_id, clock.now())


def _second_factor_first() -> Response | None:
    """Whoever sees other people's applications signs in with two factors, or sees nothing yet."""
    who = viewer()
    if who is None or who.has_second_factor or not g.actor.is_staff:
        return None
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint in BEFORE_SECOND_FACTOR:
        return None
    if request.method in {"GET", "HEAD"} and (not request.accept_mimetypes or request.accept_mimetypes.accept_html):
        return redirect(url_for("account.second_factor"), 303)
    abort(403)
