"""``matsapply showcase``: past fellows' papers."""

from __future__ import annotations

from pathlib import Path

import click

from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.platform import clock
from matsapply.showcase import actions
from matsapply.showcase.file import parse


@click.group()
def showcase() -> None:
    """Past fellows' papers."""


@showcase.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def import_(file: Path, dry_run: bool) -> None:
    """Load the papers in FILE (JSON); what is there already stays as it is."""
    try:
        papers = parse(file.read_bytes())
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Stop(f"{file}: {error}; nothing was changed") from None
    settings = load_settings()
    with transaction(settings) as session:
        report = actions.import_papers(session, papers, dry_run=dry_run, now=clock.now())
    click.echo(str(report))
