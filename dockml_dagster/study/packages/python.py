"""Python's packages: ``*.dist-info`` and ``*.egg-info``.

Here: METADATA and PKG-INFO (core metadata), RECORD ("Recording installed projects"), the files of older installers.
Names are compared by PEP 503. Not here: which package contains which (``ownership``).
"""

from __future__ import annotations

import csv
import re
from typing import Final

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.packages.model import (
    Claim,
    Package,
    Reading,
    are_clean,
    is_clean,
    is_printable,
    keys_of,
    path_keys,
    path_text,
    said,
)

_LICENCE_CLASSIFIER: Final = b"License ::"
_LONGEST_LICENCE: Final = 120
_LONGEST_LINE: Final = 8192
_UP: Final = re.compile(rb"\A(?:\.\./)+")
_SEPARATORS: Final = re.compile(r"[-_.]+")


def normalised(name: str) -> str:
    """A project's name, normalised by PEP 503."""
    return _SEPARATORS.sub("-", name).lower()


def read_metadata(path: str, content: bytes) -> Reading:
    """METADATA, PKG-INFO or a single-file egg-info: the package, from the header lines up to the first empty one."""
    fields: dict[bytes, bytes] = {}
    classified = b""
    for line in content.replace(b"\r\n", b"\n").partition(b"\n\n")[0].split(b"\n"):
        check_time()
        key, colon, value = line.partition(b":")
        if not colon or key[:1].isspace():
            continue
        key = key.lower()
        if key == b"classifier" and value.strip().startswith(_LICENCE_CLASSIFIER):
            classified = classified or value.rpartition(b"::")[2]
        elif key in {b"name", b"version", b"license", b"license-expression"}:
            fields.setdefault(key, value.strip())
    name, version = fields.get(b"name"), fields.get(b"version")
    if not name:
        return Reading(path, "pypi", problem="no name in it")
    stated = fields.get(b"license-expression") or fields.get(b"license", b"")
    if not stated or stated.upper() == b"UNKNOWN" or len(stated) > _LONGEST_LICENCE or b"opyright" in stated:
        stated = classified  # some packages put the whole text of the licence there
    group = path if path.endswith(".egg-info") else path.rpartition("/")[0]
    return Reading(
        path, "pypi", (Package("pypi", said(name), said(version or b""), "", said(stated), group),)
    )


def read_record(path: str, content: bytes) -> Reading:
    """RECORD: path, hash and size in each line. Paths are relative to the folder with the dist-info."""
    group = path.rpartition("/")[0]
    base = group.rpartition("/")[0]
    folder = base.encode("utf-8", "surrogatepass")
    start = folder + b"/"
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    problem = None
    if b'"' in content:
        cells = [_first_cell(line) for line in content.split(b"\n")]
        names = [cell for cell in cells if cell is not None]
        problem = "lines that cannot be read" if len(names) < len(cells) else None
    else:
        names = [line.partition(b",")[0] for line in content.rstrip(b"\n").split(b"\n")]
    others: list[bytes] = names
    usual: list[bytes] = []
    if is_printable(content):
        # Almost all paths are clean. Installers sort them, so those that begin with a dot come first.
        first = next((at for at, name in enumerate(names) if is_clean(name)), len(names))
        others, usual = names[:first], names[first:]
        if not are_clean(usual):
            others += [name for name in usual if not is_clean(name)]
            usual = [name for name in usual if is_clean(name)]
    files: list[bytes] = []
    elsewhere: list[str] = []
    for cell in others:
        check_time()
        name = cell.strip()
        if not name:
            continue
        said_path = path_text(name if name.startswith(b"/") else start + name)
        files.append(said_path.encode("utf-8", "surrogatepass"))
        if name.startswith(b"../"):
            # `pip install --target` records ../../bin/x but installs it below the target.
            elsewhere.append(path_text(start + _UP.sub(b"", name)))
    files += [start + name for name in usual] if folder else usual
    return Reading(
        path, "pypi", claims=(Claim(group, keys_of(files), path_keys(elsewhere)),), problem=problem
    )


def _first_cell(line: bytes) -> bytes | None:
    if len(line) > _LONGEST_LINE:
        return None
    if not line.startswith(b'"'):
        return line.partition(b",")[0]
    try:
        cells = next(csv.reader([line.decode("utf-8", "surrogateescape")]), [""])
    except csv.Error:  # a carriage return within the line, or a NUL
        return None
    return cells[0].encode("utf-8", "surrogateescape")


def read_egg_files(path: str, content: bytes) -> Reading:
    """``installed-files.txt``: paths relative to the egg-info folder."""
    group = path.rpartition("/")[0]
    start = group.encode("utf-8", "surrogatepass") + b"/"
    paths = [path_text(start + line.strip()) for line in content.split(b"\n") if line.strip()]
    return Reading(path, "pypi", claims=(Claim(group, path_keys(paths)),))


def read_top_level(path: str, content: bytes) -> Reading:
    """``top_level.txt``: the modules beside the egg-info, which are folders or single files."""
    group = path.rpartition("/")[0]
    base = group.rpartition("/")[0]
    start = f"{base}/" if base else ""
    names = [said(line) for line in content.split(b"\n")[:1000]]
    names = [name for name in names if name and "/" not in name and name not in {".", ".."}]
    folders = tuple(f"{start}{name}" for name in names)
    return Reading(
        path,
        "pypi",
        claims=(Claim(group, path_keys(f"{folder}.py" for folder in folders), b"", (*folders, group)),),
    )
