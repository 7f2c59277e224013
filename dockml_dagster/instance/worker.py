"""The worker: takes runs from the broker and executes them, one at a time.

Here: the Celery task and the process around it. Not here: what a run does.

A run's step scans layers in as many processes as there are cores, so one worker per machine is enough.
"""

from __future__ import annotations

import os
from typing import Any

from dockml_dagster.instance.home import prepare
from dockml_dagster.settings import Settings


def serve(settings: Settings, *, central: bool, name: str | None = None) -> int:
    """Work until ended; returns the exit code. ``central``: also take runs that publish or maintain the home.

    Raises:
        BadInputError: the settings are not those of a fleet.
    """
    prepare(settings)
    import dagster as dg

    from dockml_dagster.instance.launcher import COLLECTION, EVERYTHING
    from dockml_dagster.instance.sending import launcher_of

    with dg.DagsterInstance.get() as instance:
        app = launcher_of(instance).celery
    _add_task(app, settings)
    queues = [COLLECTION, EVERYTHING] if central else [COLLECTION]
    arguments = [
        "worker", "--pool=prefork", "--concurrency=1", "--loglevel=WARNING", "--without-gossip", "--without-mingle",
        f"--queues={','.join(queues)}", f"--hostname={name or f'dockml-{os.getpid()}'}@%h",
    ]  # fmt: skip
    app.worker_main(arguments)
    return 0


def _add_task(app: Any, settings: Settings) -> None:
    from celery import Celery
    from dagster_celery.config import TASK_EXECUTE_JOB_NAME
    from dagster_celery.tasks import create_execute_job_task

    from dockml_dagster.instance.dagster_internals import ExecuteRunArgs, unpack_value
    from dockml_dagster.instance.run_names import catalog_of, working_on

    catalog = catalog_of(settings)
    # Not shared, because Celery would also register it in our application, where it would replace our task.
    body = create_execute_job_task(Celery("dockml-body", set_as_current=False), shared=False)

    # Acknowledged when done, so that a run is not lost when its worker ends. A run that the broker delivers twice, as Redis
    # does after an hour, does no harm: the second worker finds its lock held, or the run begun.
    @app.task(name=TASK_EXECUTE_JOB_NAME, acks_late=True, reject_on_worker_lost=True, ignore_result=True)  # type: ignore[untyped-decorator]
    def execute_job(execute_job_args_packed: Any) -> int:
        run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
        with working_on(catalog, run_id) as mine:
            return int(body.run(execute_job_args_packed)) if mine else 0
