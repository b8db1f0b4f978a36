"""A passkey in software: makes a key, answers the site's ceremonies as a browser and its authenticator would."""

from __future__ import annotations

import hashlib
import html
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.visitor import Visitor

CEREMONY = re.compile(r'<form method="post" action="([^"]+)"[^>]* data-options="([^"]+)"')
ORIGIN = "http://localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # flags of what an authenticator says


def coded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


@dataclass
class Passkey:
    """``unlocked``: its owner proved to be there by a finger, a face or a PIN."""

    unlocked: bool = True
    handle: bytes = b""
    count: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _said(self, more: int = 0) -> bytes:
        flags = PRESENT | (VERIFIED if self.unlocked else 0) | more
        self.count += 1
        return hashlib.sha256(b"localhost").digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def made(self, options: dict[str, Any]) -> str:
        """The answer to "create"."""
        point = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        self.handle = urlsafe_b64decode(options["user"]["id"] + "==")
        said = self._said(ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": said})
        return self._answer("create", options, {"attestationObject": coded(attestation), "transports": ["internal"]})

    def signed(self, options: dict[str, Any]) -> str:
        """The answer to "get"."""
        said = self._said()
        seen = hashlib.sha256(_seen("get", options)).digest()
        signature = self.key.sign(said + seen, ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": coded(said), "signature": coded(signature), "userHandle": coded(self.handle)}
        return self._answer("get", options, parts)

    def _answer(self, kind: str, options: dict[str, Any], parts: dict[str, Any]) -> str:
        response = {"clientDataJSON": coded(_seen(kind, options)), **parts}
        name = coded(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "extensions": "{}"})


def _seen(kind: str, options: dict[str, Any]) -> bytes:
    return json.dumps({"type": f"webauthn.{kind}", "challenge": options["challenge"], "origin": ORIGIN}).encode()


def begin(visitor: Visitor, path: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Ask for a ceremony: where its answer goes, and the options for the authenticator."""
    page = visitor.post(path, fields)
    found = CEREMONY.search(page.text)
    assert found, f"{path} answers {page.status_code} and begins no ceremony"
    return html.unescape(found.group(1)), json.loads(html.unescape(found.group(2)))


def add(visitor: Visitor, passkey: Passkey, usage: str, name: str = "a key") -> TestResponse:
    """Add the passkey to the account that is signed in; ``usage`` is "first" or "secondary"."""
    action, options = begin(visitor, "/account/passkeys", name=name, usage=usage)
    return visitor.post(action, {"credential": passkey.made(options)}, form="/account/passkeys")


def use(visitor: Visitor, passkey: Passkey, path: str = "/login/passkey", **fields: Any) -> TestResponse:
    """Sign in (or confirm at ``path``) with the passkey."""
    action, options = begin(visitor, path, **fields)
    return visitor.post(action, {"credential": passkey.signed(options), **fields}, form=path)
