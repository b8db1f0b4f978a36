"""Mail addresses as they are stored and compared."""

from __future__ import annotations

ADDRESS_LENGTH = 255


def stored_address(text: str) -> str:
    """The form in which an address is kept: without surrounding spaces, in lower case.

    Mailboxes that differ only in case are one mailbox everywhere people apply from.
    """
    return text.strip().lower()
