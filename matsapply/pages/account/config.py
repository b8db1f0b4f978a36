"""How Flask-Security is set up: what is on, where the pages are, what they say."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from matsapply.pages.widgets import SITE_NAME
from matsapply.platform import clock
from matsapply.platform.languages import lazy_gettext as _l

if TYPE_CHECKING:
    from matsapply.platform.settings import Settings

BLUEPRINT = "security"
SESSION_DAYS = 14
CONFIRM_WITHIN = timedelta(days=2)
RESET_WITHIN = timedelta(hours=2)
CHANGE_ADDRESS_WITHIN = timedelta(hours=2)
INVITATION_WITHIN = timedelta(days=14)
FRESH_FOR = timedelta(minutes=30)
SHORTEST_PASSWORD = 12  # characters
RECOVERY_CODES = 8

# OWASP's smallest setting of argon2id: about 20 ms and 19 MiB for one password.
ARGON2 = {"argon2__type": "ID", "argon2__memory_cost": 19456, "argon2__time_cost": 2, "argon2__parallelism": 1}

# The library asks for a template by name where a page is shown; each of ours stands in templates/account.
TEMPLATES = {
    "LOGIN_USER": "login",
    "REGISTER_USER": "register",
    "FORGOT_PASSWORD": "forgot_password",
    "RESET_PASSWORD": "reset_password",
    "CHANGE_PASSWORD": "change_password",
    "CHANGE_EMAIL": "change_email",
    "SEND_CONFIRMATION": "send_confirmation",
    "VERIFY": "verify",
    "TWO_FACTOR_SETUP": "two_factor_setup",
    "TWO_FACTOR_VERIFY_CODE": "two_factor_code",
    "TWO_FACTOR_SELECT": "two_factor_select",
    "MULTI_FACTOR_RECOVERY": "recovery_code",
    "MULTI_FACTOR_RECOVERY_CODES": "recovery_codes",
    "WAN_REGISTER": "passkeys",
    "WAN_SIGNIN": "passkey_sign_in",
    "WAN_VERIFY": "passkey_verify",
}

# What the pages say, with the kind of the message as our layouts know it.
MESSAGES: dict[str, tuple[str, str]] = {
    "GENERIC_AUTHN_FAILED": (_l("The address or the password is not right."), "bad"),
    "CONFIRM_REGISTRATION": (_l("We have sent a mail to %(email)s. Open the link in it, then sign in."), "good"),
    "EMAIL_CONFIRMED": (_l("Your address is confirmed. You can sign in now."), "good"),
    "ALREADY_CONFIRMED": (_l("This address is confirmed already. You can sign in."), "info"),
    "INVALID_CONFIRMATION_TOKEN": (_l("This link does not work (any more). Ask for a new one here."), "bad"),
    "CONFIRMATION_EXPIRED": (_l("This link was good for %(within)s. Ask for a new one here."), "warn"),
    "CONFIRMATION_REQUEST": (_l("If %(email)s waits to be confirmed, a new link is on its way."), "info"),
    "CONFIRMATION_REQUIRED": (_l("Confirm your address first: open the link in the mail we sent."), "warn"),
    "PASSWORD_RESET_REQUEST": (_l("If %(email)s belongs to an account, a mail with a link is on its way."), "info"),
    "PASSWORD_RESET_EXPIRED": (_l("This link was good for %(within)s. Ask for a new one here."), "warn"),
    "INVALID_RESET_PASSWORD_TOKEN": (_l("This link does not work (any more). Ask for a new one here."), "bad"),
    "PASSWORD_RESET_NO_LOGIN": (_l("Your new password is set. Sign in with it."), "good"),
    "PASSWORD_CHANGE": (_l("Your password is changed, and every other device is signed out."), "good"),
    "PASSWORD_IS_THE_SAME": (_l("Choose another password than the present one."), "bad"),
    "PASSWORD_INVALID_LENGTH": (_l("Use at least %(length)s characters."), "bad"),
    "PASSWORD_NOT_PROVIDED": (_l("Enter a password."), "bad"),
    "RETYPE_PASSWORD_MISMATCH": (_l("The two passwords differ."), "bad"),
    "INVALID_PASSWORD": (_l("This is not your password."), "bad"),
    "EMAIL_NOT_PROVIDED": (_l("Enter your e-mail address."), "bad"),
    "INVALID_EMAIL_ADDRESS": (_l("Write an address with an @, such as ada@example.org."), "bad"),
    "DISABLED_ACCOUNT": (_l("This account is closed. Write to us if it should not be."), "bad"),
    "INVALID_REDIRECT": (_l("That address is not a page of this site."), "bad"),
    "UNAUTHENTICATED": (_l("Sign in to open that page."), "info"),
    "REAUTHENTICATION_REQUIRED": (_l("Please confirm that it is you."), "info"),
    "REAUTHENTICATION_SUCCESSFUL": (_l("Thank you."), "good"),
    "TWO_FACTOR_INVALID_TOKEN": (_l("This code does not match. Type the one the app shows now."), "bad"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (_l("You are signed in."), "good"),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        _l("The second step is on: from now on the app's code is asked for."),
        "good",
    ),
    "TWO_FACTOR_PERMISSION_DENIED": (_l("Start with your address and password."), "info"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (_l("Choose one of the ways shown."), "bad"),
    "TWO_FACTOR_DISABLED": (_l("The codes of the app are no longer asked for."), "good"),
    "TWO_FACTOR_SETUP_EXPIRED": (_l("Setting it up took longer than %(within)s. Please start again."), "warn"),
    "INVALID_RECOVERY_CODE": (_l("This is not one of your unused recovery codes."), "bad"),
    "NO_RECOVERY_CODES_SETUP": (_l("You have no recovery codes yet."), "info"),
    "WEBAUTHN_EXPIRED": (_l("This took longer than %(within)s. Please start again."), "warn"),
    "WEBAUTHN_NAME_REQUIRED": (_l("Give the passkey a name, such as “work laptop”."), "bad"),
    "WEBAUTHN_NAME_INUSE": (_l("You have a passkey called %(name)s already."), "bad"),
    "WEBAUTHN_NAME_NOT_FOUND": (_l("You have no passkey called %(name)s."), "bad"),
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": (_l("Use letters, numbers, spaces, - and _ in the name."), "bad"),
    "WEBAUTHN_CREDENTIAL_DELETED": (_l("The passkey %(name)s is removed."), "good"),
    "WEBAUTHN_REGISTER_SUCCESSFUL": (_l("The passkey %(name)s is added."), "good"),
    "WEBAUTHN_CREDENTIAL_ID_INUSE": (_l("This passkey is registered already."), "bad"),
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": (_l("This passkey did not work here."), "bad"),
    "WEBAUTHN_ORPHAN_CREDENTIAL_ID": (_l("This passkey did not work here."), "bad"),
    "WEBAUTHN_NO_VERIFY": (_l("This passkey did not work here."), "bad"),
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": (_l("This passkey was added for another use."), "bad"),
    "WEBAUTHN_MISMATCH_USER_HANDLE": (_l("This passkey belongs to another account."), "bad"),
    "CHANGE_EMAIL_SENT": (_l("We have sent a mail to %(email)s. Open the link in it to finish."), "info"),
    "CHANGE_EMAIL_CONFIRMED": (_l("Your new address is in use."), "good"),
    "CHANGE_EMAIL_EXPIRED": (_l("This link was good for %(within)s. Start again here."), "warn"),
    "API_ERROR": (_l("This could not be read. Please start again."), "bad"),
    "INVALID_CODE": (_l("This code does not match."), "bad"),
}


def security_config(settings: Settings) -> dict[str, Any]:
    """Everything Flask-Security (and the session it signs people in with) reads from the configuration."""
    config: dict[str, Any] = {
        "PASSWORD_SALT": settings.password_salt,
        "PASSWORD_HASH": "argon2",
        "PASSWORD_SCHEMES": ["argon2"],
        "PASSWORD_HASH_PASSLIB_OPTIONS": ARGON2,
        "PASSWORD_LENGTH_MIN": SHORTEST_PASSWORD,
        "PASSWORD_CONFIRM_REQUIRED": False,
        # Digests of an address or a password hash inside signed links; the library's default takes a third of a second.
        "HASHING_SCHEMES": ["hex_sha256"],
        "DEPRECATED_HASHING_SCHEMES": [],
        "RETURN_GENERIC_RESPONSES": True,
        "REGISTERABLE": True,
        "CONFIRMABLE": True,
        "RECOVERABLE": True,
        "CHANGEABLE": True,
        "CHANGE_EMAIL": True,
        "TRACKABLE": True,
        "CONFIRM_EMAIL_WITHIN": CONFIRM_WITHIN,
        "RESET_PASSWORD_WITHIN": RESET_WITHIN,
        "CHANGE_EMAIL_WITHIN": CHANGE_ADDRESS_WITHIN,
        "FRESHNESS": FRESH_FOR,
        "FRESHNESS_GRACE_PERIOD": FRESH_FOR,
        "TWO_FACTOR": True,
        "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "TWO_FACTOR_RESCUE_EMAIL": False,
        "TOTP_SECRETS": {"1": _derived(settings, "totp").hex()},
        "TOTP_ISSUER": SITE_NAME,
        "MULTI_FACTOR_RECOVERY_CODES": True,
        "MULTI_FACTOR_RECOVERY_CODES_N": RECOVERY_CODES,
        "MULTI_FACTOR_RECOVERY_CODES_KEYS": [base64.urlsafe_b64encode(_derived(settings, "recovery codes"))],
        "WEBAUTHN": True,
        "WAN_RP_NAME": SITE_NAME,
        "WAN_ALLOW_USER_HINTS": False,
        "API_ENABLED_METHODS": ["session"],
        "DATETIME_FACTORY": clock.now,
        "JOIN_USER_ROLES": False,
        "CLI_USERS_NAME": None,
        "CLI_ROLES_NAME": None,
        # The words of the mails stand in templates/mail; MailUtil is handed the facts only.
        "EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "test_environment": True},
        "EMAIL_PLAINTEXT": False,
        "EMAIL_HTML": False,
        "POST_LOGIN_VIEW": "account.start",
        "POST_LOGOUT_VIEW": "/",
        "POST_REGISTER_VIEW": f"{BLUEPRINT}.login",
        "POST_CHANGE_VIEW": "account.security",
        "POST_CHANGE_EMAIL_VIEW": "account.profile",
        "POST_VERIFY_VIEW": "account.security",
        "TWO_FACTOR_POST_SETUP_VIEW": "account.security",
        "TWO_FACTOR_ERROR_VIEW": f"{BLUEPRINT}.login",
        "WAN_POST_REGISTER_VIEW": "account.security",
    }
    config |= {f"{name}_TEMPLATE": f"account/{file}.html" for name, file in TEMPLATES.items()}
    config |= {f"MSG_{name}": message for name, message in MESSAGES.items()}
    whole = {f"SECURITY_{name}": value for name, value in config.items()}
    # A session ends 14 days after it began; the cookie is not written again by every page.
    whole |= {"PERMANENT_SESSION_LIFETIME": timedelta(days=SESSION_DAYS), "SESSION_REFRESH_EACH_REQUEST": False}
    return whole


def _derived(settings: Settings, purpose: str) -> bytes:
    """A key of its own for each purpose, so that none can stand in for another."""
    return hashlib.sha256(f"{settings.secret_key}|{purpose}".encode()).digest()
