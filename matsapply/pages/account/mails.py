"""The library's mails, as messages of our outbox."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import request
from flask_security.mail_util import MailUtil

from matsapply.mail.kinds import Mail
from matsapply.pages.account.config import CHANGE_ADDRESS_WITHIN, CONFIRM_WITHIN, RESET_WITHIN
from matsapply.people.addresses import stored_address
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import ngettext
from matsapply.process import accounts


class Letter(NamedTuple):
    """Which message a library template becomes, what its link is called there and how many hours that is good for."""

    kind: Mail
    link: str = ""
    hours: float = 0


LETTERS = {
    "security/email/welcome": Letter(Mail.CONFIRM_ADDRESS, "confirmation_link", CONFIRM_WITHIN.total_seconds() / 3600),
    "security/email/confirmation_instructions": Letter(
        Mail.CONFIRM_ADDRESS, "confirmation_link", CONFIRM_WITHIN.total_seconds() / 3600
    ),
    "security/email/welcome_existing": Letter(Mail.ALREADY_REGISTERED, "recovery_link"),
    "security/email/reset_instructions": Letter(Mail.RESET_PASSWORD, "reset_link", RESET_WITHIN.total_seconds() / 3600),
    "security/email/reset_notice": Letter(Mail.PASSWORD_CHANGED),
    "security/email/change_notice": Letter(Mail.PASSWORD_CHANGED),
    "security/email/change_email_instructions": Letter(
        Mail.CHANGE_ADDRESS, "link", CHANGE_ADDRESS_WITHIN.total_seconds() / 3600
    ),
}


class OutboxMail(MailUtil):
    """Puts the library's mails into the outbox, in the transaction of the request."""

    def send_mail(
        self, template: str, subject: str, recipient: Any, sender: Any, body: Any, html: Any, **facts: Any
    ) -> None:
        """``template`` says which mail it is; its words are ours, and so is the host of its link."""
        letter = LETTERS[template]
        more: dict[str, Any] = {}
        if letter.link:
            more["link"] = path_of(facts[letter.link])
        if letter.hours:
            more["within"] = in_words(letter.hours)
        accounts.tell(session(), facts["user"], letter.kind, clock.now(), recipient=str(recipient), **more)

    def normalize(self, email: str) -> str:
        return stored_address(super().normalize(email))

    def validate(self, email: str) -> str:
        return stored_address(super().validate(email))


def path_of(link: str) -> str:
    """The path of one of our own addresses, without the place we are mounted at: the outbox puts the configured
    address in front, so that no Host header ever reaches a mail."""
    return urlsplit(link).path.removeprefix(request.script_root)


def in_words(hours: float) -> str:
    """ "2 hours", "14 days"."""
    if hours < 48:
        return ngettext("%(num)s hour", "%(num)s hours", round(hours))
    return ngettext("%(num)s day", "%(num)s days", round(hours / 24))
