"""``dockml worker``: take batches of projects from the broker and collect them.

Here: its options. Not here: the worker (``instance.worker``).
"""

from __future__ import annotations

import click

from dockml_dagster.settings import Settings


@click.command(short_help="Collect for others: take batches of projects from the broker.")
@click.option(
    "--central",
    is_flag=True,
    help="Also make findings and publish, where the UI or a sensor asks: one, beside dockml ui.",
)
@click.option("--name", metavar="NAME", help="Name of this worker at the broker; default: by its process.")
def worker(*, central: bool, name: str | None) -> None:
    """Work for every dockml study and dockml ui with the same settings, until ended.

    DOCKML_CELERY_BROKER, DOCKML_DAGSTER_POSTGRES and a lake with its catalog in PostgreSQL are needed; DOCKML_HOME is this
    machine's own. One per machine is
    enough: it scans layers on all cores.

    \b
    dockml worker
    dockml worker --central                   beside dockml ui, with its DOCKML_HOME
    """
    from dockml_dagster.errors import BadInputError
    from dockml_dagster.instance.worker import serve

    settings = Settings.from_environment()
    if settings.celery_broker is None:
        raise BadInputError("a worker needs a broker; set DOCKML_CELERY_BROKER to redis://… or amqp://…")
    raise SystemExit(serve(settings, central=central, name=name))
