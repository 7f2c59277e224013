"""Sparse files in tar archives: the four formats of their maps, and the content that they describe.

Here: GNU's old format (map in the header) and the pax formats 0.0, 0.1 and 1.0, as the GNU tar manual's appendix
"Storing Sparse Files" describes them. A map lists the parts that are stored; everything else is zeros. Not here: where
a map lies in an archive (``tar_walk``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dockml_dagster.study.layer.header import BLOCK, number
from dockml_dagster.study.layer.inflate import CorruptLayerError

Part = tuple[int, int]
"""Offset in the file and length, both in bytes, of a stored part."""

_ZEROS: Final = bytes(1 << 20)
_HEADER_SLOTS: Final = range(386, 386 + 4 * 24, 24)
_EXTENSION_SLOTS: Final = range(0, 21 * 24, 24)
_OLD_HEADER_MORE: Final = 482
_OLD_REAL_SIZE: Final = slice(483, 495)
_EXTENSION_MORE: Final = 504


def _slots(block: bytes, slots: range) -> list[Part]:
    parts = []
    for at in slots:
        if block[at] == 0:
            break
        offset = number(block[at : at + 12], "sparse offset")
        parts.append((offset, number(block[at + 12 : at + 24], "sparse length")))
    return parts


def old_gnu(header: bytes, next_block: Callable[[], bytes], most: int) -> tuple[int, list[Part] | None]:
    """Size and map of an `S` entry. ``next_block`` reads its extension blocks. Map None: more than ``most`` parts."""
    parts: list[Part] | None = _slots(header, _HEADER_SLOTS)
    more = header[_OLD_HEADER_MORE]
    while more:
        block = next_block()
        more = block[_EXTENSION_MORE]
        if parts is not None:
            parts += _slots(block, _EXTENSION_SLOTS)
            if len(parts) > most:
                parts = None
    return number(header[_OLD_REAL_SIZE], "real size"), parts


def pax_0(records: Sequence[tuple[bytes, bytes]], most: int) -> list[Part] | None:
    """The map in an extended header: `GNU.sparse.map` (0.1), or alternating offsets and lengths (0.0)."""
    flat: list[bytes] = []
    for key, value in records:
        if key == b"GNU.sparse.map":
            flat = value.split(b",") if value else []
        elif key in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:
            flat.append(value)
    return _pairs(flat) if len(flat) <= 2 * most else None


def pax_1(next_block: Callable[[], bytes], most: int) -> tuple[int, list[Part] | None]:
    """The map before the data (1.0): its bytes in the archive, and the parts. None: more than ``most`` parts.

    If the map is too long, only its first block was read.
    """
    buffer = next_block()
    taken = BLOCK
    lines: list[bytes] = []
    wanted = 1
    while True:
        *whole, buffer = buffer.split(b"\n")
        lines += whole
        if lines and wanted == 1:
            if not lines[0].isdigit() or len(lines[0]) > 20:
                raise CorruptLayerError("a sparse map is not made of numbers")
            if int(lines[0]) > most:
                return taken, None
            wanted = 1 + 2 * int(lines[0])
        if len(lines) >= wanted:
            return taken, _pairs(lines[1:wanted])
        if len(buffer) > BLOCK:
            raise CorruptLayerError("a sparse map is not made of numbers")
        buffer += next_block()
        taken += BLOCK


def _pairs(flat: Sequence[bytes]) -> list[Part]:
    if len(flat) % 2 or not all(item.isdigit() and len(item) <= 20 for item in flat):
        raise CorruptLayerError("a sparse map is not made of pairs of numbers")
    numbers = [int(item) for item in flat]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def is_sound(parts: Sequence[Part], size: int, stored: int) -> bool:
    """Whether the parts lie in order within the file and add up to the stored bytes."""
    end = total = 0
    for offset, length in parts:
        if offset < end or length < 0 or offset + length > size:
            return False
        end = offset + length
        total += length
    return total == stored


def expanded(parts: Sequence[Part], size: int, pieces: Iterator[memoryview]) -> Iterator[bytes | memoryview]:
    """The whole content, with zeros for the holes, from the stored ``pieces``. The map must be sound."""
    at = 0
    piece = memoryview(b"")
    for offset, length in (*parts, (size, 0)):
        hole = offset - at
        while hole > 0:
            yield _ZEROS[:hole]
            hole -= len(_ZEROS)
        left = length
        while left:
            piece = piece if piece else next(pieces)
            yield piece[:left]
            taken = min(left, len(piece))
            piece = piece[taken:]
            left -= taken
        at = offset + length
