"""Reading people: who is asking, who owns an address, and the list an admin pages through."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.people.addresses import stored_address
from matsapply.people.models import Account, Device, EmailAddress, Person, RoleGrant, WebAuthn
from matsapply.platform.db import fetch
from matsapply.rules.access import ANONYMOUS, Actor, Grant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from matsapply.rules.stages import Role, Scope

PAGE = 50
MOST = 200
LIKE_ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as a page shows it; ``scope_id`` is the internal key of the cohort, track or stream."""

    public_id: str
    role: Role
    scope: Scope
    scope_id: int | None
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One line of the list of people. ``grants`` are those in force."""

    id: int
    public_id: str
    name: str
    is_demo: bool
    email: str | None
    confirmed_at: datetime | None
    active: bool
    has_password: bool
    second_factor: bool
    last_seen_at: datetime | None
    grants: tuple[GrantRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of people and the cursors of its neighbours (None where there is none)."""

    rows: tuple[PersonRow, ...]
    next_cursor: str | None
    prev_cursor: str | None


# --- who is asking ------------------------------------------------------------------------------------------------


def in_force(now: datetime) -> sa.ColumnElement[bool]:
    """The condition under which a grant acts at ``now``: from its start, up to but not including its end."""
    return sa.and_(RoleGrant.starts_at <= now, sa.or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whoever carries the mark of a session, and what they may do now."""

    account_id: int
    person_id: int
    person_public_id: str
    name: str
    email: str
    time_zone: str
    language: str | None
    has_second_factor: bool
    actor: Actor


# Asked by every request of somebody signed in, so it is put together once.
_SIGNED_IN = (
    sa.select(
        Account.id,
        Account.person_id,
        Person.public_id,
        Person.display_name,
        Account.email,
        Person.time_zone,
        Person.language,
        sa.or_(
            sa.and_(Account.tf_primary_method != "", Account.tf_totp_secret != ""), Account.has_second_passkey
        ).label("second_factor"),
        RoleGrant.role,
        RoleGrant.scope,
        RoleGrant.scope_id,
    )
    .join(Person, Person.id == Account.person_id)
    .outerjoin(
        RoleGrant,
        sa.and_(
            RoleGrant.person_id == Account.person_id,
            RoleGrant.starts_at <= sa.bindparam("now"),
            sa.or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > sa.bindparam("now")),
        ),
    )
    .where(
        Account.fs_uniquifier == sa.bindparam("mark"),
        Account.active,
        sa.exists().where(
            Device.mark_digest == sa.bindparam("device"),
            Device.account_id == Account.id,
        ),
    )
)


def signed_in(session: Session, mark: str, device: str, now: datetime) -> SignedIn | None:
    """The account with that session mark and its grants in force, in one query; None where there is none, where it is
    closed, or where the device of that digest is signed out."""
    rows = fetch(session, _SIGNED_IN, mark=mark, device=device, now=now)
    if not rows:
        return None
    first = rows[0]
    grants = frozenset(Grant(role, scope, scope_id) for *_, role, scope, scope_id in rows if role is not None)
    return SignedIn(
        account_id=first[0],
        person_id=first[1],
        person_public_id=first[2],
        name=first[3],
        email=first[4],
        time_zone=first[5],
        language=first[6],
        has_second_factor=bool(first.second_factor),
        actor=Actor(first[1], grants),
    )


def actor_of(session: Session, person_id: int | None, now: datetime) -> Actor:
    """The person with the grants in force at ``now``; one query. ``None`` is the anonymous actor."""
    if person_id is None:
        return ANONYMOUS
    rows = session.execute(
        sa.select(RoleGrant.role, RoleGrant.scope, RoleGrant.scope_id).where(
            RoleGrant.person_id == person_id, in_force(now)
        )
    )
    return Actor(person_id, frozenset(Grant(role, scope, scope_id) for role, scope, scope_id in rows))


def holders(session: Session, role: Role, now: datetime) -> list[int]:
    """The keys of the people who hold ``role`` at ``now``, in any scope."""
    statement = sa.select(RoleGrant.person_id).where(RoleGrant.role == role, in_force(now)).distinct()
    return list(session.scalars(statement.order_by(RoleGrant.person_id)))


# --- by address ---------------------------------------------------------------------------------------------------


def account_by_address(session: Session, address: str) -> Account | None:
    """The account of whoever owns ``address``: the one they sign in with, or another of theirs."""
    wanted = stored_address(address)
    owner = sa.select(EmailAddress.person_id).where(EmailAddress.address == wanted).scalar_subquery()
    return session.scalars(
        sa.select(Account).where(sa.or_(Account.email == wanted, Account.person_id == owner)).limit(1)
    ).first()


def passkeys_of(session: Session, account_id: int) -> list[WebAuthn]:
    """The passkeys of an account, by name."""
    return list(session.scalars(sa.select(WebAuthn).where(WebAuthn.account_id == account_id).order_by(WebAuthn.name)))


def person_by_address(session: Session, address: str) -> Person | None:
    """The person who owns ``address``, with or without an account."""
    wanted = stored_address(address)
    return session.scalars(
        sa.select(Person).join(EmailAddress, EmailAddress.person_id == Person.id).where(EmailAddress.address == wanted)
    ).first()


def addresses_of(session: Session, person_id: int) -> list[EmailAddress]:
    """Every address of a person, the oldest first."""
    return list(
        session.scalars(sa.select(EmailAddress).where(EmailAddress.person_id == person_id).order_by(EmailAddress.id))
    )


# --- lists --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader sees of people: a condition over ``Person``, and one over ``RoleGrant`` for the roles they hold."""

    people: sa.ColumnElement[bool]
    grants: sa.ColumnElement[bool]


def people_page(
    session: Session,
    sight: Sight,
    *,
    now: datetime,
    search: str = "",
    role: Role | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> PeoplePage:
    """One page of the visible people by name: two queries however long the list.

    ``search`` looks into names and addresses; ``role`` keeps those who hold it at ``now``, as far as ``sight`` reaches.
    A cursor that is none of ours raises ``ValueError``.
    """
    limit = max(1, min(limit, MOST))
    key = sa.func.lower(Person.display_name)
    statement = _rows().where(sight.people, Person.merged_into_id.is_(None))
    if words := search.strip():
        statement = statement.where(_matches(words))
    if role is not None:
        held = sa.select(RoleGrant.person_id).where(RoleGrant.role == role, in_force(now), sight.grants)
        statement = statement.where(Person.id.in_(held))
    place = sa.tuple_(key, Person.id)
    if after:
        statement = statement.where(place > sa.tuple_(*_place(after)))
    elif before:
        statement = statement.where(place < sa.tuple_(*_place(before)))
    backwards = bool(before and not after)
    order = (key.desc(), Person.id.desc()) if backwards else (key, Person.id)
    found = list(session.execute(statement.add_columns(key.label("place")).order_by(*order).limit(limit + 1)))
    more = len(found) > limit
    found = found[:limit]
    if backwards:
        found.reverse()
    grants = _grants_of(session, sight, [row.id for row in found], now)
    rows = tuple(_person_row(row, grants.get(row.id, ())) for row in found)
    if not found:
        return PeoplePage((), None, None)
    first, last = _cursor(found[0].place, found[0].id), _cursor(found[-1].place, found[-1].id)
    has_next, has_prev = (True, more) if backwards else (more, bool(after))
    return PeoplePage(rows, last if has_next else None, first if has_prev else None)


def matching(sight: Sight, search: str) -> sa.Select[int]:
    """The keys of all visible people whose name or address holds ``search``."""
    return sa.select(Person.id).where(sight.people, _matches(search.strip()))


def person_by_public_id(session: Session, sight: Sight, public_id: str, now: datetime) -> PersonRow | None:
    """One visible person with the visible grants in force; ``None`` where there is none to see."""
    row = session.execute(_rows().where(sight.people, Person.public_id == public_id)).first()
    if row is None:
        return None
    return _person_row(row, _grants_of(session, sight, [row.id], now).get(row.id, ()))


def grant_history(session: Session, sight: Sight, person_id: int) -> list[GrantRow]:
    """Every visible grant a person has or had, the newest first."""
    statement = _grants().where(RoleGrant.person_id == person_id, sight.grants)
    rows = session.execute(statement.order_by(RoleGrant.starts_at.desc(), RoleGrant.id.desc()))
    return [_grant_row(row) for row in rows]


def _rows() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        Person.id,
        Person.public_id,
        Person.display_name,
        Person.is_demo,
        Account.email,
        Account.confirmed_at,
        Account.active,
        Account.password.is_not(None).label("has_password"),
        sa.or_(Account.tf_primary_method.is_not(None), Account.has_second_passkey).label("second_factor"),
        Account.current_login_at,
    ).outerjoin(Account, Account.person_id == Person.id)


def _person_row(row: Any, grants: tuple[GrantRow, ...]) -> PersonRow:
    return PersonRow(
        id=row.id,
        public_id=row.public_id,
        name=row.display_name,
        is_demo=row.is_demo,
        email=row.email,
        confirmed_at=row.confirmed_at,
        active=bool(row.active),
        has_password=bool(row.has_password),
        second_factor=bool(row.second_factor),
        last_seen_at=row.current_login_at,
        grants=grants,
    )


def _matches(words: str) -> sa.ColumnElement[bool]:
    pattern = "%" + "".join(LIKE_ESCAPE + each if each in "%_\\" else each for each in words.lower()) + "%"
    of_address = sa.select(EmailAddress.person_id).where(EmailAddress.address.like(pattern, escape=LIKE_ESCAPE))
    return sa.or_(sa.func.lower(Person.display_name).like(pattern, escape=LIKE_ESCAPE), Person.id.in_(of_address))


def _grants() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        RoleGrant.person_id,
        RoleGrant.public_id,
        RoleGrant.role,
        RoleGrant.scope,
        RoleGrant.scope_id,
        RoleGrant.starts_at,
        RoleGrant.ends_at,
    )


def _grant_row(row: Any) -> GrantRow:
    return GrantRow(row.public_id, row.role, row.scope, row.scope_id, row.starts_at, row.ends_at)


def _grants_of(session: Session, sight: Sight, person_ids: list[int], now: datetime) -> dict[int, tuple[GrantRow, ...]]:
    if not person_ids:
        return {}
    found: dict[int, tuple[GrantRow, ...]] = {}
    statement = _grants().where(RoleGrant.person_id.in_(person_ids), in_force(now), sight.grants)
    for row in session.execute(statement.order_by(RoleGrant.id)):
        found[row.person_id] = (*found.get(row.person_id, ()), _grant_row(row))
    return found


def _cursor(place: str, key: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([place, key]).encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[str, int]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, key = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, TypeError) as error:
        raise ValueError("this is not a place in the list") from error
    if not isinstance(name, str) or not isinstance(key, int) or abs(key) >= 2**63 or "\x00" in name:
        raise ValueError("this is not a place in the list")
    return name, key


def names_of(session: Session, person_ids: Iterable[int | None]) -> dict[int | None, str]:
    """Display names by internal key; one query."""
    wanted = {key for key in person_ids if key is not None}
    if not wanted:
        return {}
    rows = session.execute(sa.select(Person.id, Person.display_name).where(Person.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}
