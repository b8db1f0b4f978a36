"""Handing messages to a mail server, one connection for many, with a limit on every wait."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from matsapply.platform.settings import Settings

TIMEOUT = 20  # seconds for each step of the conversation
_CLOSING = 421  # "closing the channel": the next message needs a new one
# Answers that are about the address itself; others (policy, sign-in, full disks) may be ours or pass.
_NO_SUCH_ADDRESS = frozenset({550, 551, 553})
_ADDRESS_STATUS = b"5.1."


class UnreachableError(Exception):
    """The server cannot be spoken to (any more): nothing is wrong with the message."""


class RefusedError(Exception):
    """The server answered and did not take this message. ``bad_address``: it never will, nobody has that address."""

    def __init__(self, text: str, *, bad_address: bool = False) -> None:
        super().__init__(text)
        self.bad_address = bad_address


class Connection:
    """One conversation with the server."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand over one message for one recipient. Raises ``RefusedError`` or ``UnreachableError``."""
        try:
            self._server.send_message(message, from_addr=sender, to_addrs=[recipient])
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[recipient]
            if code == _CLOSING:
                raise UnreachableError(_told(code, answer)) from error
            raise RefusedError(_told(code, answer), bad_address=_is_bad_address(code, answer)) from error
        except smtplib.SMTPServerDisconnected as error:
            raise UnreachableError(str(error)) from error
        except smtplib.SMTPResponseException as error:
            if error.smtp_code == _CLOSING:
                raise UnreachableError(_told(error.smtp_code, error.smtp_error)) from error
            raise RefusedError(_told(error.smtp_code, error.smtp_error)) from error
        except smtplib.SMTPException as error:  # such as a server that cannot take an address outside ASCII
            raise RefusedError(str(error)) from error
        except OSError as error:
            raise UnreachableError(str(error)) from error


@contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    """A signed-in connection, encrypted where the settings ask for it. Raises ``UnreachableError``."""
    server: smtplib.SMTP | None = None
    try:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT)
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
    except (OSError, smtplib.SMTPException) as error:
        if server is not None:
            server.close()
        raise UnreachableError(f"{settings.smtp_host}:{settings.smtp_port}: {error}") from error
    try:
        yield Connection(server)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()


def _told(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {text}"


def _is_bad_address(code: int, answer: bytes | str) -> bool:
    raw = answer if isinstance(answer, bytes) else answer.encode("utf-8", "replace")
    if raw[:2] == b"5.":  # an enhanced status says what the plain code leaves open
        return raw.startswith(_ADDRESS_STATUS)
    return code in _NO_SUCH_ADDRESS
