"""Package managers as data: one entry each, with its source.

Here: all managers by the name of their program. Not here: what a given command installs (``run.packages``), whether it
leaves a cache behind (``run.caches``).
"""

from dockml_dagster.study.dockerfile.managers.languages import LANGUAGES
from dockml_dagster.study.dockerfile.managers.model import Cache, Manager, Verb
from dockml_dagster.study.dockerfile.managers.python import PYTHON
from dockml_dagster.study.dockerfile.managers.system import SYSTEM

MANAGERS: dict[str, Manager] = {**SYSTEM, **PYTHON, **LANGUAGES}
"""Every manager, by the name of the program."""

__all__ = ["MANAGERS", "Cache", "Manager", "Verb"]
