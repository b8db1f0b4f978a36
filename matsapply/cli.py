"""The ``matsapply`` command. Every failure a person can mend is one line that says how, and exit status 2."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa

from matsapply.commands import cohorts, databases, demos, doctor, mail, people, running, showcase, simulate
from matsapply.commands.context import Stop
from matsapply.pages.phrases import sentence
from matsapply.platform.migrate import MigrationError
from matsapply.platform.settings import SettingsError
from matsapply.rules.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The admissions system of a selective research fellowship."""


for command in (
    running.serve,
    running.worker,
    databases.db,
    cohorts.cohort,
    demos.demo,
    showcase.showcase,
    people.user,
    mail.mail,
    doctor.doctor,
    simulate.simulate,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit status."""
    try:
        cli(args=arguments, prog_name="matsapply", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort:
        _fail("stopped", 130)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (SettingsError, MigrationError, Stop) as error:
        _fail(str(error), 2)
    except Refused as error:
        _fail(f"{sentence(error.refusal)} Nothing was changed.", 2)
    except sa.exc.OperationalError as error:
        _fail(f"the database did not answer: {_first_line(error.orig)}; run: matsapply doctor", 2)
    except sa.exc.DBAPIError as error:
        _fail(f"the database cannot be used: {_first_line(error.orig)}; run: matsapply doctor", 2)
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}", 2)


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]


def _fail(message: str, status: int) -> None:
    click.echo(f"matsapply: {message}", err=True)
    sys.exit(status)
