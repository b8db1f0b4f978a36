"""Flask-Security's way to the accounts: through our session, in the request's one unit of work."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask_security.datastore import FSQLALiteUserDatastore

from matsapply.people import actions, queries
from matsapply.people.models import Account, WebAuthn
from matsapply.platform import clock, languages
from matsapply.platform.flask_db import db, session
from matsapply.rules.access import ANONYMOUS

SEARCHABLE = frozenset({"id", "email", "fs_uniquifier", "fs_webauthn_user_handle"})


class AccountStore(FSQLALiteUserDatastore):
    """Finds, makes and changes accounts. It never commits: ``App.dispatch_request`` does, once, if all went well."""

    def __init__(self) -> None:
        super().__init__(db, Account, None, WebAuthn)  # type: ignore[arg-type]

    def commit(self) -> None:
        """The library asks for this after the response is made; whatever was to be kept is committed by then."""

    def find_user(self, case_insensitive: bool = False, **wanted: Any) -> Account | None:
        """The account with that key, address (any of the person's own) or session mark."""
        name, value = wanted.popitem()
        if name not in SEARCHABLE:
            raise ValueError(f"accounts are not found by {name}")
        if value is None:
            return None
        if name == "email":
            return queries.account_by_address(session(), str(value))
        return session().scalar(sa.select(Account).where(getattr(Account, name) == value))

    def create_user(self, **facts: Any) -> Account:
        """Somebody registers: a person, an account that waits for its address to be confirmed."""
        return actions.create_person(
            session(),
            ANONYMOUS,
            display_name=facts["display_name"],
            email=facts["email"],
            password_hash=facts["password"],
            confirmed=False,
            now=clock.now(),
            time_zone=facts["time_zone"],
            language=languages.current().code,
        )
