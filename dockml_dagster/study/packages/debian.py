"""dpkg's databases: ``status``, ``info/*.list``, ``diversions``, and in distroless images one file for each package.

Here: reading them (deb822 paragraphs, dpkg(1) and dpkg-query(1)). Not here: finding them (``databases``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.packages.model import (
    Claim,
    Diversion,
    Package,
    Reading,
    is_clean,
    is_printable,
    keys_of,
    path_text,
    said,
)

_NOT_THERE: Final = frozenset({b"config-files", b"not-installed"})
_FIELDS: Final = (b"Package:", b"Version:", b"Architecture:", b"Status:")
_MERGED: Final = (b"bin/", b"sbin/", b"lib/", b"lib32/", b"lib64/", b"libx32/")
_MD5: Final = 32
_OF_DIVERSION: Final = 3
_MOST_DIVERSIONS: Final = 10_000


def read_status(path: str, content: bytes) -> Reading:
    """``var/lib/dpkg/status``: its packages, without those that are not installed or left only their configuration."""
    found = []
    for paragraph in content.split(b"\n\n"):
        check_time()
        package = _package(paragraph)
        if package is not None:
            found.append(package)
    return Reading(path, "deb", tuple(found))


def read_single_status(path: str, content: bytes) -> Reading:
    """``var/lib/dpkg/status.d/NAME``: one package, linked to ``NAME.md5sums`` by the file's name."""
    package = _package(content)
    group = path.rpartition("/")[2]
    return Reading(path, "deb", () if package is None else (package._replace(group=group),))


def _package(paragraph: bytes) -> Package | None:
    fields: dict[bytes, bytes] = {}
    for line in paragraph.split(b"\n"):
        if line.startswith(_FIELDS):
            field, _, value = line.partition(b":")
            fields[field] = value.strip()
    name, version = fields.get(b"Package"), fields.get(b"Version")
    state = fields.get(b"Status", b"").split()[-1:]
    if not name or not version or (state and state[0] in _NOT_THERE):
        return None
    return Package("deb", said(name), said(version), said(fields.get(b"Architecture", b"")), "", said(name))


def read_list(path: str, content: bytes) -> Reading:
    """``info/NAME.list`` or ``info/NAME:ARCH.list``: paths, including directories."""
    group = path.rpartition("/")[2].removesuffix(".list")
    return Reading(path, "deb", claims=(_claim(group, content.split(b"\n"), is_printable(content)),))


def read_single_files(path: str, content: bytes) -> Reading:
    """``status.d/NAME.md5sums``: in each line a sum, two spaces and a path. Configuration files are not listed."""
    group = path.rpartition("/")[2].removesuffix(".md5sums")
    return Reading(
        path, "deb", claims=(_claim(group, [line[_MD5:] for line in content.split(b"\n")], False),)
    )


def read_diversions(path: str, content: bytes) -> Reading:
    """``diversions``: three lines for each one: the path, the new path, and the diverting package (`:`: a user)."""
    lines = content.split(b"\n")
    found: list[Diversion] = []
    problem = None
    for at in range(0, len(lines) - _OF_DIVERSION + 1, _OF_DIVERSION):
        check_time()
        if len(found) >= _MOST_DIVERSIONS:
            problem = "more diversions than are read"
            break
        diverted, to, by = lines[at : at + _OF_DIVERSION]
        one = Diversion(path_text(diverted), path_text(to), said(by))
        found.append(one)
        if diverted.lstrip(b"/").startswith(_MERGED):
            found.append(Diversion(f"usr/{one.path}", _merged(one.to), one.by))
    return Reading(path, "deb", diversions=tuple(found), problem=problem)


def _merged(path: str) -> str:
    return f"usr/{path}" if path.encode("utf-8", "surrogatepass").startswith(_MERGED) else path


def _claim(group: str, lines: list[bytes], printable: bool) -> Claim:
    paths = []
    for line, following in zip(lines, (*lines[1:], b""), strict=True):
        # Folders are listed too, each before its content.
        if following.startswith(line + b"/"):
            continue
        if printable and line[:1] == b"/" and is_clean(line[1:]):
            paths.append(line[1:])  # almost all lines
            continue
        check_time()
        stripped = line.strip()
        if stripped and stripped != b"/.":
            paths.append(path_text(stripped).encode("utf-8", "surrogatepass"))
    # With a merged /usr, older packages list /bin/ls while the archive has usr/bin/ls.
    merged = [b"usr/" + path for path in paths if path.startswith(_MERGED)]
    return Claim(group, keys_of(paths), keys_of(merged))
