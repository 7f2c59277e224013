"""The version of everything that findings are computed by: the SQL, the seeds, the readers.

Here: one hash. It changes when the same raw rows would give other findings; then findings are due.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from dockml_dagster.warehouse.models import folder
from dockml_dagster.warehouse.rows import combined_hash

LIBRARIES = (
    "dockml",
    "duckdb",
    "dagster",
    "dockerfile-parse",
    "e2b-dockerfile-utils",
    "tree-sitter-bash",
    "scipy",
    "statsmodels",
    "altair",
    "vl-convert-python",
)
"""The packages on which numbers and figures depend."""


@cache
def reader_version() -> str:
    """Version of the Dockerfile reader with the seeds it reads by: makes texts due for reading again."""
    from dockml_dagster.study.readings import READER_VERSION, SEEDS

    texts = [(folder() / "seeds" / f"{name}.csv").read_bytes() for name in SEEDS]
    return f"{READER_VERSION}-{combined_hash(texts)[:8]}"


@cache
def labeller_version() -> str:
    """Version of the labellers with the seeds they judge by: makes projects due for labelling again."""
    from dockml_dagster.study.labels.machine import LABELLER_VERSION, SEEDS

    texts = [(folder() / "seeds" / f"{name}.csv").read_bytes() for name in SEEDS]
    return f"{LABELLER_VERSION}-{reader_version()}-{combined_hash(texts)[:8]}"


@cache
def build_version() -> str:
    """Hash of every file under ``dbt_like_sql/`` and of the versions of what reads and labels."""
    from dockml_dagster.study.advice.project import FACTS_VERSION
    from dockml_dagster.study.image_links import RULES_VERSION

    root = folder()
    parts: list[str | bytes] = [reader_version(), labeller_version(), RULES_VERSION, FACTS_VERSION]
    for path in sorted(root.rglob("*")):
        if path.is_file():
            parts += [path.relative_to(root).as_posix(), path.read_bytes()]
    return combined_hash(parts)[:16]


def libraries() -> dict[str, str]:
    """Package → version, Python itself included; a package that is not installed is left out."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "python": platform.python_version()}
