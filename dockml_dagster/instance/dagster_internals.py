"""All private names of Dagster that dockml uses, in one place.

Here: the names, each with its purpose. Not here: any use. No other module of dockml imports a private module of Dagster
(``tests/conventions/test_imports.py``), and ``tests/unit/instance/test_dagster_internals.py`` says for each name what to do
when Dagster moves it. Dagster is pinned exactly, so only a developer who raises the pin meets this.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dagster._core.definitions.reconstruct import ReconstructableRepository
    from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
    from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
    from dagster._core.workspace.context import BaseWorkspaceRequestContext
    from dagster._grpc.types import ExecuteRunArgs
    from dagster._serdes import ConfigurableClassData, unpack_value

__all__ = [
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "AssetCheckExecutionsTable",
    "BaseWorkspaceRequestContext",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "ExecuteRunArgs",
    "LaunchRunContext",
    "ReconstructableRepository",
    "SqlEventLogStorageTable",
    "SqlPollingEventWatcher",
    "SqliteEventLogStorage",
    "WorkerStatus",
    "unpack_value",
]

_MODULES: Final = {
    "SQLITE_BUSY_TIMEOUT_SECONDS": "dagster._core.storage.sqlite",
    "AssetCheckExecutionsTable": "dagster._core.storage.event_log.schema",
    "BaseWorkspaceRequestContext": "dagster._core.workspace.context",
    "CheckRunHealthResult": "dagster._core.launcher",
    "ConfigurableClassData": "dagster._serdes",
    "ExecuteRunArgs": "dagster._grpc.types",
    "LaunchRunContext": "dagster._core.launcher",
    "ReconstructableRepository": "dagster._core.definitions.reconstruct",
    "SqlEventLogStorageTable": "dagster._core.storage.event_log.schema",
    "SqlPollingEventWatcher": "dagster._core.storage.event_log.polling_event_watcher",
    "SqliteEventLogStorage": "dagster._core.storage.event_log",
    "WorkerStatus": "dagster._core.launcher",
    "unpack_value": "dagster._serdes",
}


def __getattr__(name: str) -> Any:
    """Import a name on demand: importing all takes 0.4 s, and one process needs a few."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(_MODULES[name]), name)
