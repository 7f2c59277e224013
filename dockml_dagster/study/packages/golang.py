"""Go's build information: the modules from which a binary was built. Every Go binary since 1.18 holds it.

Here: finding it while a binary streams by, and parsing it (Go's packages debug/buildinfo and runtime/debug). The binary is
the package; its dependencies are inside it. Not here: which files are searched (``images.scanning.inside``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.packages.model import Claim, Package, Reading, path_keys, said

NOTE: Final = b"Go\0\0"
"""The name of the note with the build id, in the first page of a Go binary."""
NOTE_WITHIN: Final = 4096

_MAGIC: Final = b"\xff Go buildinf:"
_ALIGNED: Final = 16
_HEADER: Final = 32
_INLINE: Final = 2
"""Flag of the format since Go 1.18. Earlier ones held addresses of strings."""
_SENTINEL: Final = 16
_MOST_INFO: Final = 1 << 20
_MOST_MODULES: Final = 10_000
_MOST_VARINT: Final = 5


def is_of_go(chunk: bytes | bytearray, start: int, stop: int) -> bool:
    """Whether ``chunk[start:stop]`` begins a Go binary, which holds no code for GPUs."""
    return chunk.find(NOTE, start, min(stop, start + NOTE_WITHIN)) >= 0


class GoReader:
    """Searches one file for build information."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._at = 0
        self._tail = b""
        self._info: bytearray | None = None

    def add(self, piece: bytes) -> None:
        """The next piece of the file."""
        if self._info is not None:
            self._info += piece[: max(_MOST_INFO - len(self._info), 0)]
            return
        data = self._tail + piece
        base = self._at - len(self._tail)
        found = data.find(_MAGIC)
        while found >= 0 and (base + found) % _ALIGNED:
            found = data.find(_MAGIC, found + 1)
        self._at += len(piece)
        self._tail = data[-len(_MAGIC) + 1 :]
        if found >= 0:
            self._info = bytearray(data[found : found + _MOST_INFO])

    def end(self) -> Reading | None:
        """The modules; None: the file has no build information, or only in the format before Go 1.18."""
        return None if self._info is None else read_build_info(self._path, bytes(self._info))


def read_build_info(path: str, info: bytes) -> Reading | None:
    """The modules in build information, which begins with its magic. None: it has none that can be read."""
    if len(info) <= _HEADER or not info[15] & _INLINE:
        return None
    version, at = _text(info, _HEADER)
    modules, _ = _text(info, at)
    if len(modules) < 2 * _SENTINEL:
        return None
    packages: list[Package] = []
    main = b""
    for line in modules[_SENTINEL:-_SENTINEL].split(b"\n")[:_MOST_MODULES]:
        cells = line.split(b"\t")
        if cells[0] in {b"mod", b"dep"} and len(cells) > 2:
            packages.append(_module(cells, path))
        elif cells[0] == b"=>" and len(cells) > 2 and packages:
            packages[-1] = _module(cells, path)  # a replacement of the module before
        elif cells[0] == b"path" and len(cells) > 1:
            main = cells[1]
    if not packages and not main:
        return None
    if main and b"\nmod\t" not in modules:
        # Built without modules: only the path of its main package names it.
        packages.insert(0, Package("golang", said(main), "", "", "", path))
    packages.append(Package("golang", "stdlib", said(version), "", "", path))
    return Reading(path, "golang", tuple(packages), (Claim(path, path_keys([path])),))


def _module(cells: list[bytes], path: str) -> Package:
    return Package("golang", said(cells[1]), said(cells[2]), "", "", path)


def _text(info: bytes, at: int) -> tuple[bytes, int]:
    """A text after its length as a varint, and where the text ends."""
    length = shift = 0
    for number in range(_MOST_VARINT):
        if at >= len(info):
            return b"", at
        byte = info[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or number == _MOST_VARINT - 1:
            break
    return info[at : at + length], at + length
