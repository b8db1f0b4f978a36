"""Changing people, their accounts and what they may do. Every change leaves an audit event; nothing here commits."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.people import devices
from matsapply.people.addresses import stored_address
from matsapply.people.models import Account, EmailAddress, Person, RoleGrant
from matsapply.people.queries import in_force, person_by_address
from matsapply.rules.access import WHOLE_COHORTS, Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import STAFF, Role, Scope

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from sqlalchemy.orm import Session

NAME_LENGTH = 200


def create_person(
    session: Session,
    actor: Actor,
    *,
    display_name: str,
    email: str,
    password_hash: str | None,
    confirmed: bool,
    now: datetime,
    is_demo: bool = False,
    time_zone: str = "UTC",
    language: str | None = None,
) -> Account:
    """A person with an account and its address, together. ``confirmed``: the address is known to be theirs.

    Refused (ADDRESS_TAKEN) where the address belongs to somebody already.
    """
    address = stored_address(email)
    if person_by_address(session, address) is not None:
        raise refuse(Code.ADDRESS_TAKEN)
    person = Person(
        display_name=_name(display_name), time_zone=time_zone, language=language, is_demo=is_demo, aliases=[]
    )
    session.add(person)
    session.flush()
    account = Account(
        person=person,
        email=address,
        password=password_hash,
        confirmed_at=now if confirmed else None,
        fs_webauthn_user_handle=uuid.uuid4().hex,
        login_count=0,
    )
    session.add_all(
        [account, EmailAddress(person_id=person.id, address=address, verified_at=now if confirmed else None)]
    )
    session.flush()
    _record(session, actor, "person.created", now, person.id, after="confirmed" if confirmed else "unconfirmed")
    return account


def set_profile(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    display_name: str,
    time_zone: str,
    language: str | None,
    now: datetime,
) -> None:
    """Change how a person is called, in which zone they read times and in which language pages and mails are written
    for them. A former name is kept as an alias."""
    person = account.person
    name = _name(display_name)
    if name != person.display_name and person.display_name not in person.aliases:
        person.aliases = [*person.aliases, person.display_name]
    if (name, time_zone, language) == (person.display_name, person.time_zone, person.language):
        return
    person.display_name, person.time_zone, person.language = name, time_zone, language
    _record(session, actor, "person.profile_changed", now, person.id)
    session.flush()


def set_language(session: Session, actor: Actor, person_id: int, language: str, now: datetime) -> None:
    """The language in which pages and mails are written for a person from now on."""
    person = session.get_one(Person, person_id)
    if person.language != language:
        person.language = language
        _record(session, actor, "person.language_changed", now, person_id)
        session.flush()


# --- addresses ----------------------------------------------------------------------------------------------------


def confirm_address(session: Session, actor: Actor, account: Account, now: datetime) -> None:
    """The address of the account has answered: it is theirs."""
    if account.confirmed_at is None:
        account.confirmed_at = now
    session.execute(
        sa.update(EmailAddress)
        .where(
            EmailAddress.person_id == account.person_id,
            EmailAddress.address == account.email,
            EmailAddress.verified_at.is_(None),
        )
        .values(verified_at=now)
    )
    _record(session, actor, "account.address_confirmed", now, account.person_id)


def sync_address(session: Session, actor: Actor, account: Account, old_address: str, now: datetime) -> None:
    """After ``account.email`` changed: the old address leaves the person, the new and proven one takes its place."""
    new, old = stored_address(account.email), stored_address(old_address)
    account.email = new
    row = session.scalars(
        sa.select(EmailAddress).where(EmailAddress.person_id == account.person_id, EmailAddress.address == old)
    ).first()
    if row is None:
        session.add(EmailAddress(person_id=account.person_id, address=new, verified_at=now))
    else:
        row.address, row.verified_at, row.bounced_at = new, now, None
    _record(session, actor, "account.address_changed", now, account.person_id)
    session.flush()


# --- roles --------------------------------------------------------------------------------------------------------


def grant(
    session: Session,
    actor: Actor,
    person_id: int,
    role: Role,
    scope: Scope,
    scope_id: int | None,
    starts_at: datetime,
    ends_at: datetime | None,
    now: datetime,
) -> RoleGrant:
    """Give a staff role for [starts_at, ends_at).

    Refused: NO_CHANGE where a grant of the same role and scope overlaps, REACH_TOO_NARROW for a role of whole cohorts
    in one track or stream, ENDS_BEFORE_START.
    """
    if role not in STAFF:
        raise ValueError(f"{role.value} is not granted: it follows from what a person does")
    if (scope is Scope.PROGRAM) != (scope_id is None):
        raise ValueError("a grant for a cohort, track or stream names it; one for the whole programme names none")
    if role in WHOLE_COHORTS and scope in {Scope.TRACK, Scope.STREAM}:
        raise refuse(Code.REACH_TOO_NARROW)
    if ends_at is not None and ends_at <= starts_at:
        raise refuse(Code.ENDS_BEFORE_START)
    overlap = sa.select(RoleGrant.id).where(
        RoleGrant.person_id == person_id,
        RoleGrant.role == role,
        RoleGrant.scope == scope,
        RoleGrant.scope_id.is_(None) if scope_id is None else RoleGrant.scope_id == scope_id,
        sa.or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > starts_at),
        sa.true() if ends_at is None else RoleGrant.starts_at < ends_at,
    )
    if session.scalars(overlap).first() is not None:
        raise refuse(Code.NO_CHANGE, "The person holds this role already.")
    made = RoleGrant(
        person_id=person_id,
        role=role,
        scope=scope,
        scope_id=scope_id,
        starts_at=starts_at,
        ends_at=ends_at,
        granted_by_id=actor.person_id,
    )
    session.add(made)
    session.flush()
    _record(session, actor, "role.granted", now, person_id, after=_told(made), detail=_facts(made))
    return made


def revoke(session: Session, actor: Actor, made: RoleGrant, now: datetime, *, reason: str = "") -> None:
    """End a grant at ``now``; one that has not begun is removed. The very next request of its holder is without it.

    Refused (LAST_ADMIN) where nobody would be left who may give roles.
    """
    if made.ends_at is not None and made.ends_at <= now:
        raise refuse(Code.NO_CHANGE, "The role has ended already.")
    if made.role is Role.ADMIN and made.scope is Scope.PROGRAM and not _another_admin(session, made, now):
        raise refuse(Code.LAST_ADMIN)
    _record(session, actor, "role.revoked", now, made.person_id, before=_told(made), reason=reason, detail=_facts(made))
    if made.starts_at >= now:
        session.delete(made)
    else:
        made.ends_at = now
    session.flush()


def _another_admin(session: Session, made: RoleGrant, now: datetime) -> bool:
    others = sa.select(RoleGrant.id).where(
        RoleGrant.id != made.id,
        RoleGrant.person_id != made.person_id,
        RoleGrant.role == Role.ADMIN,
        RoleGrant.scope == Scope.PROGRAM,
        in_force(now),
    )
    return session.scalars(others.limit(1)).first() is not None


# --- accounts -----------------------------------------------------------------------------------------------------


def end_sessions(session: Session, actor: Actor, account: Account, now: datetime) -> None:
    """Sign the account out everywhere: every session, and every link mailed so far, stops working."""
    account.fs_uniquifier = uuid.uuid4().hex
    devices.forget_all(session, account)
    session.flush()
    _record(session, actor, "account.sessions_ended", now, account.person_id)


def set_active(session: Session, actor: Actor, account: Account, active: bool, now: datetime) -> None:
    """Open or close an account. A closed one is signed out everywhere and cannot sign in."""
    if account.active is active:
        raise refuse(Code.NO_CHANGE)
    account.active = active
    if not active:
        account.fs_uniquifier = uuid.uuid4().hex
        devices.forget_all(session, account)
    session.flush()
    _record(session, actor, "account.opened" if active else "account.closed", now, account.person_id)


def remove_second_factor(session: Session, actor: Actor, account: Account, now: datetime) -> None:
    """For somebody who lost their devices: no second step, no passkeys, no recovery codes, signed out everywhere."""
    account.tf_primary_method = account.tf_totp_secret = account.mf_recovery_codes = None
    account.webauthn.clear()
    account.fs_uniquifier = uuid.uuid4().hex
    devices.forget_all(session, account)
    session.flush()
    _record(session, actor, "account.second_factor_removed", now, account.person_id)


# --- small things -------------------------------------------------------------------------------------------------


def _name(text: str) -> str:
    """A display name on one line; what is not one raises ``ValueError``."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH:
        raise ValueError(f"a name has 1 to {NAME_LENGTH} characters")
    return name


def _told(made: RoleGrant) -> str:
    return f"{made.role.value} {made.scope.value}" + (f" {made.scope_id}" if made.scope_id is not None else "")


def _facts(made: RoleGrant) -> dict[str, Any]:
    return {
        "grant": made.public_id,
        "starts_at": made.starts_at.isoformat(),
        "ends_at": made.ends_at.isoformat() if made.ends_at else None,
    }


def _record(session: Session, actor: Actor, action: str, now: datetime, person_id: int, **rest: Any) -> None:
    audit.record(session, actor, action, now, subject_type="person", subject_id=person_id, **rest)
