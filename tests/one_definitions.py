"""Dagster's definitions, and the syntax trees that versions are hashes of, made once a process and not once a home.

Here: what takes the place of the two functions. Not here: when (``forked``, ``integration/conftest``).
"""

from collections.abc import Callable, Iterator
from functools import cache

JOBS = ("list_projects", "collect_projects", "make_findings")


def replacements() -> Iterator[tuple[object, str, Callable[..., object]]]:
    """Module, name of a function in it, and what gives the same answers without making them again."""
    from dockml_dagster import definitions
    from dockml_dagster.settings import Settings
    from dockml_dagster.warehouse import versions
    from dockml_dagster.warehouse.due import sources

    # A function of a module's text. A home remembers it too, but is empty at first.
    yield sources, "read_module", cache(sources.read_module)

    anew = definitions.defs

    @cache
    def made(_: str) -> object:
        found = anew()
        for job in JOBS:
            found.resolve_job_def(job)
        return found

    def defs() -> object:
        definitions.say_where()
        # Other settings or other SQL make other definitions, and all of that is in the build version.
        return made(versions.build_version(Settings.from_environment()))

    yield definitions, "defs", defs
