"""Databases with one file for each package (conda, npm, R), and the name of the operating system.

Here: conda-meta JSON, package.json, DESCRIPTION, os-release. Not here: Python (``python``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.formats.json import load_or_none
from dockml_dagster.study.packages.model import (
    Claim,
    Package,
    Reading,
    path_keys,
    path_text,
    said,
    said_text,
)

_MOST: Final = 32 << 20
_QUOTES: Final = b"\"'"


def read_conda(path: str, content: bytes) -> Reading:
    """``PREFIX/conda-meta/*.json``: the package, and the files that are linked below the prefix."""
    found = load_or_none(content, _MOST)
    name, version = (
        (said_text(found.get(key)) for key in ("name", "version")) if isinstance(found, dict) else ("", "")
    )
    if not name:
        return Reading(path, "conda", problem="no JSON that names a package")
    prefix = path.rpartition("/")[0].rpartition("/")[0]
    start = f"{prefix}/" if prefix else ""
    listed = found.get("files")
    paths = []
    for file in listed if isinstance(listed, list) else ():
        check_time()
        if isinstance(file, str):
            paths.append(path_text(f"{start}{file}".encode("utf-8", "surrogatepass")))
    package = Package(
        "conda", name, version, said_text(found.get("subdir")), said_text(found.get("license")), path
    )
    return Reading(path, "conda", (package,), (Claim(path, path_keys([*paths, path])),))


def read_npm(path: str, content: bytes) -> Reading:
    """``node_modules/NAME/package.json``: the package owns its folder, except the packages inside."""
    found = load_or_none(content, _MOST)
    folder = path.rpartition("/")[0]
    if not isinstance(found, dict):
        return Reading(path, "npm", problem="no JSON object")
    scope, _, last = folder.rpartition("/")
    placed = f"{scope.rpartition('/')[2]}/{last}" if scope.rpartition("/")[2].startswith("@") else last
    licence = found.get("license")
    if isinstance(licence, dict):
        licence = licence.get("type")
    package = Package(
        "npm",
        said_text(found.get("name")) or placed,
        said_text(found.get("version")),
        "",
        said_text(licence),
        folder,
    )
    return Reading(path, "npm", (package,), (Claim(folder, b"", b"", (folder,)),))


def read_description(path: str, content: bytes) -> Reading:
    """R's ``library/NAME/DESCRIPTION``: one paragraph. The package owns the folder."""
    folder = path.rpartition("/")[0]
    fields = _fields(content, b":", (b"Package", b"Version", b"License"))
    if not fields.get(b"Package"):
        return Reading(path, "cran", problem="no name in it")
    name, version, licence = (said(fields.get(key, b"")) for key in (b"Package", b"Version", b"License"))
    package = Package("cran", name, version, "", licence, folder)
    return Reading(path, "cran", (package,), (Claim(folder, b"", b"", (folder,)),))


def read_os_release(path: str, content: bytes) -> Reading:
    """``os-release``: ID and VERSION_ID, as package URLs name a distribution."""
    fields = _fields(content, b"=", (b"ID", b"VERSION_ID"))
    name, version = (said(fields.get(key, b"").strip(_QUOTES)) for key in (b"ID", b"VERSION_ID"))
    return Reading(path, None, distribution=(name, version) if name else None)


def _fields(content: bytes, separator: bytes, wanted: tuple[bytes, ...]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in content.split(b"\n"):
        key, between, value = line.partition(separator)
        if between and key in wanted:
            found.setdefault(key, value.strip())
    return found
