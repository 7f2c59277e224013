"""dockml's Dagster instance: its folder and its ``dagster.yaml``.

Here: what must be on disk and in the environment before Dagster is imported. Not here: importing Dagster.
https://docs.dagster.io/deployment/oss/oss-instance-configuration
"""

from __future__ import annotations

import hashlib
import os
import re
from importlib.metadata import version
from pathlib import Path

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.storages import mark_storage
from dockml_dagster.warehouse.opening import make_home, make_shown

_STAMP = re.compile(
    r"# Written by dockml (?P<version>\S+) \((?P<hash>[0-9a-f]{12})\)[^\n]*\n\n(?P<rest>.*)", re.DOTALL
)
"""The first line of a file written by dockml, with the hash of the rest: an edited file belongs to the user."""

_FILES = """\
# Dagster's event log on SQLite, in its own files and format, with the files kept open between events.
event_log_storage:
  module: dockml_dagster.instance.event_log
  class: EventLog
  config:
    home:
      env: DAGSTER_HOME

"""

_ONE_MACHINE = """\
# Two runs at a time, never two of one corpus and never two that make findings: DuckDB has one writer, and runs that wait
# for each other cost more than they win. Runs that carry no such tag (a backfill from the UI) count for the two alone.
concurrency:
  runs:
    max_concurrent_runs: 2
    tag_concurrency_limits:
      - key: dockml/corpus
        value:
          applyLimitPerUniqueValue: true
        limit: 1
      - key: dockml/work
        value: findings
        limit: 1

"""

_STORAGE = """\
# The storage that comes with Dagster would connect anew for everything it asks.
storage:
  custom:
    module: dockml_dagster.instance.postgres
    class: PooledStorage
    config:
      postgres_url:
        env: DOCKML_DAGSTER_POSTGRES

"""

_WORKERS = """\
# Runs go to `dockml worker` by way of the broker, whose queue is the limit. Findings are made by one run at a time.
run_launcher:
  module: dockml_dagster.instance.launcher
  class: WorkerLauncher
  config:
    broker:
      env: DOCKML_CELERY_BROKER
concurrency:
  runs:
    max_concurrent_runs: -1
    tag_concurrency_limits:
      - key: dockml/work
        value: findings
        limit: 1
      - key: dockml/work
        value: listing
        limit: 1

"""

_COMMON = """\
# A run that cannot start or cannot be cancelled is marked failed. A run whose process is gone is ended by dockml itself
# (its sensors, and every dockml study): Dagster's default launcher has no way to look.
run_monitoring:
  enabled: true
  start_timeout_seconds: {start_timeout}
  cancel_timeout_seconds: 180
  poll_interval_seconds: 30
  free_slots_after_run_end_seconds: 60

# Only what crashed is run again, and only where the run asks for it by its tag dagster/max_retries. A step that failed
# says itself whether a retry can help.
run_retries:
  enabled: true
  max_retries: 0
  retry_on_asset_or_op_failure: false

# Ticks that did nothing are of no use after a week. Event logs of old runs are pruned by the job prune_runs: they hold
# when each project was collected, so the newest of every asset and project is kept.
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90
  auto_materialize:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90

# On the terminal what a person needs; the page of a run has each of its steps.
python_logs:
  python_log_level: INFO

telemetry:
  enabled: false
nux:
  enabled: false
"""

WORKSPACE_YAML = """\
# What `dagster dev`, the webserver and the daemon load.
load_from:
  - python_module:
      module_name: dockml_dagster.definitions
      location_name: dockml
"""
"""The repository's ``workspace.yaml``; written into the home for ``dockml ui``, which may run from anywhere."""


def dagster_yaml(settings: Settings) -> str:
    """The ``dagster.yaml`` for the settings."""
    workers = settings.celery_broker is not None
    rest = (
        (_FILES if settings.dagster_postgres is None else _STORAGE)
        + (_WORKERS if workers else _ONE_MACHINE)
        # A run may wait in the broker's queue until all earlier runs have ended.
        + _COMMON.replace("{start_timeout}", "86400" if workers else "300")
    )
    stamp = (
        f"# Written by dockml {version('dockml')} ({_hash(rest)}), which replaces it until you change it.\n\n"
    )
    return stamp + rest


def is_ours(text: str) -> bool:
    """Whether a ``dagster.yaml`` is unchanged since some version of dockml wrote it."""
    stamp = _STAMP.fullmatch(text)
    return stamp is not None and stamp["hash"] == _hash(stamp["rest"])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _missing_module(text: str) -> str | None:
    """A module of dockml that a ``dagster.yaml`` names but this version does not have."""
    named = re.findall(r"^\s*module:\s*(dockml_dagster[\w.]*)", text, re.MULTILINE)
    root = Path(__file__).parents[1]
    for name in named:
        path = root.joinpath(*name.split(".")[1:])
        if not (path.is_dir() or path.with_suffix(".py").is_file()):
            return str(name)
    return None


def prepare(settings: Settings) -> None:
    """Make the folders, write ``dagster.yaml`` if there is none or an unchanged one of ours, and set the environment.

    Raises:
        BadInputError: a folder cannot be made or written, or the settings of a fleet are incomplete.
    """
    _check(settings)
    make_home(settings.home, (settings.dagster_home, settings.warehouse.folder, settings.cache))
    make_shown(settings.published.parent)
    configuration = settings.dagster_home / "dagster.yaml"
    # A file that dockml wrote is kept up to date; an edited one belongs to the user.
    found = configuration.read_text(encoding="utf-8") if configuration.exists() else None
    if found is None or is_ours(found):
        configuration.write_text(dagster_yaml(settings), encoding="utf-8")
    elif missing := _missing_module(found):
        raise BadInputError(
            f"{configuration} names {missing}, which this version of dockml does not have; move the file away, and dockml "
            "writes a new one"
        )
    if settings.dagster_postgres is None:
        mark_storage(settings)
    (settings.dagster_home / "workspace.yaml").write_text(WORKSPACE_YAML, encoding="utf-8")
    # Steps may run in other processes, in another directory.
    os.environ.update(settings.environment())
    # One event for the planned projects of a batch instead of three for each project. Which projects failed is in
    # raw.outcomes, whatever Dagster planned.
    os.environ.setdefault("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "true")


def _check(settings: Settings) -> None:
    if settings.celery_broker is None:
        return
    if settings.dagster_postgres is None:
        raise BadInputError(
            "DOCKML_CELERY_BROKER is set: workers need a storage of Dagster's that they can share; "
            "set DOCKML_DAGSTER_POSTGRES to postgresql://…"
        )
    if settings.warehouse.catalog is None:
        raise BadInputError(
            "DOCKML_CELERY_BROKER is set: workers need a warehouse that they can share; set DOCKML_WAREHOUSE to "
            "ducklake:postgres:… and DOCKML_WAREHOUSE_DATA to s3://… or a folder that every machine sees"
        )
