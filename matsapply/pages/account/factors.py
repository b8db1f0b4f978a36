"""The second step: codes that work once, passkeys on any device."""

from __future__ import annotations

import base64
from typing import Any

import qrcode  # type: ignore[import-untyped]
from flask import request
from flask_security.totp import Totp
from flask_security.webauthn_util import WebauthnUtil
from passlib.exc import TokenError  # type: ignore[import-untyped]
from qrcode.image.svg import SvgFillImage  # type: ignore[import-untyped]
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from matsapply.pages.account.limits import counters


class OnceTotp(Totp):
    """A code that was used to sign in is not taken a second time while it would still be valid."""

    def verify_totp(self, token: str, totp_secret: str, user: Any, window: int = 0) -> bool:
        try:
            match = self._totp.verify(token, totp_secret, window=window)
        except TokenError:
            return False
        if user.tf_totp_secret != totp_secret:  # setting up: nothing is signed in to by this code
            return True
        return counters().once(f"totp/{user.id}/{match.counter}", 2 * window + 60)

    def generate_qrcode(self, username: str, totp: str) -> str:
        """The picture to scan, on white ground of its own: on a dark page black alone cannot be read."""
        picture = qrcode.make(self.get_totp_uri(username, totp), image_factory=SvgFillImage)
        return "data:image/svg+xml;base64," + base64.b64encode(picture.to_string()).decode("ascii")


class Passkeys(WebauthnUtil):
    """Passkeys of the device itself are as welcome as separate keys; one that replaces the password is unlocked by
    its owner (a finger, a face, a PIN), so that it is two factors in one."""

    def authenticator_selection(self, user: Any, usage: str) -> AuthenticatorSelectionCriteria:
        first = usage == "first"
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED if first else ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED if first else UserVerificationRequirement.PREFERRED,
        )

    def user_verification(self, user: Any, usage: list[str]) -> UserVerificationRequirement:
        return UserVerificationRequirement.REQUIRED if usage == ["first"] else UserVerificationRequirement.PREFERRED

    def origin(self) -> str:
        """As the browser sees it; the host was checked against the trusted ones."""
        return f"{request.scheme}://{request.host}"
