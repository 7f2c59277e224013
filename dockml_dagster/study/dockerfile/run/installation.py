"""What one command installs, as one type for all package managers.

Here: the type. Not here: how it is read (``packages``, ``r_packages``).
"""

from dataclasses import dataclass

from dockml_dagster.study.dockerfile.managers.package_names import Package


@dataclass(frozen=True, slots=True)
class Installation:
    """One command that installs: its packages, the files that name more of them, and the options that practices need.

    ``ecosystem``: ``os``, ``python``, ``conda``, ``javascript``, ``r``, ``other``. ``requirement_files`` include the
    ``constraint_files``, which name versions and install nothing. ``no_recommends`` and ``no_cache`` are ``None``
    where the manager has no such option. ``index``: package indexes other than the default, as written. ``locked``:
    a lock file fixes the versions. ``cache_folder``: where an option puts the cache. ``local_index``: packages come from
    a folder, which fixes the versions.
    """

    manager: str
    ecosystem: str
    packages: tuple[Package, ...]
    requirement_files: tuple[str, ...] = ()
    no_recommends: bool | None = None
    no_cache: bool | None = None
    index: tuple[str, ...] = ()
    locked: bool = False
    constraint_files: tuple[str, ...] = ()
    cache_folder: str | None = None
    local_index: bool = False
