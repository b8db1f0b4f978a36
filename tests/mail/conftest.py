"""A real mail server on this machine, and what came in there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

from matsapply.mail import outbox

if TYPE_CHECKING:
    from matsapply.platform.settings import Settings


@dataclass
class Inbound:
    """What the server does with messages: keeps them, or answers as ``answer`` says (by recipient)."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    answer: Callable[[str], str | None] = lambda _address: None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:
        if said := self.answer(address):
            return said
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"

    @property
    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]


@dataclass
class MailServer:
    """A mail server that can be down and come back on the same port; it starts down."""

    inbound: Inbound
    port: int
    controller: Controller | None = None

    def start(self) -> None:
        self.controller = Controller(self.inbound, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            with suppress(AssertionError):
                self.controller.stop()
            self.controller = None


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = MailServer(Inbound(), port)
    yield server
    server.stop()


@pytest.fixture
def running(mail_server: MailServer) -> MailServer:
    mail_server.start()
    return mail_server


@pytest.fixture
def smtp_settings(settings: Settings, mail_server: MailServer) -> Settings:
    return replace(settings, mail="smtp", smtp_host="127.0.0.1", smtp_port=mail_server.port)


@pytest.fixture(autouse=True)
def _configured(request: pytest.FixtureRequest) -> None:
    """Mail is configured once per process; these tests say with what."""
    if "database" in request.fixturenames:
        outbox.configure(request.getfixturevalue("settings"))
