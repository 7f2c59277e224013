"""A gzip file that can be read from checkpoints without starting over.

Here: seeking in the uncompressed bytes. Not here: what they hold (``tar_index``, ``files``).

``docker save | gzip`` is common, and archives are read out of order. zlib's decompressor can be copied (about 40 KB
with its window), so a copy at the start of each member makes that member reachable at once.
"""

import threading
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from dockml_dagster.clients.http.errors import BrokenContentError, TooLargeError
from dockml_dagster.study.layer.model import ScanLimits

if TYPE_CHECKING:
    from zlib import _Decompress

CHUNK = 1 << 16
MAX_CHECKPOINTS = 1024
_GZIP = 31  # zlib's wbits for gzip framing
_LIMITS = ScanLimits()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A copy of the decompressor before the output byte ``position``."""

    position: int
    raw_position: int
    pending: bytes
    ready: bytes
    decompressor: "_Decompress"


class Checkpoints:
    """The checkpoints of one file, shared by all its readers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[Checkpoint] = []

    def add(self, place: Checkpoint) -> None:
        """Add a checkpoint after all others; after 1,024 no more are added."""
        with self._lock:
            if len(self._places) < MAX_CHECKPOINTS and (
                not self._places or place.position > self._places[-1].position
            ):
                self._places.append(place)

    def before(self, position: int) -> Checkpoint | None:
        """The last checkpoint at or before ``position``."""
        with self._lock:
            at = bisect_right(self._places, position, key=lambda place: place.position)
            return self._places[at - 1] if at else None


class CheckpointedGzip:
    """The uncompressed bytes of a gzip file (several members allowed), with ``read`` and ``seek``.

    Seeking goes to the nearest checkpoint and decompresses from there. Raises BrokenContentError for damaged
    data, TooLargeError for more than a layer may inflate to (``ScanLimits.ratio``): seeking inflates what lies between.
    """

    def __init__(self, file: BinaryIO, checkpoints: Checkpoints) -> None:
        self._file, self._checkpoints = file, checkpoints
        self._position, self._raw_position = 0, 0
        self._pending, self._ready = b"", b""
        self._start(Checkpoint(0, 0, b"", b"", zlib.decompressobj(_GZIP)))

    def tell(self) -> int:
        """The position in the uncompressed bytes."""
        return self._position

    def remember(self) -> None:
        """Make a checkpoint at the present position."""
        self._checkpoints.add(
            Checkpoint(
                self._position, self._raw_position, self._pending, self._ready, self._decompressor.copy()
            )
        )

    def seek(self, position: int) -> int:
        """Go to a position, or to the end of the data if it is beyond."""
        place = self._checkpoints.before(position)
        if place is not None and (position < self._position or place.position > self._position):
            self._start(place)
        elif position < self._position:
            self._start(Checkpoint(0, 0, b"", b"", zlib.decompressobj(_GZIP)))
        while self._position < position and self.read(min(CHUNK * 4, position - self._position)):
            pass
        return self._position

    def read(self, most: int) -> bytes:
        """Up to ``most`` bytes; fewer only at the end."""
        pieces, length = [], 0
        while length < most:
            if not self._ready:
                self._ready = self._decompress(most - length)
                if not self._ready:
                    break
            piece, self._ready = self._ready[: most - length], self._ready[most - length :]
            pieces.append(piece)
            length += len(piece)
        self._position += length
        if _LIMITS.over_ratio(self._position, self._raw_position):
            raise TooLargeError("an archive that stopped at the cap on ratio")
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _start(self, place: Checkpoint) -> None:
        self._position, self._raw_position = place.position, place.raw_position
        self._pending, self._ready = place.pending, place.ready
        self._decompressor = place.decompressor.copy()
        self._file.seek(place.raw_position)

    def _decompress(self, most: int) -> bytes:
        while True:
            if not self._pending:
                self._pending = self._file.read(CHUNK)
                self._raw_position += len(self._pending)
            if self._decompressor.eof:
                if not self._pending.strip(b"\x00"):
                    if not self._pending:
                        return b""
                    # Zeros after the last member are padding.
                    self._pending = b""
                    continue
                self._decompressor = zlib.decompressobj(_GZIP)
            elif not self._pending:
                raise BrokenContentError("the gzip data ends early")
            try:
                piece = self._decompressor.decompress(self._pending, max(most, CHUNK))
            except zlib.error:
                raise BrokenContentError("damaged gzip data") from None
            self._pending = self._decompressor.unused_data or self._decompressor.unconsumed_tail
            if piece:
                return piece
