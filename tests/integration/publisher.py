"""Publishes a small warehouse again and again; a program of its own, because DuckDB's locks are between processes.

Arguments: home, number of publications. Started by ``test_readers.py``, which wrote publication 0.
"""

import sys
from pathlib import Path

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.published.swap import publish

home, times = Path(sys.argv[1]), int(sys.argv[2])
settings = Settings.from_environment({"DOCKML_HOME": str(home)})
warehouse = Warehouse(settings.warehouse)
for number in range(1, times + 1):
    with warehouse.write() as connection:
        connection.execute("UPDATE findings.numbers SET publication = ?", [number])
    publish(warehouse, settings.published)
