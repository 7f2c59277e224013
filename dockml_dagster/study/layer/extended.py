"""Headers that precede an entry and describe it: pax extended and global headers, GNU long names.

Here: which header wins, and what it changes. Not here: reading them from the archive (``tar_walk``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dockml_dagster.study.layer import header
from dockml_dagster.study.layer.inflate import CorruptLayerError

Records = tuple[tuple[bytes, bytes], ...]
"""Key and value of extended headers, in order. A later record overrides an earlier one; an empty value deletes it."""

# `_USUAL_TIMES`: the three times as GNU tar nearly always writes them, so that the lengths need no check.
_USUAL_TIMES = re.compile(
    rb"30 mtime=(\d{10})\.\d{9}\n30 atime=\d{10}\.\d{9}\n30 ctime=\d{10}\.\d{9}\n"
).fullmatch
_TIMES = re.compile(
    rb"(\d{1,3}) mtime=(\d{1,18})(?:\.\d*)?\n"
    rb"(?:(\d{1,3}) atime=\d{1,18}(?:\.\d*)?\n(\d{1,3}) ctime=\d{1,18}(?:\.\d*)?\n)?"
).fullmatch


def only_times(chunk: bytes, start: int, stop: int) -> int | None:
    """The modification time, if the extended header at ``chunk[start:stop]`` holds only it, or only all three times.

    Python's tarfile and GNU tar write such a header for every entry, so these are by far the most frequent ones. None: the
    header holds more, or is odd.
    """
    found = _USUAL_TIMES(chunk, start, stop)
    if found is not None:
        return int(found[1])
    found = _TIMES(chunk, start, stop)
    if found is None:
        return None
    own, mtime, atime, ctime = found.groups()
    if atime is None:
        return int(mtime) if int(own) == stop - start else None
    second, third = found.start(3), found.start(4)
    if int(own) == second - start and int(atime) == third - second and int(ctime) == stop - third:
        return int(mtime)
    return None


class Pending:
    """The headers read so far for the entry that follows.

    Attributes are None if no header sets them. A pax record overrides a GNU long name, which overrides the entry's own
    header. A global header applies to every entry after it, except for extended attributes and sparse maps. Engines ignore
    global headers altogether (Go's archive/tar), and such lists must not be repeated in the row of every entry.
    """

    # Defaults on the class make an instance cheap: some archives have an extended header for every entry.
    name: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    uid: int | None = None
    gid: int | None = None
    mtime: int | None = None
    sparse: Mapping[bytes, bytes] = MappingProxyType({})
    sparse_records: Sequence[tuple[bytes, bytes]] = ()
    notes: tuple[str, ...] = ()
    taken = 0
    """Bytes of all extended headers for this entry: a chain of them counts as one."""
    headers = 0
    """How many there are in the chain."""
    _xattrs: list[bytes] | None = None
    _sparse: dict[bytes, bytes] | None = None
    _records: list[tuple[bytes, bytes]] | None = None

    def __init__(self, told: Pending | None = None) -> None:
        """``told``: the global headers so far, so that they are not parsed again for each entry."""
        if told is not None:
            self.name, self.link, self.size = told.name, told.link, told.size
            self.uid, self.gid, self.mtime = told.uid, told.gid, told.mtime

    @property
    def xattrs(self) -> str | None:
        """Names of the extended attributes, sorted, joined by `,`."""
        return header.xattr_names(self._xattrs) if self._xattrs else None

    def take(self, records: Records) -> None:
        """Apply the records of an extended header."""
        sparse: dict[bytes, bytes] = {}
        mapped: list[tuple[bytes, bytes]] = []
        xattrs: list[bytes] = []
        for key, value in records:
            match key:
                case b"mtime":
                    self.mtime = header.pax_number(value, "mtime") if value else None
                case b"path":
                    self.name = value or None
                case b"linkpath":
                    self.link = value or None
                case b"size":
                    self.size = header.pax_number(value, "size") if value else None
                    if self.size is not None and self.size < 0:
                        raise CorruptLayerError("an extended header has a negative size")
                case b"uid":
                    self.uid = header.pax_number(value, "uid") if value else None
                case b"gid":
                    self.gid = header.pax_number(value, "gid") if value else None
                case _ if key.startswith(b"GNU.sparse."):
                    sparse[key[len(b"GNU.sparse.") :]] = value
                    mapped.append((key, value))
                case _ if b".xattr." in key:
                    xattrs.append(key)
        # Extended in place: a copy for each record, or for each header of a chain, would be quadratic.
        if mapped:
            self.sparse = self._sparse = self._sparse or {}
            self.sparse_records = self._records = self._records or []
            self._sparse.update(sparse)
            self._records += mapped
        if xattrs:
            self._xattrs = self._xattrs or []
            self._xattrs += xattrs

    def take_payload(self, payload: bytes) -> int:
        """Apply the data of an extended header. Returns the number of its records."""
        records = header.pax_records(payload)
        self.take(records)
        return len(records)

    def long_name(self, name: bytes) -> None:
        """Apply a GNU long name, unless an extended header has named the entry."""
        if self.name is None:
            self.name = name

    def long_link(self, link: bytes) -> None:
        """Apply a GNU long link name, unless an extended header has set one."""
        if self.link is None:
            self.link = link
