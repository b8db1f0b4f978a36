"""``matsapply showcase``: past fellows' papers."""

from __future__ import annotations

from pathlib import Path

import click

from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.platform import clock
from matsapply.showcase import actions
from matsapply.showcase.file import MAX_BYTES, parse


@click.group()
def showcase() -> None:
    """Past fellows' papers."""


@showcase.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--yes", is_flag=True, help="Also apply the differences of papers that are there already.")
def import_(file: Path, dry_run: bool, yes: bool) -> None:
    """Load the papers in FILE (JSON); what is there already stays as it is, unless --yes."""
    try:
        with file.open("rb") as source:
            parsed = parse(source.read(MAX_BYTES + 1))
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from None
    for warning in parsed.warnings:
        click.echo(f"{file}:{warning} (warning)", err=True)
    if parsed.errors:
        for mistake in parsed.errors:
            click.echo(f"{file}:{mistake}", err=True)
        raise Stop(f"{file}: {len(parsed.errors)} mistake{'s' if len(parsed.errors) > 1 else ''}; nothing was changed")
    settings = load_settings()
    with transaction(settings) as session:
        report = actions.import_papers(
            session,
            parsed.papers,
            dry_run,
            clock.now(),
            confirmed=yes,
            source=file.name,
            warnings=parsed.warnings,
        )
    click.echo(str(report))
