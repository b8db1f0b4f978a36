"""One's own data: a copy to take along, consents, and erasure in two steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, request, session as cookie, url_for
from flask_login import current_user
from flask_security.utils import check_and_update_authn_fresh

from matsapply.files.queries import own_export, own_exports
from matsapply.pages.account.config import FRESH_FOR
from matsapply.pages.account.viewer import signed_in
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.people.consents import Purpose, consents, given, set_consents
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l
from matsapply.process import erasure, own_data
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("own_data", __name__, url_prefix="/account/data")

PURPOSES = {
    Purpose.LATER_COHORTS: _l("The team may write to me about later cohorts."),
    Purpose.REFERRAL: _l("If there is no place for me, the team may give my name and address to other programmes."),
    Purpose.RESEARCH: _l("My answers may be used, without my name, to study how well the selection works."),
}
# Why nothing can be erased now, and what to do.
OBSTACLES = {
    Code.WRONG_STATE: _l("You have an application that still runs. Withdraw it first, on your status page."),
    Code.OTHER_ACCEPTED: _l("You have accepted a place, and the programme rests on it. Ask the team to end it first."),
    Code.WRONG_ROLE: _l("You work for the programme. An admin has to end your roles first."),
    Code.EXPIRED: _l("Your request has ended, because nobody confirmed it within a week. Ask again below."),
    Code.NO_CHANGE: _l("This is already so; nothing was changed."),
}


def _stale(endpoint: str) -> ResponseReturnValue | None:
    """Whoever found a session open must not carry the data away: the owner proves who they are again."""
    # Looking at the library's own account is what makes it read from the session when that was.
    if current_user.is_authenticated and check_and_update_authn_fresh(FRESH_FOR, FRESH_FOR, "session"):
        return None
    flash(_("Please confirm that it is you."), "info")
    return redirect(url_for("security.verify", next=url_for(endpoint)), 303)


@blueprint.get("")
@needs(Act.SIGNED_IN)
def page() -> ResponseReturnValue:
    """The three together."""
    return _page()


def _page(problem: str = "", status: int = 200) -> ResponseReturnValue:
    person_id = signed_in().person_id
    now = clock.now()
    exports = own_exports(session(), person_id)
    shown = render_template(
        "account/data.html",
        exports=exports,
        building=any(one.request.done_at is None for one in exports),
        purposes=PURPOSES,
        given=given(session(), person_id),
        consents=consents(session(), person_id),
        asked=erasure.open_request(session(), person_id, now),
        problem=problem,
        at=now,
    )
    return shown, status


# --- a copy -------------------------------------------------------------------------------------------------------


@blueprint.post("/export")
@needs(Act.SIGNED_IN)
def ask_for_export() -> ResponseReturnValue:
    """Ask for a copy; it is built beside, and a mail tells when it is there."""
    if (away := _stale("own_data.page")) is not None:
        return away
    try:
        own_data.ask_for_export(session(), actor(), clock.now())
    except Refused:
        session().rollback()
        return _page(_("A copy is being made already. It is here in a moment."), 409)
    flash(_("Your copy is being made. You get a mail when it is ready."), "good")
    return redirect(url_for("own_data.page"), 303)


@blueprint.get("/export/<public_id>")
@needs(Act.SIGNED_IN)
def download(public_id: str) -> ResponseReturnValue:
    """The ZIP, for its owner alone and until it expires."""
    found = own_export(session(), signed_in().person_id, public_id, clock.now())
    if found is None:
        abort(404)
    if (away := _stale("own_data.page")) is not None:
        return away
    return response_for(found)


# --- consents -----------------------------------------------------------------------------------------------------


@blueprint.post("/consents")
@needs(Act.SIGNED_IN)
def change_consents() -> ResponseReturnValue:
    """Agree to what is ticked and to nothing else."""
    wanted = set(request.form.getlist("consent"))
    if wanted - set(Purpose):
        abort(400)
    changed = set_consents(session(), actor(), [Purpose(each) for each in wanted], clock.now())
    flash(_("Saved.") if changed else _("Nothing was changed."), "good" if changed else "info")
    return redirect(url_for("own_data.page"), 303)


# --- erasure ------------------------------------------------------------------------------------------------------


@blueprint.get("/erasure")
@needs(Act.SIGNED_IN)
def erasure_page() -> ResponseReturnValue:
    """What goes, what stays and why; and the step that comes next."""
    return _erasure_page()


def _erasure_page(problems: tuple[tuple[str | None, str], ...] = (), status: int = 200) -> ResponseReturnValue:
    who = signed_in()
    now = clock.now()
    obstacle = erasure.obstacle(session(), who.person_id, now)
    asked = erasure.open_request(session(), who.person_id, now)
    shown = render_template(
        "account/erasure.html",
        obstacle=str(OBSTACLES[obstacle]) if obstacle else "",
        runs=obstacle is Code.WRONG_STATE,
        asked=asked,
        until=asked.created_at + erasure.CONFIRM_WITHIN if asked else None,
        email=who.email,
        typed=request.form.get("email", ""),
        problems=list(problems),
    )
    return shown, status


@blueprint.post("/erasure/<step>")
@needs(Act.SIGNED_IN)
def erasure_step(step: str) -> ResponseReturnValue:
    """ask, take-back or confirm. Only the last one erases, and it asks for the address to be typed."""
    if step not in {"ask", "take-back", "confirm"}:
        abort(404)
    if (away := _stale("own_data.erasure_page")) is not None:
        return away
    typed, own = request.form.get("email", "").strip().lower(), signed_in().email
    if step == "confirm" and typed != own.lower():
        return _erasure_page((("email", _("Type the address you sign in with: %(email)s", email=own)),), 422)
    try:
        match step:
            case "ask":
                erasure.ask(session(), actor(), clock.now())
                flash(_("Nothing is erased yet. Confirm below, within a week."), "info")
            case "take-back":
                erasure.take_back(session(), actor(), clock.now())
                flash(_("The request is taken back. Nothing was erased."), "good")
            case _:
                erasure.erase(session(), actor(), clock.now())
                cookie.clear()
                flash(_("Your data has been erased, and you are signed out."), "good")
                return redirect(url_for("public.home"), 303)
    except Refused as refused:
        session().rollback()
        return _erasure_page(((None, str(OBSTACLES[refused.refusal.code])),), 409)
    return redirect(url_for("own_data.erasure_page"), 303)
