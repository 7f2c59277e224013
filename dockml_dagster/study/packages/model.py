"""What a package database says, packages and claims on files; and what an image has of a package.

Here: the values that all readers give and that an inventory is made of, the key of a path, and what keeps a stranger's
words short and printable. Not here: reading any one database.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from dockml_dagster.study.layer.header import clean, text

Ecosystem = Literal["deb", "apk", "rpm", "conda", "pypi", "npm", "cran", "golang"]
"""Types of package URLs (purl-spec, PURL-TYPES)."""

MOST_TEXT: Final = 256
"""Bytes of a name, a version or a licence that are kept."""
_PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\n"
_NO_BEGINNINGS: Final = frozenset({b"", b".", b"/", b" "})
_NO_ENDS: Final = frozenset({b"", b"/", b" "})
_TO_CLEAN: Final = frozenset({b"", b".", b"/"})


class Package(NamedTuple):
    """One installed package, as its database has it. ``licence``: as stated there, empty where it states none. ``group``:
    what ties it to the claims on its files, within its ecosystem.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    architecture: str
    licence: str
    group: str


class Claim(NamedTuple):
    """The files that a database says are of one package, as ``path_keys``. ``alternates``: where they are instead if
    nothing lies there (merged /usr, `pip --target`). ``directories``: all below is the package's that no nearer claim has.
    """

    group: str
    files: bytes
    alternates: bytes = b""
    directories: tuple[str, ...] = ()


class ImagePackage(NamedTuple):
    """One package of an image. ``database``: the file that lists it. ``layer``: which layer has most of its files, 0 the
    lowest. ``inside``: the package that this one is part of, which has its bytes. ``files_missing``: claimed and not there.
    ``compressed_bytes``: its share of what the layers take compressed, estimated by bytes; None: a layer's size is unknown.
    ``visible``: a container sees it; else it is only in hidden files.
    """

    ecosystem: str
    name: str
    version: str
    architecture: str
    licence: str
    purl: str
    family: str | None
    database: str
    layer: int
    inside: str | None
    files: int
    files_missing: int | None
    bytes: int
    compressed_bytes: int | None
    hidden_files: int
    hidden_bytes: int
    visible: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What one database file of a layer said. ``distribution``: id and version of the operating system, where it is that
    file. ``problem``: why it, or the rest of it, could not be read.
    """

    path: str
    ecosystem: Ecosystem | None
    packages: tuple[Package, ...] = ()
    claims: tuple[Claim, ...] = ()
    distribution: tuple[str, str] | None = None
    problem: str | None = None


def said(raw: bytes) -> str:
    """What a database says in one word or line: short, UTF-8, printable."""
    return text(raw.strip()[:MOST_TEXT])


def said_text(value: object) -> str:
    """The same of a value that need not be text at all; empty for what is none."""
    return said(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else ""


def path_text(raw: bytes) -> str:
    """A path as ``LayerEntry.path`` has it."""
    if (
        raw.isascii()
        and raw[:1] not in _TO_CLEAN
        and b"/." not in raw
        and b"//" not in raw
        and raw[-1:] != b"/"
    ):
        path = raw.decode("ascii")
        if path.isprintable():
            return path
    return clean(text(raw))[0]


def is_printable(content: bytes) -> bool:
    """Whether a text is printable ASCII and line feeds."""
    return not content.translate(None, _PRINTABLE)


def is_clean(path: bytes) -> bool:
    """Whether a printable path is as ``LayerEntry.path`` has it; no to some that are, too."""
    return (
        path[:1] not in _NO_BEGINNINGS
        and path[-1:] not in _NO_ENDS
        and b"/." not in path
        and b"//" not in path
    )


def are_clean(paths: Sequence[bytes]) -> bool:
    """Whether ``is_clean`` says yes to each of many, asked at once."""
    every = b"\n".join(paths)
    ends = {path[:1] for path in paths} & _NO_BEGINNINGS or {path[-1:] for path in paths} & _NO_ENDS
    return not ends and b"/." not in every and b"//" not in every


def path_key_function() -> Callable[[bytes], int]:
    """The function that gives a cleaned path's key: XXH3-64 of its UTF-8, the same in every process."""
    import xxhash

    key: Callable[[bytes], int] = xxhash.xxh3_64_intdigest
    return key


def path_keys(paths: Iterable[str]) -> bytes:
    """Keys of cleaned paths, eight bytes each in this machine's order."""
    return keys_of(path.encode("utf-8", "surrogatepass") for path in paths)


def keys_of(paths: Iterable[bytes]) -> bytes:
    """The same of their UTF-8."""
    return array("Q", map(path_key_function(), paths)).tobytes()
