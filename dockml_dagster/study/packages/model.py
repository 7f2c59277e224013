"""The types of package databases (packages, claims on files) and of an image's packages.

Here: the values that all readers return and that make up an inventory, the key of a path, and functions that make untrusted
text short and printable. Not here: reading any one database.
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
"""Most bytes of a name, a version or a licence that are kept."""
_PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\n"
_NO_BEGINNINGS: Final = frozenset({b"", b".", b"/", b" "})
_NO_ENDS: Final = frozenset({b"", b"/", b" "})
_TO_CLEAN: Final = frozenset({b"", b".", b"/"})


class Package(NamedTuple):
    """One installed package, as its database lists it. ``licence``: as stated there, empty if not stated. ``group``: links
    it, within its ecosystem, to the claims on its files.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    architecture: str
    licence: str
    group: str


class Claim(NamedTuple):
    """The files that a database assigns to one package, as ``path_keys``. ``alternates``: where they may lie instead
    (merged /usr, `pip --target`). ``directories``: everything below belongs to the package, unless a nearer claim has it.
    """

    group: str
    files: bytes
    alternates: bytes = b""
    directories: tuple[str, ...] = ()


class Diversion(NamedTuple):
    """A path at which only the package ``by`` has its file; others that list it have theirs at ``to`` (dpkg-divert(1))."""

    path: str
    to: str
    by: str


class ImagePackage(NamedTuple):
    """One package of an image. ``database``: the file that lists it. ``layer``: the layer with most of its bytes; 0 is the
    lowest. ``inside``: the package that contains this one and has its bytes. ``files_missing``: listed but absent files.
    ``compressed_bytes``: its share of the compressed layers, estimated by bytes; None: a layer's size is unknown.
    ``visible``: a container sees it; otherwise it is only in hidden files.
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
    """The content of one database file of a layer. ``distribution``: id and version of the operating system, if the file
    is os-release. ``problem``: why the file, or the rest of it, could not be read. ``diversions``: paths that its packages
    have elsewhere.
    """

    path: str
    ecosystem: Ecosystem | None
    packages: tuple[Package, ...] = ()
    claims: tuple[Claim, ...] = ()
    distribution: tuple[str, str] | None = None
    problem: str | None = None
    diversions: tuple[Diversion, ...] = ()


def said(raw: bytes) -> str:
    """A database's text made short and printable, in UTF-8."""
    return text(raw.strip()[:MOST_TEXT])


def said_text(value: object) -> str:
    """``said`` for a value that may not be text; empty if it is not."""
    return said(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else ""


def path_text(raw: bytes) -> str:
    """A path in the form of ``LayerEntry.path``."""
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
    """Whether a printable path certainly has the form of ``LayerEntry.path``."""
    return (
        path[:1] not in _NO_BEGINNINGS
        and path[-1:] not in _NO_ENDS
        and b"/." not in path
        and b"//" not in path
    )


def are_clean(paths: Sequence[bytes]) -> bool:
    """Whether ``is_clean`` holds for every path, tested in one step."""
    every = b"\n".join(paths)
    ends = {path[:1] for path in paths} & _NO_BEGINNINGS or {path[-1:] for path in paths} & _NO_ENDS
    return not ends and b"/." not in every and b"//" not in every


def path_key_function() -> Callable[[bytes], int]:
    """The function from a cleaned path's UTF-8 to its key: XXH3-64, the same in every process."""
    import xxhash

    key: Callable[[bytes], int] = xxhash.xxh3_64_intdigest
    return key


def path_keys(paths: Iterable[str]) -> bytes:
    """The keys of cleaned paths, eight bytes each in this machine's byte order."""
    return keys_of(path.encode("utf-8", "surrogatepass") for path in paths)


def keys_of(paths: Iterable[bytes]) -> bytes:
    """``path_keys`` for paths that are already UTF-8."""
    return array("Q", map(path_key_function(), paths)).tobytes()
