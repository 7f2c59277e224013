"""The list of what lies where in a tar archive that holds an image: names, places, sizes; no content.

Here: ustar, GNU long names and PAX headers, as far as archives of images use them, with caps. Only headers
are read, file data is passed over by seeking. Not here: the tar walk over layers, which wants everything of
each entry.
"""

import posixpath
from dataclasses import dataclass
from typing import Protocol

from dockml_dagster.clients.http.errors import BrokenContentError, TooLargeError, UnsupportedError

BLOCK = 512
MAX_MEMBERS = 100_000
MAX_EXTENSION = 1 << 20
MAX_NAME = 4096

_FILE_TYPES = frozenset({b"0", b"\x00", b"7"})
_LINK_TYPES = frozenset({b"1", b"2"})


class Seekable(Protocol):
    """What the index reads from."""

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
    """Files and links by name, without leading ``./``; of a name given twice the last counts.

    ``remember`` is called with each file's size at the start of its data. Raises BrokenContentError,
    TooLargeError, UnsupportedError.
    """
    members: dict[str, Member] = {}
    position, count = 0, 0
    long_name: str | None = None
    long_link: str | None = None
    pax: dict[str, str] = {}
    while True:
        file.seek(position)
        header = file.read(BLOCK)
        if not header.strip(b"\x00"):
            # Two empty blocks end an archive; none at all is how some writers leave it.
            return members
        count += 1
        if count > MAX_MEMBERS:
            raise TooLargeError(f"an archive of more than {MAX_MEMBERS} entries")
        kind, size = _check(header)
        start = position + BLOCK
        if kind in {b"L", b"K", b"x", b"g"}:
            content = _extension(file, size)
            position = start + _padded(size)
            if kind == b"L":
                long_name = _text(content)
            elif kind == b"K":
                long_link = _text(content)
            elif kind == b"x":
                pax = _pax(content)
            continue
        name = pax.get("path") or long_name or _header_name(header)
        target = pax.get("linkpath") or long_link or _text(header[157:257])
        if "size" in pax:
            size = _decimal(pax["size"])
        if any(key.startswith("GNU.sparse") for key in pax) or kind == b"S":
            raise UnsupportedError("an archive with sparse files")
        long_name, long_link, pax = None, None, {}
        if len(name) > MAX_NAME or len(target) > MAX_NAME:
            raise TooLargeError("an archive with names beyond 4,096 characters")
        if kind in _FILE_TYPES:
            members[_plain(name)] = Member(start, size)
            if remember is not None:
                remember(start, size)
            position = start + _padded(size)
        elif kind in _LINK_TYPES:
            members[_plain(name)] = Member(start, 0, _link_target(name, target, kind))
            position = start
        else:
            position = start + (_padded(size) if kind not in {b"3", b"4", b"5", b"6"} else 0)


class Remember(Protocol):
    """Told where a file's data begin."""

    def __call__(self, offset: int, size: int, /) -> None:
        """``offset`` and ``size`` in bytes."""
        ...


def _check(header: bytes) -> tuple[bytes, int]:
    if len(header) < BLOCK:
        raise BrokenContentError("the archive ends inside a header")
    stored = _octal(header[148:156])
    if sum(header[:148]) + 8 * 32 + sum(header[156:]) != stored:
        raise BrokenContentError("no tar archive, or a damaged one")
    return header[156:157], _octal(header[124:136])


def _octal(field: bytes) -> int:
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] == 0xFF or value >= 1 << 62:
            raise BrokenContentError("a tar archive with an impossible size")
        return value
    digits = field.strip(b" \x00")
    # int() alone would also read signs and underscores.
    if digits.strip(b"01234567"):
        raise BrokenContentError("no tar archive, or a damaged one")
    return int(digits, 8) if digits else 0


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BrokenContentError("a tar archive with an impossible size")
    return int(text)


def _extension(file: Seekable, size: int) -> bytes:
    if size > MAX_EXTENSION:
        raise TooLargeError(f"an archive with a header of {size} bytes")
    content = file.read(size)
    if len(content) < size:
        raise BrokenContentError("the archive ends inside a header")
    return content


def _pax(content: bytes) -> dict[str, str]:
    records: dict[str, str] = {}
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        digits = content[at:space] if space > 0 else b""
        length = int(digits) if digits.isdigit() else 0
        record = content[space + 1 : at + length - 1]
        name, equals, value = record.partition(b"=")
        if length <= space + 1 - at or at + length > len(content) or not equals:
            raise BrokenContentError("a tar archive with a damaged PAX header")
        records[name.decode(errors="replace")] = value.decode(errors="replace")
        at += length
    return records


def _header_name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\x00" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\x00")[0].decode(errors="replace")


def _plain(name: str) -> str:
    return posixpath.normpath(name).lstrip("/")


def _link_target(name: str, target: str, kind: bytes) -> str:
    # A hard link names a member of the archive, a symbolic one a path from where it lies.
    if kind == b"1":
        return _plain(target)
    return posixpath.normpath(posixpath.join(posixpath.dirname(_plain(name)), target))


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
