"""People, their addresses and their roles, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.audit.models import AuditEvent
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.people import actions, queries
from matsapply.people.models import Account, EmailAddress, RoleGrant
from matsapply.platform.settings import Settings
from matsapply.process import accounts
from matsapply.reviews.visibility import people_seen
from matsapply.rules.access import ANONYMOUS, Act, Actor, may
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import Role, Scope
from tests.conftest import START

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

DAY = timedelta(days=1)


def person(session: Session, email: str = "ada@example.org", name: str = "Ada Example", **more: object) -> Account:
    facts = {"password_hash": None, "confirmed": True, "now": START} | more
    return actions.create_person(session, ANONYMOUS, display_name=name, email=email, **facts)


def give(
    session: Session,
    account: Account,
    role: Role = Role.REVIEWER,
    scope: Scope = Scope.PROGRAM,
    scope_id: int | None = None,
    starts_at: datetime = START,
    ends_at: datetime | None = None,
) -> RoleGrant:
    return actions.grant(session, ANONYMOUS, account.person_id, role, scope, scope_id, starts_at, ends_at, START)


def events(session: Session) -> list[str]:
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.id)))


# --- making people ------------------------------------------------------------------------------------------------


def test_a_person_comes_with_account_and_address(session: Session) -> None:
    account = person(session, " Ada@Example.ORG ", "  Ada \n Example ", time_zone="Pacific/Kiritimati")
    assert (account.email, account.person.display_name) == ("ada@example.org", "Ada Example")
    (address,) = queries.addresses_of(session, account.person_id)
    assert (address.address, address.verified_at) == ("ada@example.org", START)
    assert events(session) == ["person.created"]


def test_no_address_belongs_to_two_people(session: Session) -> None:
    person(session)
    with pytest.raises(Refused) as refused:
        person(session, "ADA@example.org")
    assert refused.value.refusal.code is Code.ADDRESS_TAKEN


@pytest.mark.parametrize("name", ["", " \t", "x" * 201])
def test_a_name_is_some_text_on_one_line(session: Session, name: str) -> None:
    with pytest.raises(ValueError):
        person(session, name=name)


def test_a_former_name_is_kept_as_an_alias(session: Session) -> None:
    account = person(session)
    actions.set_profile(session, ANONYMOUS, account, display_name="Ada New", time_zone="UTC", language=None, now=START)
    actions.set_profile(session, ANONYMOUS, account, display_name="Ada New", time_zone="UTC", language=None, now=START)
    assert (account.person.display_name, account.person.aliases) == ("Ada New", ["Ada Example"])
    assert events(session) == ["person.created", "person.profile_changed"]


def test_a_new_address_takes_the_place_of_the_old_one(session: Session) -> None:
    account = person(session, confirmed=False)
    account.email = "new@example.org"
    actions.sync_address(session, Actor(account.person_id), account, "ada@example.org", START + DAY)
    (address,) = session.scalars(sa.select(EmailAddress)).all()
    assert (address.address, address.verified_at) == ("new@example.org", START + DAY)
    assert queries.account_by_address(session, "ada@example.org") is None
    assert queries.account_by_address(session, "New@example.org") is account
    person(session, "ada@example.org", "Somebody Else")


def test_somebody_is_found_by_any_of_their_addresses(session: Session) -> None:
    account = person(session)
    session.add(EmailAddress(person_id=account.person_id, address="second@example.org", verified_at=START))
    session.flush()
    assert queries.account_by_address(session, "second@example.org") is account
    assert queries.person_by_address(session, "SECOND@example.org") is account.person
    assert queries.account_by_address(session, "third@example.org") is None


# --- roles --------------------------------------------------------------------------------------------------------


def test_a_grant_acts_from_its_start_up_to_its_end(session: Session) -> None:
    account = person(session)
    give(session, account, Role.MENTOR, Scope.STREAM, 7, START + DAY, START + 3 * DAY)
    roles = [
        queries.actor_of(session, account.person_id, START + moment).roles
        for moment in (DAY - timedelta(microseconds=1), DAY, 3 * DAY - timedelta(microseconds=1), 3 * DAY)
    ]
    assert roles == [frozenset(), {Role.MENTOR}, {Role.MENTOR}, frozenset()]
    actor = queries.actor_of(session, account.person_id, START + DAY)
    assert actor.scope_ids(Scope.STREAM, Role.MENTOR) == {7}


def test_who_is_asking_takes_one_query(session: Session) -> None:
    account = person(session)
    for stream in range(5):
        give(session, account, Role.MENTOR, Scope.STREAM, stream + 1)
    key = account.person_id
    session.flush()
    seen: list[str] = []
    listener = lambda *args: seen.append(args[2])  # noqa: E731 - removed again by its name below
    sa.event.listen(session.connection(), "before_cursor_execute", listener)
    assert len(queries.actor_of(session, key, START).grants) == 5
    sa.event.remove(session.connection(), "before_cursor_execute", listener)
    assert len(seen) == 1
    assert queries.actor_of(session, None, START) is ANONYMOUS


def test_a_role_taken_away_is_gone_at_once(session: Session) -> None:
    account = person(session)
    made = give(session, account)
    actions.revoke(session, ANONYMOUS, made, START + DAY, reason="left")
    assert queries.actor_of(session, account.person_id, START + DAY).roles == frozenset()
    assert made.ends_at == START + DAY
    with pytest.raises(Refused):
        actions.revoke(session, ANONYMOUS, made, START + 2 * DAY)
    assert events(session) == ["person.created", "role.granted", "role.revoked"]


def test_a_role_taken_away_before_it_began_leaves_only_the_log(session: Session) -> None:
    account = person(session)
    actions.revoke(session, ANONYMOUS, give(session, account, starts_at=START + DAY), START)
    assert session.scalars(sa.select(RoleGrant)).all() == []
    assert queries.grant_history(session, people_seen(Actor(account.person_id)), account.person_id) == []
    assert events(session)[-1] == "role.revoked"


def test_the_same_role_is_not_given_twice_for_one_time(session: Session) -> None:
    account = person(session)
    give(session, account, ends_at=START + DAY)
    with pytest.raises(Refused):
        give(session, account, starts_at=START + DAY / 2)
    give(session, account, starts_at=START + DAY)
    give(session, account, Role.REVIEWER, Scope.COHORT, 1)
    with pytest.raises(Refused):
        give(session, account, Role.MENTOR, ends_at=START)


def test_the_last_admin_stays(session: Session) -> None:
    first, second = person(session), person(session, "bo@example.org", "Bo Sample")
    one, two = give(session, first, Role.ADMIN), give(session, second, Role.ADMIN)
    actions.revoke(session, ANONYMOUS, one, START + DAY)
    with pytest.raises(Refused) as refused:
        actions.revoke(session, ANONYMOUS, two, START + DAY)
    assert refused.value.refusal.code is Code.LAST_ADMIN


# --- accounts -----------------------------------------------------------------------------------------------------


def test_ending_sessions_changes_the_mark(session: Session) -> None:
    account = person(session)
    before = account.fs_uniquifier
    actions.end_sessions(session, ANONYMOUS, account, START)
    assert account.fs_uniquifier != before
    assert events(session)[-1] == "account.sessions_ended"


def test_an_invitation_is_mailed_with_its_link(session: Session, tmp_path: object) -> None:
    outbox.configure(Settings(base_url="https://apply.example.org"))
    admin = person(session, "admin@example.org", "Imke Adler")
    account = accounts.invite(
        session,
        Actor(admin.person_id),
        display_name="Bo Sample",
        email="bo@example.org",
        now=START,
        link_for=lambda made: f"/invitation/{made.fs_uniquifier}",
        within="14 days",
    )
    assert (account.password, account.confirmed_at) == (None, None)
    mail = session.scalars(sa.select(Notification)).one()
    assert (mail.kind, mail.recipient, mail.in_portal) == (Mail.INVITATION, "bo@example.org", False)
    assert f"https://apply.example.org/invitation/{account.fs_uniquifier}" in mail.body_text
    assert "Imke Adler" in mail.body_text
    account.password = "a hash"
    with pytest.raises(Refused):
        accounts.send_invitation(session, ANONYMOUS, account, now=START, link="/x", within="14 days")


def test_lost_devices_are_forgotten(session: Session) -> None:
    account = person(session)
    account.tf_primary_method, account.tf_totp_secret = "authenticator", "a secret"
    account.mf_recovery_codes = ["one", "two"]
    session.flush()
    assert account.has_second_factor
    actions.remove_second_factor(session, ANONYMOUS, account, START)
    session.refresh(account)
    assert not account.has_second_factor
    assert not account.mf_recovery_codes


# --- the list -----------------------------------------------------------------------------------------------------

ADMIN = "admin@example.org"


def crowd(session: Session, number: int) -> Actor:
    """An admin and ``number`` others called alike; gives the admin as actor."""
    admin = person(session, ADMIN, "Zoë Last")
    give(session, admin, Role.ADMIN)
    for index in range(number):
        person(session, f"person{index}@example.org", "Same Name" if index % 2 else f"Person {index:02}")
    return queries.actor_of(session, admin.person_id, START)


def test_paging_shows_everybody_once_in_both_directions(session: Session) -> None:
    actor = crowd(session, 11)
    forwards: list[str] = []
    page = queries.people_page(session, people_seen(actor), now=START, limit=5)
    assert page.prev_cursor is None
    pages = [page]
    while page.next_cursor:
        page = queries.people_page(session, people_seen(actor), now=START, limit=5, after=page.next_cursor)
        pages.append(page)
    forwards = [row.public_id for each in pages for row in each.rows]
    assert [len(each.rows) for each in pages] == [5, 5, 2]
    assert len(set(forwards)) == 12
    back = queries.people_page(session, people_seen(actor), now=START, limit=5, before=pages[2].prev_cursor)
    assert back.rows == pages[1].rows
    first = queries.people_page(session, people_seen(actor), now=START, limit=5, before=back.prev_cursor)
    assert (first.rows, first.prev_cursor) == (pages[0].rows, None)
    assert first.next_cursor is not None


def test_the_list_takes_two_queries_however_long(session: Session) -> None:
    actor = crowd(session, 12)
    counts = []
    for limit in (2, 12):
        seen: list[str] = []
        listener = lambda *args, seen=seen: seen.append(args[2])  # noqa: E731 - removed again by its name below
        sa.event.listen(session.connection(), "before_cursor_execute", listener)
        queries.people_page(session, people_seen(actor), now=START, limit=limit)
        sa.event.remove(session.connection(), "before_cursor_execute", listener)
        counts.append(len(seen))
    assert counts == [2, 2]


def test_searching_looks_into_names_and_addresses(session: Session) -> None:
    actor = crowd(session, 4)
    found = [
        [row.name for row in queries.people_page(session, people_seen(actor), now=START, search=words).rows]
        for words in ("PERSON 02", "person1@", "100%", "_", "zoë")
    ]
    assert found == [["Person 02"], ["Same Name"], [], [], ["Zoë Last"]]
    holders = queries.people_page(session, people_seen(actor), now=START, role=Role.ADMIN)
    assert [(row.email, [each.role for each in row.grants]) for row in holders.rows] == [(ADMIN, [Role.ADMIN])]


@pytest.mark.parametrize(
    "cursor", ["x", "é", "e30", "WzFd", "W10", "WyJhIiwiYiJd", "WyJhIiwgMTAwMDAwMDAwMDAwMDAwMDAwMDAwXQ"]
)
def test_a_made_up_cursor_is_refused(session: Session, cursor: str) -> None:
    actor = crowd(session, 1)
    with pytest.raises(ValueError):
        queries.people_page(session, people_seen(actor), now=START, after=cursor)


def test_people_without_the_right_see_only_themselves(session: Session) -> None:
    crowd(session, 3)
    account = person(session, "me@example.org", "Me Myself")
    actor = queries.actor_of(session, account.person_id, START)
    assert not may(actor, Act.PEOPLE_READ)
    assert [row.name for row in queries.people_page(session, people_seen(actor), now=START).rows] == ["Me Myself"]
    other = queries.person_by_address(session, ADMIN)
    assert other is not None
    assert queries.person_by_public_id(session, people_seen(actor), other.public_id, START) is None
    own = queries.person_by_public_id(session, people_seen(actor), account.person.public_id, START)
    assert own is not None
    assert own.email == "me@example.org"
