"""Mail to a server that speaks TLS after STARTTLS, with a certificate made here: taken where it is trusted only."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from matsapply.mail import outbox, sender
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.rules.stages import MailState
from tests.mail.conftest import Inbound
from tests.mail.contexts import NOON, context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from matsapply.platform.settings import Settings
    from tests.mail.conftest import MailServer


def certificate(folder: Path, name: str = "127.0.0.1") -> Path:
    """A self-made certificate for ``name`` with its key, in one file; good for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of the tests")])
    names: list[x509.GeneralName] = [x509.IPAddress(ip_address(name))] if name[0].isdigit() else [x509.DNSName(name)]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{name}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


class Heard(Inbound):
    """Takes mail from whoever signs in after TLS began, and remembers how each session spoke."""

    def __init__(self) -> None:
        super().__init__()
        self.encrypted: list[bool] = []

    def sign_in(self, _server: object, session: object, _envelope: object, _kind: str, data: object) -> AuthResult:
        good = (getattr(data, "login", b""), getattr(data, "password", b"")) == (b"site", b"a secret")
        self.encrypted.append(getattr(session, "ssl", None) is not None)
        return AuthResult(success=good, handled=False)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def serve(heard: Heard, port: int, file: Path) -> Controller:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    server = Controller(
        heard,
        hostname="127.0.0.1",
        port=port,
        tls_context=tls,
        require_starttls=True,
        authenticator=heard.sign_in,
        auth_required=True,
    )
    server.start()
    return server


@pytest.fixture
def one_mail(live_session: Session) -> Session:
    outbox.queue(
        live_session,
        Mail.WITHDRAWN,
        cause="a:1",
        now=NOON,
        person_id=None,
        recipient="ada@demo.example",
        context=context(Mail.WITHDRAWN),
    )
    live_session.commit()
    return live_session


@pytest.fixture
def secured(smtp_settings: Settings) -> Settings:
    return replace(smtp_settings, smtp_starttls=True, smtp_user="site", smtp_password="a secret")


@pytest.fixture
def trusted(tmp_path: Path, mail_server: MailServer, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server with a certificate for its address, which this machine trusts."""
    file = certificate(tmp_path)
    server = serve(heard, mail_server.port, file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    yield
    server.stop()


def state(session: Session) -> MailState:
    session.rollback()
    return session.scalars(sa.select(Notification.state)).one()


@pytest.mark.usefixtures("trusted")
def test_mail_leaves_encrypted_and_signed_in(
    live_engine: sa.Engine, secured: Settings, heard: Heard, one_mail: Session
) -> None:
    assert sender.deliver_all(live_engine, secured, lambda: NOON).sent == 1
    assert heard.encrypted == [True]
    assert heard.recipients == [["ada@demo.example"]]
    assert state(one_mail) is MailState.SENT


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("change", [{"smtp_password": "another"}, {"smtp_starttls": False}])
def test_without_the_password_or_encryption_nothing_leaves(
    live_engine: sa.Engine, secured: Settings, heard: Heard, one_mail: Session, change: dict[str, object]
) -> None:
    assert sender.deliver_all(live_engine, replace(secured, **change), lambda: NOON).reachable is False  # type: ignore[arg-type]
    assert heard.mails == []
    assert state(one_mail) is MailState.QUEUED


@pytest.mark.parametrize(("name", "known"), [("127.0.0.1", False), ("mail.example.org", True)])
def test_a_server_that_cannot_prove_its_name_gets_nothing(
    live_engine: sa.Engine,
    secured: Settings,
    mail_server: MailServer,
    heard: Heard,
    one_mail: Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    known: bool,
) -> None:
    """A certificate nobody vouches for, or one for another name."""
    file = certificate(tmp_path, name)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    server = serve(heard, mail_server.port, file)
    try:
        assert sender.deliver_all(live_engine, secured, lambda: NOON).reachable is False
    finally:
        server.stop()
    assert heard.mails == []
    assert state(one_mail) is MailState.QUEUED
