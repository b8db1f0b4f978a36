"""The account's own pages: where to start, profile, security, the inbox, and the welcome of somebody invited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from flask_security.utils import login_user

from matsapply.applications.editing import editing
from matsapply.mail import actions as mail_actions, queries as mail_queries
from matsapply.mail.kinds import WORDS_SHOWN
from matsapply.pages.account import invitations
from matsapply.pages.account.forms import ProfileForm, WelcomeForm
from matsapply.pages.account.passwords import hash_password
from matsapply.pages.account.viewer import device_digest, signed_in, signs_in_by_passkey
from matsapply.pages.guard import actor, needs
from matsapply.pages.site import first_place
from matsapply.pages.widgets import path
from matsapply.people import actions, devices, queries
from matsapply.people.models import Account
from matsapply.platform import clock, languages
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.rules.access import Act, Actor, may
from matsapply.rules.stages import STAFF

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("account", __name__)

LAST_PAGE = 1000
ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")


class Piece(NamedTuple):
    """A part of a line of a message: text, and where it leads if it is an address of this site."""

    text: str
    href: str | None = None


@blueprint.get("/start")
@needs(Act.SIGNED_IN)
def start() -> ResponseReturnValue:
    """After signing in: the first of the person's own places; an applicant who can write no more sees the status."""
    held = editing(session(), actor(), clock.now()) if may(actor(), Act.APPLICATION_OWN) else None
    if not actor().roles & STAFF and held is not None and held.refusal is not None:
        return redirect(path("/status"), 303)
    return redirect(first_place(), 303)


# --- profile and security -----------------------------------------------------------------------------------------


@blueprint.route("/account", methods=["GET", "POST"])
@needs(Act.SIGNED_IN)
def profile() -> ResponseReturnValue:
    account = _own_account()
    form = ProfileForm(
        display_name=account.person.display_name,
        time_zone=account.person.time_zone,
        language=account.person.language or languages.current().code,
    )
    if form.validate_on_submit():
        actions.set_profile(
            session(),
            actor(),
            account,
            display_name=form.display_name.data or "",
            time_zone=form.time_zone.data,
            language=form.language.data,
            now=clock.now(),
        )
        languages.use(form.language.data)
        flash(_("Saved."), "good")
        return redirect(url_for("account.profile"), 303)
    addresses = queries.addresses_of(session(), account.person_id)
    page = render_template("account/profile.html", form=form, addresses=addresses, main_address=account.email)
    return page, 422 if form.errors else 200


@blueprint.get("/account/security")
@needs(Act.SIGNED_IN)
def security() -> ResponseReturnValue:
    account = _own_account()
    return render_template(
        "account/security.html",
        own=account,
        passkeys=queries.passkeys_of(session(), account.id),
        codes_left=len(account.mf_recovery_codes or ()),
        devices=devices.devices(session(), account.id, device_digest(), clock.now()),
    )


@blueprint.post("/account/devices/<public_id>/end")
@needs(Act.SIGNED_IN)
def end_device(public_id: str) -> ResponseReturnValue:
    """Sign one of one's devices out."""
    if not devices.end(session(), actor(), _own_account(), public_id, clock.now()):
        abort(404)
    flash(_("That device is signed out."), "good")
    return redirect(url_for("account.security"), 303)


@blueprint.get("/account/second-factor")
@needs(Act.SIGNED_IN)
def second_factor() -> ResponseReturnValue:
    """Where staff are led who have no second factor yet."""
    if signed_in().two_factors:
        return redirect(url_for("account.security"), 303)
    return render_template("account/second_factor.html", by_passkey=signs_in_by_passkey(signed_in()))


@blueprint.post("/account/sign-out-everywhere")
@needs(Act.SIGNED_IN)
def sign_out_everywhere() -> ResponseReturnValue:
    """End every other session; the one that asked goes on under a new mark."""
    account = _own_account()
    actions.end_sessions(session(), actor(), account, clock.now())
    login_user(account, authn_via=["sign_out_everywhere"])
    flash(_("Every other device is signed out."), "good")
    return redirect(url_for("account.security"), 303)


def _own_account() -> Account:
    account: Account = current_user._get_current_object()
    return account


# --- inbox --------------------------------------------------------------------------------------------------------


@blueprint.get("/inbox")
@needs(Act.SIGNED_IN)
def inbox() -> ResponseReturnValue:
    page = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    offset = (page - 1) * mail_queries.PAGE
    rows = mail_queries.inbox(session(), signed_in().person_id, offset=offset, limit=mail_queries.PAGE + 1)
    return render_template(
        "account/inbox.html",
        rows=rows[: mail_queries.PAGE],
        page=page,
        older=len(rows) > mail_queries.PAGE,
        unread=mail_queries.heard(session(), signed_in().person_id).unread,
    )


@blueprint.get("/inbox/<public_id>")
@needs(Act.SIGNED_IN)
def message(public_id: str) -> ResponseReturnValue:
    found = mail_queries.inbox_message(session(), signed_in().person_id, public_id)
    if found is None:
        abort(404)
    shown = found.in_portal or found.kind in WORDS_SHOWN
    return render_template(
        "account/message.html", message=found, paragraphs=paragraphs(found.text) if shown else [], shown=shown
    )


@blueprint.post("/inbox/<public_id>/read")
@needs(Act.SIGNED_IN)
def mark_read(public_id: str) -> ResponseReturnValue:
    if not mail_actions.mark_read(session(), signed_in().person_id, public_id, clock.now()):
        abort(404)
    return redirect(url_for("account.inbox"), 303)


@blueprint.post("/inbox/read")
@needs(Act.SIGNED_IN)
def mark_all_read() -> ResponseReturnValue:
    mail_actions.mark_all_read(session(), signed_in().person_id, clock.now())
    return redirect(url_for("account.inbox"), 303)


def paragraphs(text: str) -> list[list[list[Piece]]]:
    """A message's text as paragraphs of lines of pieces; addresses of this site become links, others stay text."""
    return [[_pieces(line) for line in block.split("\n")] for block in re.split(r"\n{2,}", text.strip())]


def _pieces(line: str) -> list[Piece]:
    base = current_app.extensions["matsapply.settings"].base_url.rstrip("/")
    found: list[Piece] = []
    end = 0
    for match in ADDRESS.finditer(line):
        found.append(Piece(line[end : match.start()]))
        address = match.group()
        ours = address == base or address.startswith(f"{base}/")
        found.append(Piece(address, path(address.removeprefix(base) or "/") if ours else None))
        end = match.end()
    found.append(Piece(line[end:]))
    return [piece for piece in found if piece.text]


# --- invitations --------------------------------------------------------------------------------------------------


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
@needs(Act.PUBLIC)
def welcome(token: str) -> ResponseReturnValue:
    """Somebody invited sets name and password, which also proves their address."""
    account = invitations.invited(token)
    if account is None:
        abort(410)
    judge = current_app.extensions["security"].password_util
    form = WelcomeForm(
        judge=judge,
        email=account.email,
        display_name=account.person.display_name,
        time_zone=account.person.time_zone,
    )
    if form.validate_on_submit():
        now, own = clock.now(), Actor(account.person_id)
        account.password, account.password_changed_at = hash_password(form.password.data or ""), now
        actions.set_profile(
            session(),
            own,
            account,
            display_name=form.display_name.data or "",
            time_zone=form.time_zone.data,
            language=languages.current().code,
            now=now,
        )
        actions.confirm_address(session(), own, account, now)
        actions.end_sessions(session(), own, account, now)
        flash(_("Your account is ready. Sign in with your new password."), "good")
        return redirect(url_for("security.login"), 303)
    page = render_template("account/welcome.html", form=form, email=account.email)
    return page, 422 if form.errors else 200
