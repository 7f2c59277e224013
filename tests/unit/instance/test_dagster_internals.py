"""What dockml takes of Dagster's inside is there. A failure here means: the pin of Dagster was raised.

Here: each name, and what to do where it went. Not here: what it is used for (its users' own tests).
"""

from importlib import import_module

import pytest

WHAT_TO_DO = {
    "SqliteEventLogStorage": "instance.event_log subclasses it: look for _connect, _initdb, _db_lock and "
    "_has_asset_key_col_on_connection. Without it in dagster.yaml every run is slower, and nothing else",
    "SqlEventLogStorageTable": "the table of events: instance.event_log.store_event writes rows of it. Without that method "
    "every check costs a few milliseconds more, and nothing else",
    "AssetCheckExecutionsTable": "the table of what checks said, written by the same method",
    "SqlPollingEventWatcher": "the watcher of the storages on servers; instance.event_log watches with it",
    "SQLITE_BUSY_TIMEOUT_SECONDS": "a number of seconds: any will do",
    "ConfigurableClassData": "the first argument of every storage and launcher of one's own; only its name is needed",
    "LaunchRunContext": "the argument of RunLauncher.launch_run",
    "CheckRunHealthResult": "the answer of RunLauncher.check_run_worker_health",
    "WorkerStatus": "the states in that answer",
    "ReconstructableRepository": "tells a worker where the definitions are; see instance.sending",
    "BaseWorkspaceRequestContext": "a type only",
    "ExecuteRunArgs": "what Dagster's Celery task is given",
    "unpack_value": "reads ExecuteRunArgs from its JSON",
}


@pytest.mark.parametrize("name", WHAT_TO_DO)
def test_it_is_where_it_was(name: str) -> None:
    try:
        found = getattr(import_module("dockml_dagster.instance.dagster_internals"), name)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{error}; {WHAT_TO_DO[name]}")
    assert found is not None


def test_each_name_has_advice() -> None:
    assert set(import_module("dockml_dagster.instance.dagster_internals").__all__) == set(WHAT_TO_DO)
