"""``matsapply db``: bring the database to the newest revision, or say where it stands."""

from __future__ import annotations

import click

from matsapply import tables
from matsapply.commands.context import Stop, load_settings
from matsapply.platform import migrate


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest revision; safe to run from several machines at once."""
    settings = load_settings()
    before = migrate.current(settings.database)
    migrate.upgrade(settings.database)
    after = migrate.current(settings.database)
    click.echo(f"database: at revision {after}" + (" already" if before == after else f" (was {before or 'empty'})"))


@db.command()
def check() -> None:
    """Say whether the database stands at the newest revision and matches the models."""
    settings = load_settings()
    migrate.check(settings.database)
    if found := migrate.differences(settings.database):
        raise Stop(f"the database differs from the models in {len(found)} places, first: {found[0]}; make a migration")
    click.echo(
        f"database: at revision {migrate.current(settings.database)}, {len(tables.metadata.tables)} tables as declared"
    )
