"""``matsapply mail``: messages that did not arrive."""

from __future__ import annotations

import click

from matsapply.commands.context import Stop, load_settings, transaction
from matsapply.mail import actions, queries
from matsapply.platform import clock


@click.group()
def mail() -> None:
    """Messages that did not arrive."""


@mail.command()
def undelivered() -> None:
    """List the messages that were given up or came back, the newest first."""
    with transaction(load_settings()) as session:
        found = queries.undelivered(session)
    for line in found:
        click.echo(f"{line.public_id}  {line.created_at:%Y-%m-%d %H:%M} UTC  {line.recipient}  {line.subject}")
        click.echo(f"{'':<15}{line.state.value}: {line.last_error}")
    click.echo(f"{len(found)} not delivered" + ("; send again with: matsapply mail again KEY …" if found else ""))


@mail.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="Every message that was given up or came back.")
def again(keys: tuple[str, ...], everything: bool) -> None:
    """Try messages once more: those of the keys that 'undelivered' shows."""
    if bool(keys) == everything:
        raise Stop("name the keys of the messages to send again, or give --all")
    with transaction(load_settings()) as session:
        wanted = [line.public_id for line in queries.undelivered(session)] if everything else keys
        for key in wanted:
            if not actions.send_again(session, key, clock.now()):
                raise Stop(f"no message {key} was given up or came back; look at: matsapply mail undelivered")
    click.echo(f"{len(wanted)} will be tried again within a minute of the running site")
