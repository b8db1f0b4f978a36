"""``matsapply cohort``: a cohort as a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from matsapply.cohorts.date_changes import DateRefused
from matsapply.cohorts.file import CohortFile, dump, parse
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.load_parts import LoadRefused
from matsapply.cohorts.stored import NoSuchCohort, dump_cohort
from matsapply.commands.context import Stop, load_settings, mistakes, transaction
from matsapply.mail import outbox
from matsapply.platform import clock
from matsapply.process.key_dates import tell_holders

MAX_FILE_BYTES = 2_000_000


@click.group()
def cohort() -> None:
    """A cohort as a YAML file: load it, check it, write it."""


@cohort.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Read FILE and report every mistake with its line and the rule it breaks. Writes nothing."""
    read(file)
    click.echo(f"{file}: no mistakes")


@cohort.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--confirm", is_flag=True, help="Let dates of a published cohort move earlier or open again.")
@click.option("--reason", default="", help="Why; kept in the log.")
def load(file: Path, confirm: bool, reason: str) -> None:
    """Create or update the cohort that FILE describes; loading what is there already changes nothing."""
    content = read(file)
    settings = load_settings()
    try:
        with transaction(settings) as session:
            report = load_cohort(session, content, clock.now(), confirmed=confirm, reason=reason)
            outbox.configure(settings)
            tell_holders(session, report.moves, clock.now())
    except (DateRefused, LoadRefused) as error:
        raise Stop(f"{file}: {error}; nothing was changed") from None
    click.echo(str(report))


@cohort.command(name="dump")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", default="", help="Which cohort; FILE's name without its ending where not given.")
def dump_command(file: Path, key: str) -> None:
    """Write a stored cohort to FILE ("-" for the screen); loading it again changes nothing."""
    settings = load_settings()
    try:
        with transaction(settings) as session:
            text = dump(dump_cohort(session, key or file.stem))
    except NoSuchCohort:
        raise Stop(f"there is no cohort {key or file.stem!r}; name one with --key") from None
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(f"{file} cannot be written: {error.strerror}") from None
    click.echo(f"{file}: written")


def read(file: Path) -> CohortFile:
    """Parse FILE; print its warnings; stop with its errors, one line each."""
    try:
        with file.open("rb") as source:
            parsed = parse(source.read(MAX_FILE_BYTES))
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from None
    for warning in parsed.warnings:
        click.echo(f"{file}:{warning} (warning)", err=True)
    if parsed.file is None:
        for mistake in parsed.errors[:-1]:
            click.echo(f"{file}:{mistake}", err=True)
        click.echo(f"{file}:{parsed.errors[-1]}", err=True)
        click.echo(f"matsapply: {file}: {mistakes(len(parsed.errors))}; nothing was changed", err=True)
        sys.exit(2)
    return parsed.file
