"""From a stored message to the mail that travels."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

_METHOD = re.compile(r"^METHOD:([A-Z]+)\s*$", re.MULTILINE)


class Stored(Protocol):
    """What of a message is needed to send it."""

    @property
    def public_id(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def body_text(self) -> str: ...
    @property
    def body_html(self) -> str: ...
    @property
    def calendar(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...


def message_id(public_id: str, mail_from: str) -> str:
    """The same for every try, so that a mail program that gets a message twice shows it once."""
    return f"<{public_id}@{mail_from.rpartition('@')[2]}>"


def envelope(stored: Stored, mail_from: str) -> EmailMessage:
    """The mail: text, HTML and, for interviews, the invitation both as a part and as a file. One recipient, always."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address("The admissions team", addr_spec=mail_from)
    mail["To"] = Address(addr_spec=stored.recipient)
    mail["Subject"] = stored.subject
    mail["Date"] = format_datetime(stored.created_at)
    mail["Message-ID"] = message_id(stored.public_id, mail_from)
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers, please
    mail.set_content(stored.body_text)
    mail.add_alternative(stored.body_html, subtype="html")
    if stored.calendar:
        found = _METHOD.search(stored.calendar)
        method = found[1] if found else "PUBLISH"
        mail.add_alternative(stored.calendar, subtype="calendar", params={"method": method})
        mail.add_attachment(stored.calendar, subtype="calendar", params={"method": method}, filename="interview.ics")
    return mail
