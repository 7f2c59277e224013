"""How Dagster starts a run on a worker: as a Celery task; and how it checks that the run is still being worked on.

Here: the class that ``dagster.yaml`` names. Not here: the worker (``worker``).
https://docs.dagster.io/deployment/execution/run-launchers
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from kombu import Exchange, Queue

from dockml_dagster.catalog import Session
from dockml_dagster.instance.dagster_internals import (
    CheckRunHealthResult,
    ConfigurableClassData,
    LaunchRunContext,
    WorkerStatus,
)
from dockml_dagster.instance.run_names import catalog_of, is_worked_on
from dockml_dagster.settings import Settings

COLLECTION: Final = "collection"
"""Queue of batches of projects, for every worker. ``defs.jobs`` tags its job with it."""
EVERYTHING: Final = "dockml"
"""Queue of all other runs. They publish, or maintain the home: only a central worker takes them."""

_EXCHANGE: Final = Exchange("dockml", type="topic")
# RabbitMQ disconnects a worker that does not acknowledge for half an hour; a batch may take longer. From 3.12 on the queue
# sets this timeout, before that only the server's configuration; other brokers ignore it.
_QUEUE_ARGUMENTS: Final = {"x-consumer-timeout": 24 * 3600 * 1000}


class WorkerLauncher(CeleryRunLauncher):  # type: ignore[misc]
    """``dagster_celery``'s launcher with our queues and without a result store: Dagster's own storage has the results."""

    def __init__(self, broker: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(default_queue=EVERYTHING, broker=broker, inst_data=inst_data)
        self.celery.conf.update(
            # The launcher's routing keys are `<queue>.execute_job`.
            task_queues=[
                Queue(name, _EXCHANGE, f"{name}.#", queue_arguments=_QUEUE_ARGUMENTS)
                for name in (COLLECTION, EVERYTHING)
            ],
            task_ignore_result=True,
            # A busy worker reserves no task that another could begin.
            worker_prefetch_multiplier=1,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
        )
        self._session: Session | None = None

    @classmethod
    def config_type(cls) -> Any:
        """The broker's address."""
        return {"broker": dg.Field(dg.StringSource, description="amqp://… or redis://…")}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> WorkerLauncher:
        """The launcher, as Dagster creates it."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the run to the broker."""
        with warnings.catch_warnings():
            # The base class registers its task again for each run, under the same name.
            warnings.filterwarnings("ignore", "Task name .* is already registered")
            super().launch_run(context)

    @property
    def supports_resume_run(self) -> bool:
        """False: the work of an interrupted batch is still due and is sent again as another run."""
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Judged by the lock that the worker holds while it works on the run."""
        if self._session is None:
            self._session = Session(catalog_of(Settings.from_environment()))
        if is_worked_on(self._session, run.run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "the worker that ran this is gone; what it wrote is kept"
        )

    def dispose(self) -> None:
        """Close the connection to the catalog."""
        if self._session is not None:
            self._session.close()
        super().dispose()
