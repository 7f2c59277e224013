"""``dockml worker``: take batches of projects from the broker and collect them.

Here: its options. Not here: the worker (``instance.worker``).
"""

from __future__ import annotations

import click

from dockml_dagster.settings import Settings


@click.command(short_help="Collect projects for studies that use several machines.")
@click.option(
    "--central",
    is_flag=True,
    help="Also compute and publish findings when the UI or a sensor asks. Start one such worker, beside dockml ui.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="Name of this worker at the broker. Default: from the machine and the process.",
)
def worker(*, central: bool, name: str | None) -> None:
    """Take batches of projects from a broker and collect them, until ended.

    It works for every dockml study and dockml ui with the same settings: DOCKML_CELERY_BROKER, DOCKML_DAGSTER_POSTGRES,
    and a DOCKML_WAREHOUSE that is a DuckLake with its catalog in PostgreSQL. DOCKML_HOME is each machine's own. One
    worker per machine is enough: it reads layers on all cores.

    \b
    Examples:
      dockml worker
      dockml worker --central                   beside dockml ui, with its DOCKML_HOME
    """
    from dockml_dagster.errors import BadInputError
    from dockml_dagster.instance.worker import serve

    settings = Settings.from_environment()
    if settings.celery_broker is None:
        raise BadInputError("a worker needs a broker; set DOCKML_CELERY_BROKER to redis://… or amqp://…")
    raise SystemExit(serve(settings, central=central, name=name))
