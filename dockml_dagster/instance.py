"""dockml's Dagster instance: its folder and its ``dagster.yaml``.

Belongs here: what has to be on disk and in the environment before Dagster is imported. Does not: importing Dagster.
https://docs.dagster.io/deployment/oss/oss-instance-configuration
"""

from __future__ import annotations

import os

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import make_folder

DAGSTER_YAML = """\
# Written by dockml when this file was not there; yours to change.

# Dagster's event log on SQLite, in its own files and format, with the files kept open between events.
event_log_storage:
  module: dockml_dagster.defs.event_log
  class: EventLog
  config:
    home:
      env: DAGSTER_HOME

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

# A run that cannot start or cannot be cancelled is marked failed. A run whose process is gone is ended by dockml itself
# (its sensors, and every dockml study): Dagster's default launcher has no way to look.
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
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


def prepare(settings: Settings) -> None:
    """Make the folders, write ``dagster.yaml`` where there is none, and point the environment at them.

    Raises:
        BadInputError: a folder cannot be made or written.
    """
    for folder in (settings.dagster_home, settings.warehouse.folder, settings.published.parent):
        make_folder(folder)
    configuration = settings.dagster_home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(DAGSTER_YAML, encoding="utf-8")
    (settings.dagster_home / "workspace.yaml").write_text(WORKSPACE_YAML, encoding="utf-8")
    # Steps may run in processes of their own, in another directory.
    os.environ["DOCKML_HOME"] = str(settings.home)
    os.environ["DOCKML_WAREHOUSE"] = settings.warehouse.address
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    # One event says which projects a batch is going to collect, not three for each of them. Which of them failed is in
    # raw.outcomes whatever Dagster planned.
    os.environ.setdefault("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "true")
    if settings.ease2022:
        os.environ["DOCKML_EASE2022"] = str(settings.ease2022)
