"""Links in invitations: signed, good for two weeks, dead as soon as the password is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import current_app, url_for
from itsdangerous import BadData, URLSafeTimedSerializer

from matsapply.pages.account.config import INVITATION_WITHIN
from matsapply.pages.account.mails import in_words, path_of
from matsapply.people.models import Account
from matsapply.platform.flask_db import session

if TYPE_CHECKING:
    from flask import Flask

WITHIN = in_words(INVITATION_WITHIN.total_seconds() / 3600)


def link_for(account: Account) -> str:
    """The path of the page on which an invited person sets the password; for ``people.actions.invite``."""
    token = _serializer(current_app).dumps(account.fs_uniquifier)
    return path_of(url_for("account.welcome", token=token))


def invited(token: str) -> Account | None:
    """The account a link was made for; None where the link is old, used or not ours."""
    try:
        mark = _serializer(current_app).loads(token, max_age=int(INVITATION_WITHIN.total_seconds()))
    except BadData:
        return None
    account = session().scalar(sa.select(Account).where(Account.fs_uniquifier == str(mark)))
    return account if account is not None and account.password is None and account.active else None


def _serializer(app: Flask) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="invitation")
