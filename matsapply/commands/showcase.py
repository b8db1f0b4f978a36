"""``matsapply showcase``: past fellows' papers."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matsapply.app import create_app
from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.jobs import work
from matsapply.platform import clock
from matsapply.platform.flask_db import db
from matsapply.rules.access import ANONYMOUS
from matsapply.showcase import importing, links, sources
from matsapply.showcase.known import known

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = 1_000_000  # bytes of a file, from where on its reading is told
MANY = 1000  # papers, from where on the writing is told


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
    if len(content) > LARGE:
        click.echo(f"reading {len(content) / 1_000_000:.0f} MB", err=True)
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
            report = importing.import_papers(
                session, reading, False, clock.now(), confirmed=True, source=file.name, tell=_progress(plan)
            )
        written = report.count(importing.CREATED), report.count(importing.CHANGED), report.questions_asked
        click.echo("written: {} new, {} changed, {} questions".format(*written))
    sys.exit(1 if reading.needs_a_person else 0)


def _progress(plan: importing.ImportReport) -> Callable[[int], None] | None:
    """Says how far the writing is, where it takes more than a moment."""
    total = plan.count(importing.CREATED) + plan.count(importing.CHANGED)
    if total < MANY:
        return None
    return lambda done: click.echo(f"written {done:,} of {total:,} papers", err=True)


def _confirmed() -> bool:
    """Ask; where nobody can answer, nothing is written."""
    if not sys.stdin.isatty():
        click.echo("to write this, run the command again with --yes", err=True)
        return False
    return click.confirm("Write this?", default=False)


@showcase.command(name="links")
@click.option("--again", is_flag=True, help="Look at every address, also at those looked at within the last week.")
def links_(again: bool) -> None:
    """Look at the papers' addresses and say which do not answer.

    Ends with status 1 where an address is broken. A redirect is told and not followed, an address that is not public
    is not asked, and without a network nothing is called broken.
    """
    settings = load_settings()
    app = create_app(settings)
    if again:
        with transaction(settings) as session:
            links.ask_again(session, ANONYMOUS, clock.now())
    looked_at = 0
    try:
        while more := work.check_links(app):
            looked_at += more
            click.echo(f"looked at {looked_at} addresses", err=True)
    finally:
        with app.app_context():
            db.engine.dispose()
    with transaction(settings) as session:
        found = links.report(session)
    counts = Counter(one.verdict.value for one in found)
    click.echo(
        ", ".join(f"{counts[verdict]} {verdict}" for verdict in links.Verdict if counts[verdict]) or "no address"
    )
    for one in found:
        if one.verdict is not links.Verdict.FINE:
            parts = [str(one.status or ""), one.problem, one.moved_to and f"to {one.moved_to}"]
            click.echo(f"{one.verdict.value}  {one.url}  {' '.join(filter(None, parts))}")
    sys.exit(1 if counts[links.Verdict.BROKEN] else 0)
