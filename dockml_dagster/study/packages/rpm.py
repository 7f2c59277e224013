"""rpm's package headers, as its database stores them.

Here: the index and data of one header (rpm's "header format": two numbers, 16 bytes for each entry, then data). Not here:
the database around headers (``images.scanning.rpm_database``, because SQLite reads files).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.packages.model import Claim, Package, Reading, path_keys, path_text, said

MOST_HEADER: Final = 64 << 20
_MOST_ENTRIES: Final = 65_536
_MOST_FILES: Final = 1_000_000
_NAME, _VERSION, _RELEASE, _EPOCH, _LICENCE, _ARCHITECTURE = 1000, 1001, 1002, 1003, 1014, 1022
_FOLDER_OF, _NAMES, _FOLDERS = 1116, 1117, 1118
_INT32, _STRING, _STRING_ARRAY, _I18N = 4, 6, 8, 9
_TEXTS: Final = frozenset({_STRING, _STRING_ARRAY, _I18N})
_NO_PACKAGE: Final = "gpg-pubkey"


def read_headers(path: str, blobs: Iterable[bytes]) -> Reading:
    """The packages of all headers of a database. Damaged headers are left out and reported."""
    packages: list[Package] = []
    claims: list[Claim] = []
    damaged = 0
    for blob in blobs:
        check_time()
        try:
            found = _package(blob)
        except (struct.error, ValueError, IndexError):
            damaged += 1
            continue
        if found is not None:
            packages.append(found[0])
            claims.append(found[1])
    problem = f"{damaged} headers are damaged" if damaged else None
    return Reading(path, "rpm", tuple(packages), tuple(claims), None, problem)


def _package(blob: bytes) -> tuple[Package, Claim] | None:
    tags = _tags(blob)
    name, version, release, licence, architecture = (
        said(tags[tag][0]) if tags.get(tag) else ""
        for tag in (_NAME, _VERSION, _RELEASE, _LICENCE, _ARCHITECTURE)
    )
    if not name or name == _NO_PACKAGE:
        return None
    epoch = tags.get(_EPOCH)
    full = f"{f'{int(epoch[0])}:' if epoch else ''}{version}{f'-{release}' if release else ''}"
    folders = tags.get(_FOLDERS, [])
    files = zip(tags.get(_FOLDER_OF, []), tags.get(_NAMES, []), strict=False)
    paths = [path_text(folders[int(folder)] + file) for folder, file in files]
    group = f"{name}-{full}.{architecture}"
    return Package("rpm", name, full, architecture, licence, group), Claim(group, path_keys(paths))


def _tags(blob: bytes) -> dict[int, list[bytes]]:
    """Tag → its values, with numbers as decimal text. Only tags that this module uses."""
    entries, size = struct.unpack_from(">II", blob)
    if entries > _MOST_ENTRIES or len(blob) < 8 + 16 * entries + size:
        raise ValueError("a header that is no header")
    start = 8 + 16 * entries
    data = blob[start : start + size]
    found: dict[int, list[bytes]] = {}
    for number in range(entries):
        tag, kind, offset, count = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        if tag not in _WANTED or tag in found or count > _MOST_FILES or offset > size:
            continue
        if kind == _INT32:
            found[tag] = [b"%d" % value for value in struct.unpack_from(f">{count}I", data, offset)]
        elif kind in _TEXTS:
            # At most `count` splits, so that each tag takes one pass over its own bytes.
            found[tag] = data[offset:].split(b"\0", count)[:count]
    return found


_WANTED: Final = frozenset(
    {_NAME, _VERSION, _RELEASE, _EPOCH, _LICENCE, _ARCHITECTURE, _FOLDER_OF, _NAMES, _FOLDERS}
)
