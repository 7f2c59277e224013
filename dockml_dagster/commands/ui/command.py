"""``dockml ui``: the Dagster UI and its daemon.

Here: its options. Not here: preparing the home (``instance.home``), the processes (``serve``).
"""

from __future__ import annotations

import sys

import click

from dockml_dagster.settings import Settings


@click.command(short_help="Serve the Dagster UI, with its daemon.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. The UI has no login, so others should not reach it.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen on."
)
def ui(host: str, port: int) -> None:
    """Serve the Dagster UI, with the daemon that runs backfills, sensors and schedules. Ctrl-C ends both.

    \b
    Examples:
      dockml ui
      dockml ui --port 3001
    """
    from dockml_dagster.commands.ui.serve import serve
    from dockml_dagster.instance.home import prepare

    prepare(Settings.from_environment())
    sys.exit(serve(host, port))
