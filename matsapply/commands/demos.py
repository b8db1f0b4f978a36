"""``matsapply demo``: plainly invented people, every stage of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.demo.cohort_files import START
from matsapply.demo.load import is_loaded, load_demo
from matsapply.demo.staff import APPLICANT_SIGN_INS, PASSWORD, STAFF_SIGN_INS
from matsapply.pages.account.passwords import hash_password
from matsapply.platform import clock

if TYPE_CHECKING:
    from matsapply.platform.settings import Settings

FIRST_DEMO = 400


@click.group()
def demo() -> None:
    """Demo data."""


@demo.command()
@click.option("--applications", default=2200, show_default=True, type=click.IntRange(20, 50_000))
@click.option("--seed", default=1, show_default=True, type=int)
def load(applications: int, seed: int) -> None:
    """Fill an empty database with four cohorts of invented applicants."""
    settings = load_settings()
    fill(settings, applications, seed)


def fill(settings: Settings, applications: int, seed: int) -> None:
    """Load the demo with a progress bar; a database with people in it is left as it is."""
    with transaction(settings) as session:
        if is_loaded(session):
            raise Stop("this database holds people already, and the demo is only for an empty one; give another DATA=")
        with click.progressbar(length=applications, label="demo applications") as bar:
            shown = 0

            def progress(done: int, total: int) -> None:
                nonlocal shown
                bar.update(min(done, total) - shown)
                shown = min(done, total)

            report = load_demo(
                session,
                applications=applications,
                seed=seed,
                password_hash=hash_password(PASSWORD, settings),
                progress=progress,
            )
    click.echo(str(report))


def prepare_demo(settings: Settings) -> None:
    """What ``serve --demo`` does first: load the demo once and set its clock, once."""
    with transaction(settings) as session:
        loaded = is_loaded(session)
    if not loaded:
        fill(settings, FIRST_DEMO, 1)
    current = clock.current()
    if isinstance(current, clock.DemoClock) and not current.path.exists():
        current.move_to(START)


def sign_in_lines(settings: Settings) -> list[str]:
    """The demo's sign-ins, as lines for the screen."""
    people = (*STAFF_SIGN_INS, *APPLICANT_SIGN_INS)
    wide = max(len(line.email) for line in people)
    lines = [f"  Sign in at {settings.base_url}/login with the password: {PASSWORD}", ""]
    lines += [
        f"    {line.email:<{wide}}  {line.who}: {line.look_at}" for line in (*STAFF_SIGN_INS, *APPLICANT_SIGN_INS)
    ]
    return [*lines, ""]
