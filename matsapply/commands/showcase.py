"""``matsapply showcase``: past fellows' papers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.platform import clock
from matsapply.showcase import importing
from matsapply.showcase.file import parse


@click.group()
def showcase() -> None:
    """Past fellows' papers."""


@showcase.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--yes", is_flag=True, help="Apply differences of papers that are there already.")
def import_(file: Path, dry_run: bool, yes: bool) -> None:
    """Load the papers in FILE (JSON); what is there already stays as it is unless --yes is given."""
    try:
        parsed = parse(file.read_bytes())
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from None
    for finding in (*parsed.warnings, *parsed.errors):
        click.echo(f"{file}:{finding}", err=True)
    if parsed.errors:
        click.echo(f"matsapply: {file}: {len(parsed.errors)} mistakes; nothing was changed", err=True)
        sys.exit(2)
    settings = load_settings()
    with transaction(settings) as session:
        report = importing.import_papers(
            session,
            parsed.papers,
            dry_run=dry_run,
            now=clock.now(),
            confirmed=yes,
            source=file.name,
            warnings=parsed.warnings,
        )
    click.echo(str(report))
