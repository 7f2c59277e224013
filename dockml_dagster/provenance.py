"""What computed a result: versions of dockml, of its SQL and readers, and of the libraries they stand on.

Belongs here: names and versions, for reports and exports. Does not: where the rows come from (``raw.listings``).
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

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


def libraries() -> dict[str, str]:
    """Package → version, Python itself included; a package that is not installed is left out."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "python": platform.python_version()}
