"""Accounts and mail together: invitations, and what an account's owner is told."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from matsapply.audit import actions as audit
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.people import actions
from matsapply.people.models import Account, Person
from matsapply.rules.refusals import Code, refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


def invite(
    session: Session,
    actor: Actor,
    *,
    display_name: str,
    email: str,
    now: datetime,
    link_for: Callable[[Account], str],
    within: str,
    time_zone: str = "UTC",
) -> Account:
    """A person who sets the password by the link in their invitation. ``link_for`` gives the path of that link,
    ``within`` says in words how long it is good for."""
    account = actions.create_person(
        session,
        actor,
        display_name=display_name,
        email=email,
        password_hash=None,
        confirmed=False,
        now=now,
        time_zone=time_zone,
    )
    send_invitation(session, actor, account, now=now, link=link_for(account), within=within)
    return account


def send_invitation(session: Session, actor: Actor, account: Account, *, now: datetime, link: str, within: str) -> None:
    """Mail the invitation (again). Refused where the person has set a password."""
    if account.password is not None:
        raise refuse(Code.NO_CHANGE, "The person has an account in use already.")
    inviter = session.get(Person, actor.person_id) if actor.person_id is not None else None
    tell(
        session,
        account,
        Mail.INVITATION,
        now,
        link=link,
        within=within,
        inviter=inviter.display_name if inviter else "",
    )
    audit.record(session, actor, "account.invited", now, subject_type="person", subject_id=account.person_id)


def tell(
    session: Session,
    account: Account,
    kind: Mail,
    now: datetime,
    *,
    recipient: str | None = None,
    in_portal: bool = False,
    **facts: Any,
) -> None:
    """One account mail to the person (to their address unless another is given). Each call is a message of its own."""
    outbox.queue(
        session,
        kind,
        cause=f"account:{account.id}:{kind.value}:{secrets.token_hex(8)}",
        now=now,
        person_id=account.person_id,
        recipient=recipient or account.email,
        context={
            "name": account.person.display_name,
            "zone": account.person.time_zone,
            "language": account.person.language,
            **facts,
        },
        in_portal=in_portal,
    )
