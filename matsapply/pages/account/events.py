"""What follows when an account changes: an audit event, a notice to its owner, a fresh session."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import g, request, session as cookie
from flask_login import user_logged_out
from flask_security import signals
from flask_security.utils import login_user

from matsapply.audit import actions as audit
from matsapply.mail.kinds import Mail
from matsapply.mail.tokens import digest_of
from matsapply.pages.account.config import SESSION_DAYS
from matsapply.pages.account.viewer import BY_PASSKEY, DEVICE, device_digest
from matsapply.people import actions, devices
from matsapply.people.queries import passkeys_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.process import accounts
from matsapply.rules.access import Actor

if TYPE_CHECKING:
    from flask import Flask

    from matsapply.people.models import Account

# What a session keeps when somebody signs in; all else (a planted CSRF token above all) is left behind.
KEPT_AT_SIGN_IN = frozenset({"_user_id", "_fresh", "_id", "fs_cc", "fs_paa", "_flashes", BY_PASSKEY, DEVICE})
# What goes on in a session that was begun before: no new sign-in, so nothing new is known of the person.
GOES_ON = frozenset({"sign_out_everywhere", "change_email", "change"})


def init_app(app: Flask) -> None:
    """Listen to Flask-Security's signals of this application."""
    for signal, listener in (
        (signals.user_authenticated, _signed_in),
        (user_logged_out, _signed_out),
        (signals.user_confirmed, _confirmed),
        (signals.password_changed, _password_changed),
        (signals.password_reset, _password_reset),
        (signals.change_email_confirmed, _address_changed),
        (signals.tf_profile_changed, _codes_on),
        (signals.tf_disabled, _codes_off),
        (signals.wan_registered, _passkey_added),
        (signals.wan_deleted, _passkey_removed),
    ):
        signal.connect(listener, sender=app, weak=False)


def _signed_in(_app: Flask, user: Account, authn_via: list[str] | None = None, **_facts: Any) -> None:
    how = set(authn_via or ())
    if "webauthn" in how:
        cookie[BY_PASSKEY] = user.id
    elif not how & GOES_ON:
        cookie.pop(BY_PASSKEY, None)
    for name in set(cookie) - KEPT_AT_SIGN_IN:
        cookie.pop(name)
    g.pop("csrf_token", None)
    cookie.permanent = True
    _begin_device(user)
    _record(user, "account.signed_in")


def _begin_device(user: Account) -> None:
    former = device_digest()
    mark = cookie[DEVICE] = secrets.token_urlsafe(24)
    now = clock.now()
    devices.begin(
        session(),
        user,
        mark_digest=digest_of(mark),
        instead_of=former,
        name=devices.device_name(request.headers.get("User-Agent", "")),
        now=now,
        ends_at=now + timedelta(days=SESSION_DAYS),
    )


def _signed_out(_app: Flask, **_facts: Any) -> None:
    if mark := cookie.pop(DEVICE, None):
        devices.forget(session(), digest_of(str(mark)))


def _confirmed(_app: Flask, user: Account, **_facts: Any) -> None:
    actions.confirm_address(session(), _actor(user), user, clock.now())


def _password_changed(_app: Flask, user: Account, **_facts: Any) -> None:
    devices.forget_all(session(), user, but=device_digest())
    user.password_changed_at = clock.now()
    _record(user, "account.password_changed")


def _password_reset(_app: Flask, user: Account, **_facts: Any) -> None:
    devices.forget_all(session(), user)
    user.password_changed_at = clock.now()
    if user.confirmed_at is None:  # the link came by mail
        actions.confirm_address(session(), _actor(user), user, clock.now())
    _record(user, "account.password_reset")


def _address_changed(_app: Flask, user: Account, old_email: str, **_facts: Any) -> None:
    now, actor = clock.now(), _actor(user)
    was_here = cookie.get("_user_id") == user.fs_uniquifier
    actions.sync_address(session(), actor, user, old_email, now)
    # Links mailed to the old address carry the old mark: they stop working, as does every session.
    actions.end_sessions(session(), actor, user, now)
    _notice(user, _("The e-mail address of your account is now %(email)s.", email=user.email), recipient=old_email)
    if was_here:
        login_user(user, authn_via=["change_email"])


def _codes_on(_app: Flask, user: Account, **_facts: Any) -> None:
    _record(user, "account.codes_on")
    _notice(user, _("From now on, signing in asks for a code of your authenticator app."))


def _codes_off(_app: Flask, user: Account, **_facts: Any) -> None:
    user.mf_recovery_codes = None
    _record(user, "account.codes_off")
    _notice(user, _("Signing in no longer asks for a code of your authenticator app."))


def _passkey_added(_app: Flask, user: Account, name: str, **_facts: Any) -> None:
    if any(key.name == name and key.usage == "first" for key in passkeys_of(session(), user.id)):
        cookie[BY_PASSKEY] = user.id  # it was unlocked just now, in a session that a password began
    _record(user, "account.passkey_added")
    _notice(user, _("The passkey “%(name)s” was added to your account.", name=name))


def _passkey_removed(_app: Flask, user: Account, name: str, **_facts: Any) -> None:
    _record(user, "account.passkey_removed")
    _notice(user, _("The passkey “%(name)s” was removed from your account.", name=name))


def _notice(user: Account, sentence: str, recipient: str | None = None) -> None:
    accounts.tell(
        session(),
        user,
        Mail.ACCOUNT_NOTICE,
        clock.now(),
        recipient=recipient,
        notice=sentence,
    )


def _actor(user: Account) -> Actor:
    return Actor(user.person_id)


def _record(user: Account, action: str) -> None:
    audit.record(session(), _actor(user), action, clock.now(), subject_type="person", subject_id=user.person_id)
