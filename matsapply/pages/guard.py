"""Every route says what it needs; one that says nothing answers 403."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import abort, current_app, g, redirect, request, url_for

from matsapply.rules.access import ANONYMOUS, Act, Actor, Reach, may

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

# Views of libraries, which cannot carry our decorator: endpoint -> act.
LIBRARY_ENDPOINTS: dict[str, Act] = {"static": Act.PUBLIC}


def needs(act: Act) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare what a view needs. The check itself runs before the view, in ``enforce``."""

    def mark(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        guarded.needs_act = act  # type: ignore[attr-defined]
        return guarded

    return mark


def declared_act(endpoint: str) -> Act | None:
    """The act an endpoint declares; None where it declares none."""
    if endpoint in LIBRARY_ENDPOINTS:
        return LIBRARY_ENDPOINTS[endpoint]
    view = current_app.view_functions.get(endpoint)
    return getattr(view, "needs_act", None)


def actor() -> Actor:
    """Who is asking, with the grants in force at this instant."""
    return g.get("actor", ANONYMOUS)


def allow(act: Act, reach: Reach | None = None) -> None:
    """Go on only if the actor may do ``act`` on something at ``reach``. Staff who lack a right get 403."""
    if not may(actor(), act, reach):
        abort(403)


def allow_or_absent(act: Act, reach: Reach) -> None:
    """The same for a single subject: what lies outside the actor's reach is not there."""
    if not may(actor(), act, reach):
        abort(404)


def enforce() -> Response | None:
    """Before every request: refuse what the endpoint's act does not allow. An unknown address is left to its 404."""
    if request.endpoint is None:
        return None
    act = declared_act(request.endpoint)
    if act is None:
        abort(403)
    if may(actor(), act):
        return None
    if actor().anonymous:
        if request.method == "GET" and "text/html" in request.headers.get("Accept", "text/html"):
            return redirect(url_for("security.login", next=request.full_path.rstrip("?")))
        abort(401)
    abort(403)
