"""What headers in front of an entry say about it: pax extended and global headers, GNU long names.

Here: which of them wins, and what it changes. Not here: reading them off the archive (``tar_walk``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from dockml_dagster.study.layer import header
from dockml_dagster.study.layer.inflate import CorruptLayerError

Records = tuple[tuple[bytes, bytes], ...]
"""Key and value of extended headers, in order; a later one wins, an empty one withdraws."""

# GNU tar's three times as it nearly always writes them, where the lengths need no check; the shorter forms of all.
_USUAL_TIMES = re.compile(
    rb"30 mtime=(\d{10})\.\d{9}\n30 atime=\d{10}\.\d{9}\n30 ctime=\d{10}\.\d{9}\n"
).fullmatch
_TIMES = re.compile(
    rb"(\d{1,3}) mtime=(\d{1,18})(?:\.\d*)?\n"
    rb"(?:(\d{1,3}) atime=\d{1,18}(?:\.\d*)?\n(\d{1,3}) ctime=\d{1,18}(?:\.\d*)?\n)?"
).fullmatch


def only_times(chunk: bytes, start: int, stop: int) -> int | None:
    """The modification time, if the extended header that lies there says nothing but that, or that and the two other
    times.

    Python's tarfile and GNU tar write the one or the other for every entry: by far the most frequent extended headers.
    None: there is more in it, or something is odd.
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

    Attributes are None where nothing was said. A pax record wins over a GNU long name, that over the entry's
    own header.
    """

    # On the class, so that making one costs nothing: some archives have an extended header for every entry.
    name: bytes | None = None
    link: bytes | None = None
    size: int | None = None
    uid: int | None = None
    gid: int | None = None
    mtime: int | None = None
    xattrs: str | None = None
    sparse: Mapping[bytes, bytes] = MappingProxyType({})
    notes: tuple[str, ...] = ()
    records: Records = ()
    taken = 0
    """Bytes of extended headers for this entry: a chain of them counts as one."""

    def __init__(self, records: Records = ()) -> None:
        if records:
            self.take(records)

    def take(self, records: Records) -> None:
        """Take up the records of an extended header."""
        self.records = self.records + records if self.records else records
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
                    self.sparse = {**self.sparse, key[len(b"GNU.sparse.") :]: value}
                case _ if b".xattr." in key:
                    self.xattrs = header.xattr_names([name for name, _ in self.records])

    def take_payload(self, payload: bytes) -> Records:
        """Take up the data of an extended header; its records, for a global header to be kept."""
        records = header.pax_records(payload)
        self.take(records)
        return records

    def long_name(self, name: bytes) -> None:
        """Take up a GNU long name, unless an extended header has named the entry."""
        if self.name is None:
            self.name = name

    def long_link(self, link: bytes) -> None:
        """Take up a GNU long link name, likewise."""
        if self.link is None:
            self.link = link
