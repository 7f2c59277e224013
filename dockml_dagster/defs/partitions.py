"""The one partition dimension: projects.

Here: adding and removing its keys, ``<corpus>/<owner>/<name>``. Only selected projects are partitions; candidates of
the funnel are rows. Not here: which projects there are (``assets.repo_list``), which are due (``warehouse.due``).
https://docs.dagster.io/guides/build/partitions-and-backfills/partitioning-assets
"""

from collections.abc import Iterable

import dagster as dg

projects_partitions = dg.DynamicPartitionsDefinition(name="project")

# SQLite refuses statements with very many variables (dagster#16260).
CHUNK = 500


def register(instance: dg.DagsterInstance, keys: Iterable[str]) -> list[str]:
    """Add the keys that are not partitions yet, in the given order; returns the added ones."""
    known = set(instance.get_dynamic_partitions("project"))
    new = [key for key in keys if key not in known]
    for start in range(0, len(new), CHUNK):
        instance.add_dynamic_partitions("project", new[start : start + CHUNK])
    return new


def remove(instance: dg.DagsterInstance, keys: Iterable[str]) -> list[str]:
    """Remove the partitions with these keys; returns the removed ones. Their events stay in the log."""
    known = set(instance.get_dynamic_partitions("project"))
    old = [key for key in keys if key in known]
    for key in old:
        instance.delete_dynamic_partition("project", key)
    return old
