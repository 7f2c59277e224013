"""An index of a tar archive that holds an image: names, offsets, sizes; no content.

Here: which entries there are and where their data are, with limits. Only headers are read; file data are skipped by
seeking. Not here: parsing headers, pax records and long names (``study.layer.header``, ``.extended``, shared with the walk
over layers), the walk over layers, which needs every entry's content.
"""

import posixpath
from dataclasses import dataclass
from typing import Protocol

from dockml_dagster.clients.http.errors import BrokenContentError, TooLargeError, UnsupportedError
from dockml_dagster.study.layer import header
from dockml_dagster.study.layer.extended import Pending
from dockml_dagster.study.layer.inflate import CorruptLayerError

BLOCK = header.BLOCK
MAX_MEMBERS = 100_000
MAX_EXTENSION = 1 << 20
MAX_EXTENSIONS = 4 << 20
"""Most bytes of all extended headers together: a compressed archive may repeat one thousands of times."""
MAX_NAME = 4096

_FILE_TYPES = frozenset({b"0", b"\x00", b"7"})
_LINK_TYPES = frozenset({b"1", b"2"})
_EXTENSIONS = frozenset({b"L", b"K", b"x", b"X", b"g"})


class Seekable(Protocol):
    """The file that the index reads from."""

    def read(self, most: int, /) -> bytes:
        """Up to ``most`` bytes; fewer only at the end."""
        ...

    def seek(self, position: int, /) -> int:
        """Go to a position."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A file (``target`` None) at ``offset`` with ``size`` bytes, or a link to the name ``target``."""

    offset: int
    size: int
    target: str | None = None


def read_tar_index(file: Seekable, *, remember: "Remember | None" = None) -> dict[str, Member]:
    """Files and links by name, without leading ``./``; if a name occurs twice, the last counts.

    ``remember`` is called with each file's size at the start of its data. Raises BrokenContentError,
    TooLargeError, UnsupportedError.
    """
    try:
        return _members(file, remember)
    except CorruptLayerError as error:
        raise BrokenContentError(f"no tar archive, or a damaged one: {error}") from None


def _members(file: Seekable, remember: "Remember | None") -> dict[str, Member]:
    members: dict[str, Member] = {}
    position = 0
    pending: Pending | None = None
    told: Pending | None = None
    taken = 0
    for _ in range(MAX_MEMBERS):
        file.seek(position)
        block = file.read(BLOCK)
        if not block.strip(b"\x00"):
            # Two empty blocks end an archive; some writers omit them.
            return members
        if len(block) < BLOCK:
            raise BrokenContentError("the archive ends inside a header")
        header.verify_checksum(block)
        kind, size = block[156:157], _size(header.number(block[124:136], "size"))
        start = position + BLOCK
        if kind in _EXTENSIONS:
            taken += size
            content = _extension(file, size, taken)
            position = start + _padded(size)
            if kind == b"g":
                told = Pending(told)
                _take(told, content)
                continue
            pending = pending or Pending(told)
            if kind == b"L":
                pending.long_name(content.partition(b"\x00")[0])
            elif kind == b"K":
                pending.long_link(content.partition(b"\x00")[0])
            else:
                _take(pending, content)
            continue
        pending = pending or Pending(told)
        if pending.sparse or kind == b"S":
            raise UnsupportedError("an archive with sparse files")
        name = _text(pending.name or header.raw_name(block))
        target = _text(pending.link or block[157:257].partition(b"\x00")[0])
        size = size if pending.size is None else _size(pending.size)
        pending = None
        if len(name) > MAX_NAME or len(target) > MAX_NAME:
            raise TooLargeError("an archive with names beyond 4,096 characters")
        if kind in _FILE_TYPES:
            members[plain_name(name)] = Member(start, size)
            if remember is not None:
                remember(start, size)
            position = start + _padded(size)
        elif kind in _LINK_TYPES:
            members[plain_name(name)] = Member(start, 0, _link_target(name, target, kind))
            position = start
        else:
            position = start + (_padded(size) if kind not in {b"3", b"4", b"5", b"6"} else 0)
    raise TooLargeError(f"an archive of more than {MAX_MEMBERS} entries")


class Remember(Protocol):
    """A callback with the position of a file's data."""

    def __call__(self, offset: int, size: int, /) -> None:
        """``offset`` and ``size`` in bytes."""
        ...


def _take(pending: Pending, content: bytes) -> None:
    try:
        pending.take_payload(content)
    except CorruptLayerError as error:
        raise BrokenContentError(f"a tar archive with a damaged PAX header: {error}") from None


def _size(size: int) -> int:
    if not 0 <= size < 1 << 62:
        raise BrokenContentError("a tar archive with an impossible size")
    return size


def _extension(file: Seekable, size: int, taken: int) -> bytes:
    if size > MAX_EXTENSION:
        raise TooLargeError(f"an archive with a header of {size} bytes")
    if taken > MAX_EXTENSIONS:
        raise TooLargeError(f"an archive with more than {MAX_EXTENSIONS} bytes of headers")
    content = file.read(size)
    if len(content) < size:
        raise BrokenContentError("the archive ends inside a header")
    return content


def _text(field: bytes) -> str:
    return field.decode(errors="replace")


def plain_name(name: str) -> str:
    """A member's normalised name: no ``./``, ``//`` or leading ``/``."""
    return posixpath.normpath(name).lstrip("/")


def _link_target(name: str, target: str, kind: bytes) -> str:
    # A hard link names a member of the archive; a symbolic link is relative to its own folder.
    if kind == b"1":
        return plain_name(target)
    return posixpath.normpath(posixpath.join(posixpath.dirname(plain_name(name)), target))


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
