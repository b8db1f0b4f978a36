"""``matsapply serve`` and ``matsapply worker``."""

from __future__ import annotations

import os
import socket
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from matsapply.app import create_app
from matsapply.commands.context import Stop, load_settings, require_storage
from matsapply.commands.demos import prepare_demo, sign_in_lines
from matsapply.jobs import runner
from matsapply.platform import migrate
from matsapply.platform.settings import Settings


class Server(BaseApplication):
    """Gunicorn with our settings, as a library: no file and no second process to start."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self.settings = settings
        self.bind = f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self.bind,
            "workers": self.settings.workers,
            "threads": self.settings.threads,
            "worker_class": "gthread",
            "graceful_timeout": 25,
            "timeout": 60,
            "max_requests": 20_000,
            "max_requests_jitter": 2_000,
            "preload_app": False,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        app = create_app(self.settings)
        if self.settings.jobs == "thread":
            runner.start_in_thread(app)
        return app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--demo", is_flag=True, help="Load the demo where the data folder is empty; show its sign-ins.")
def serve(host: str, port: int, demo: bool) -> None:
    """Serve the site. With --demo it sets up everything it needs first."""
    require_free(host, port)
    base_url = os.environ.get("MATSAPPLY_BASE_URL") or f"http://localhost:{port}"
    settings = load_settings(demo=True if demo else None, base_url=base_url)
    require_storage(settings)
    if demo:
        migrate.upgrade(settings.database)
        prepare_demo(settings)
    else:
        migrate.check(settings.database)
    click.echo(f"\n  matsapply is on {settings.base_url}   (stop it with Ctrl-C; data in {settings.data})\n")
    if settings.demo:
        for line in sign_in_lines(settings):
            click.echo(line)
    Server(settings, host, port).run()


@click.command()
def worker() -> None:
    """Run the jobs in a process of their own (set jobs = "worker" for the web processes)."""
    settings = load_settings()
    require_storage(settings)
    migrate.check(settings.database)
    click.echo("worker: running; stop it with Ctrl-C")
    runner.run_worker(create_app(settings))


def require_free(host: str, port: int) -> None:
    """Stop with a clear line where something else listens on the port already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Stop(
                f"port {port} cannot be used ({error.strerror}); choose another: make run PORT={port + 1}"
            ) from None
