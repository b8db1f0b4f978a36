"""``matsapply showcase``: past fellows' papers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.platform import clock
from matsapply.showcase import importing, sources
from matsapply.showcase.known import known


@click.group()
def showcase() -> None:
    """Past fellows' papers."""


@showcase.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--yes", is_flag=True, help="Write without asking: new papers, and differences of those that are there.")
def import_(file: Path, dry_run: bool, yes: bool) -> None:
    """Bring the papers in FILE into the showcase: JSON, CSV, BibTeX, CSL-JSON, a list of arXiv ids, or the
    programme's page as text.

    First the report and what would change; then, once you confirm, the writing, in one transaction. Ends with status 1
    where a person has to look at something, with 2 where nothing of the file can be stored.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from None
    settings = load_settings()
    with transaction(settings) as session:
        known_before = known(session)
    reading = sources.read(content, known_before, cache=settings.data / "arxiv")
    click.echo("\n".join(reading.lines()))
    if reading.broken:
        click.echo(f"matsapply: {file}: nothing was changed", err=True)
        sys.exit(2)
    with transaction(settings) as session:
        plan = importing.import_papers(session, reading, True, clock.now(), confirmed=True, source=file.name)
    click.echo(str(plan))
    if not dry_run and plan.would_write and (yes or _confirmed()):
        with transaction(settings) as session:
            report = importing.import_papers(session, reading, False, clock.now(), confirmed=True, source=file.name)
        written = report.count(importing.CREATED), report.count(importing.CHANGED), report.questions_asked
        click.echo("written: {} new, {} changed, {} questions".format(*written))
    sys.exit(1 if reading.needs_a_person else 0)


def _confirmed() -> bool:
    """Ask; where nobody can answer, nothing is written."""
    if not sys.stdin.isatty():
        click.echo("to write this, run the command again with --yes", err=True)
        return False
    return click.confirm("Write this?", default=False)
