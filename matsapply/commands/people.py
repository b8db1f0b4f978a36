"""``matsapply user``: people and their roles from the command line."""

from __future__ import annotations

import click
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email

from matsapply.cohorts.models import Cohort, Stream, Track
from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.pages.account.config import SHORTEST_PASSWORD
from matsapply.pages.account.passwords import hash_password
from matsapply.people import actions, queries
from matsapply.platform import clock
from matsapply.rules.access import ANONYMOUS
from matsapply.rules.stages import STAFF, Role, Scope

STAFF_NAMES = sorted(role.value for role in STAFF)


@click.group()
def user() -> None:
    """People and their roles."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="The name to show.")
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help=f"At least {SHORTEST_PASSWORD} characters.",
)
@click.option("--admin", is_flag=True, help="Grant the admin role for the whole program.")
def create(email: str, name: str, password: str, admin: bool) -> None:
    """Create a person who can sign in, with a confirmed address."""
    if len(password) < SHORTEST_PASSWORD:
        raise Stop(f"the password needs at least {SHORTEST_PASSWORD} characters; choose a longer one")
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Stop(f"{email!r} is no e-mail address: {error}") from None
    if not 1 <= len(name.strip()) <= actions.NAME_LENGTH:
        raise Stop(f"the name needs 1 to {actions.NAME_LENGTH} characters; give one with --name")
    settings = load_settings()
    now = clock.now()
    with transaction(settings) as session:
        if queries.account_by_address(session, email) is not None:
            raise Stop(f"{email} has an account already; use: matsapply user grant {email} --role …")
        account = actions.create_person(
            session,
            ANONYMOUS,
            display_name=name,
            email=email,
            password_hash=hash_password(password, settings),
            confirmed=True,
            now=now,
        )
        if admin:
            actions.grant(session, ANONYMOUS, account.person_id, Role.ADMIN, Scope.PROGRAM, None, now, None, now)
    click.echo(f"{email}: created" + (" with the admin role" if admin else ""))


@user.command()
@click.argument("email")
@click.option("--role", "role_name", type=click.Choice(STAFF_NAMES), required=True)
@click.option("--cohort", "cohort_key", default="", help="Limit the role to this cohort.")
@click.option("--track", "track_key", default="", help="… and to this track of it.")
@click.option("--stream", "stream_key", default="", help="… or to this stream of it.")
def grant(email: str, role_name: str, cohort_key: str, track_key: str, stream_key: str) -> None:
    """Grant a role, for the whole program or for one cohort, track or stream."""
    settings = load_settings()
    now = clock.now()
    with transaction(settings) as session:
        person = queries.person_by_address(session, email)
        if person is None:
            raise Stop(f"nobody has the address {email}; use: matsapply user create {email} --name …")
        scope, scope_id = Scope.PROGRAM, None
        if cohort_key:
            cohort_id = session.scalar(sa.select(Cohort.id).where(Cohort.key == cohort_key))
            if cohort_id is None:
                raise Stop(f"there is no cohort {cohort_key!r}")
            scope, scope_id = Scope.COHORT, cohort_id
            for key, model, narrower in ((track_key, Track, Scope.TRACK), (stream_key, Stream, Scope.STREAM)):
                if not key:
                    continue
                found = session.scalar(sa.select(model.id).where(model.cohort_id == cohort_id, model.key == key))
                if found is None:
                    raise Stop(f"the cohort {cohort_key} has no {narrower.value} {key!r}")
                scope, scope_id = narrower, found
        elif track_key or stream_key:
            raise Stop("a track or stream needs its cohort; add --cohort")
        actions.grant(session, ANONYMOUS, person.id, Role(role_name), scope, scope_id, now, None, now)
    click.echo(f"{email}: {role_name} for {stream_key or track_key or cohort_key or 'the program'}")
