"""Which files of an image are package databases.

Here: decisions by path. Not here: contents (``reading``). Almost no file is a database, so the last segment of a path is
tested first.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Form = Literal[
    "dpkg_status",
    "dpkg_list",
    "dpkg_diversions",
    "dpkg_single_status",
    "dpkg_single_files",
    "apk",
    "rpm_sqlite",
    "rpm_unread",
    "metadata",
    "record",
    "egg_files",
    "egg_top_level",
    "conda",
    "npm",
    "r",
    "os_release",
]

_DPKG: Final = "var/lib/dpkg/"
_STATUS: Final = _DPKG + "status.d/"
_STATUS_LENGTH: Final = len(_STATUS)
_RPM: Final = r"(?:var/lib/rpm|usr/lib/sysimage/rpm|usr/share/rpm)/"
_BY_NAME: Final[dict[str, tuple[tuple[str, Form], ...]]] = {
    "status": ((r"var/lib/dpkg/status", "dpkg_status"),),
    "diversions": ((r"var/lib/dpkg/diversions", "dpkg_diversions"),),
    "installed": ((r"(?:usr/)?lib/apk/db/installed", "apk"),),
    "rpmdb.sqlite": ((_RPM + r"rpmdb\.sqlite", "rpm_sqlite"),),
    "rpmdb.sqlite-wal": ((_RPM + r"rpmdb\.sqlite-wal", "rpm_unread"),),
    "Packages": ((_RPM + r"Packages", "rpm_unread"),),
    "Packages.db": ((_RPM + r"Packages\.db", "rpm_unread"),),
    "METADATA": ((r".*\.dist-info/METADATA", "metadata"),),
    "RECORD": ((r".*\.dist-info/RECORD", "record"),),
    "PKG-INFO": ((r".*\.egg-info/PKG-INFO", "metadata"), (r".*\.egg/EGG-INFO/PKG-INFO", "metadata")),
    "installed-files.txt": ((r".*\.egg-info/installed-files\.txt", "egg_files"),),
    "top_level.txt": ((r".*\.egg-info/top_level\.txt", "egg_top_level"),),
    "package.json": ((r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json", "npm"),),
    "DESCRIPTION": ((r"(?:.*/)?(?:site-)?library/[^/]+/DESCRIPTION", "r"),),
    "os-release": ((r"(?:etc|usr/lib)/os-release", "os_release"),),
}
_COMPILED: Final = {
    name: tuple((re.compile(f"(?s:{pattern})").fullmatch, form) for pattern, form in tests)
    for name, tests in _BY_NAME.items()
}


def database_form(path: str) -> Form | None:
    """The kind of database at this cleaned path; None: it is not a database."""
    name = path[path.rfind("/") + 1 :]
    tests = _COMPILED.get(name)
    if tests is not None:
        for matches, form in tests:
            if matches(path):
                return form
    if name[-5:] == ".list" or path[:_STATUS_LENGTH] == _STATUS:
        if not path.startswith(_DPKG):
            return None
        folder, _, rest = path[len(_DPKG) :].partition("/")
        if folder == "info" and rest.endswith(".list"):
            return "dpkg_list"
        if folder == "status.d" and rest and "/" not in rest:
            return "dpkg_single_files" if rest.endswith(".md5sums") else "dpkg_single_status"
        return None
    if name[-5:] == ".json" and path.endswith(f"conda-meta/{name}"):
        return "conda"
    if name[-9:] == ".egg-info":
        return "metadata"  # old installers write a single file
    return None
