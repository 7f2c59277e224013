"""Decompression of a layer under caps, with the SHA-256 of its bytes. The first bytes decide the compression.

Here: the compressed side of a scan. Gzip with any number of members (eStargz has one for each file), zstd with any
number of frames and skippable frames (zstd:chunked), bzip2 and xz (old engines accepted them), plain archives.
The media type does not count, because registries have layers with a wrong one (BuildKit's `…diff.tar.zstd`, see
stereoscope#486). Not here: what is in the archive (``tar_walk``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from dockml_dagster.study.layer.model import Cap, Compression, ScanLimits

COMPRESSED_CHUNK: Final = 512 << 10
_PLAIN_CHUNK: Final = 1 << 20
"""Bytes of an uncompressed archive that are read at once. They are hashed while the core's second cache holds them; smaller
chunks would split more files."""
INFLATED_CHUNK: Final = 2 << 20
"""Inflating and walking alternate and evict each other from the core's first cache. With 64 KiB at a time the walk
took half as long again. Memory stays at a few chunks."""

AHEAD_FROM: Final = 8 << 20
"""Beyond this many bytes of a stream a thread for the rest pays off."""
_AHEAD_CHUNK: Final = 2 << 20
"""Bytes that are read ahead at once. They come from another core, so first-level caches do not help, and each chunk costs a
hand-over."""

SKIPPABLE_FRAME: Final = range(0x184D2A50, 0x184D2A60)
# 128 MiB bounds a worker's memory. Beyond it zstd(1) itself demands --long.
_WINDOW_LOG_MAX: Final = 27
_XZ_MEMORY: Final = 96 << 20
_FIRST_PORTION: Final = 1 << 10
_MAGIC: Final = 10  # bytes that suffice to recognise every compression

Clock = Callable[[], float]
"""A monotonic clock, in seconds."""
Chunks = Callable[[], bytes]
"""The next inflated bytes, at most ``INFLATED_CHUNK``; b"" at the end."""
Ask = Callable[[int], object]
"""Is called with the number of members or frames so far, and may end the reading by raising."""


class ByteStream(Protocol):
    """The source of a layer: a file, a response body, a buffer. Short reads are allowed; b"" is the end."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes."""
        ...


class MakesAhead(Protocol):
    """Gives the results of a function in order; the function is called ahead of time."""

    def __call__(self) -> Any:
        """The next result. Raises what the function raised."""

    def stop(self) -> None:
        """Stop calling the function."""


Ahead = Callable[[Callable[[], Any]], MakesAhead]
"""Calls a function ahead of time, maybe in another thread. Nothing else may touch the data that the function uses."""


class _Decompressor(Protocol):
    """The interface that the standard library's decompressors with bounded output share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class CapHitError(Exception):
    """The reading stopped at a cap, which ``cap`` names."""

    def __init__(self, cap: Cap) -> None:
        super().__init__(cap)
        self.cap = cap


class CorruptLayerError(ValueError):
    """The bytes violate their format. The message is one line."""


class CompressedBytes:
    """The compressed side: reads the stream, counts and hashes its bytes under caps, and can peek and step back."""

    def __init__(
        self,
        stream: ByteStream,
        limits: ScanLimits,
        clock: Clock,
        *,
        digest: bool,
        ahead: Ahead | None = None,
    ) -> None:
        self._stream = stream
        self._ahead = ahead
        self._made: MakesAhead | None = None
        self._max = limits.compressed_bytes
        self._clock = clock
        self._deadline = min(clock() + limits.seconds, limits.ends)
        self._sha = hashlib.sha256() if digest else None
        self._held = b""
        self._at = 0
        self.count = 0
        self.at_end = False

    def _fetch(self, size: int) -> bytes:
        if self._clock() > self._deadline:
            raise CapHitError("seconds")
        if self._made is None and self._ahead is not None and self.count >= AHEAD_FROM:
            self._made = self._ahead(lambda: self._hashed(_AHEAD_CHUNK))
        data: bytes = self._hashed(size) if self._made is None else self._made()
        if not data:
            self.at_end = True
            return b""
        # Counted when the bytes are used, so that no cap depends on how far ahead they were read.
        self.count += len(data)
        if self.count > self._max:
            raise CapHitError("compressed_bytes")
        return data

    def _hashed(self, size: int) -> bytes:
        data = self._stream.read(size)
        if self._sha is not None:
            self._sha.update(data)
        return data

    def read(self, size: int) -> bytes:
        """The next bytes; b"" at the end. Raises ``CapHitError`` for bytes or time, and whatever the stream raises."""
        if self._at >= len(self._held):
            self._held, self._at = self._fetch(max(size, COMPRESSED_CHUNK)), 0
        at = self._at
        self._at = min(at + size, len(self._held))
        return self._held[at : self._at]  # a slice of a whole bytes object makes no copy

    def plain(self) -> bytes:
        """The next bytes as they come; b"" at the end. They are not kept, so that the next chunk can reuse their memory."""
        data, self._held, self._at = self._held[self._at :], b"", 0
        return data or self._fetch(_PLAIN_CHUNK)

    @property
    def consumed(self) -> int:
        """The bytes that were given out: ``count`` without what is held."""
        return self.count - len(self._held) + self._at

    def step_back(self, count: int) -> None:
        """Unread the last ``count`` bytes of the last ``read``. They are already counted and hashed."""
        self._at -= count

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes (fewer only at the end), without consuming them."""
        while len(self._held) - self._at < size and (more := self._fetch(COMPRESSED_CHUNK)):
            self._held, self._at = self._held[self._at :] + more, 0
        return self._held[self._at : self._at + size]

    def drain(self) -> None:
        """Read to the end, without inflating, so that the digest is complete."""
        self._held, self._at = b"", 0
        while self._fetch(1 << 20):
            pass

    def stop(self) -> None:
        """Stop reading ahead."""
        if self._made is not None:
            self._made.stop()

    def digest(self) -> str | None:
        """`sha256:…` of all bytes; None if they were not all read or no digest was asked for."""
        return None if self._sha is None or not self.at_end else "sha256:" + self._sha.hexdigest()


class InflatedBytes:
    """The inflated side: one chunk after the other, under the caps on bytes and ratio."""

    def __init__(
        self, source: CompressedBytes, limits: ScanLimits, *, diff_id: bool, ahead: Ahead | None = None
    ) -> None:
        self.compression: Compression = sniff(source.peek(_MAGIC))
        self._next: Chunks = _OPENERS[self.compression](source, self._ask)
        self._source = source
        self._limits = limits
        self._sha = hashlib.sha256() if diff_id else None
        # For plain bytes the source itself reads ahead.
        self._ahead = ahead if diff_id or self.compression != "none" else None
        self._made: MakesAhead | None = None
        self._inflated = 0
        self._at_end = False
        self.count = 0
        """Inflated bytes so far."""
        self.fed = 0
        """Compressed bytes that the chunks returned so far took."""

    def read(self) -> bytes:
        """The next chunk (at most ``INFLATED_CHUNK``); b"" at the end.

        Raises ``CapHitError``, ``CorruptLayerError``, and whatever the stream raises.
        """
        if self._made is None and self._ahead is not None and self.count >= AHEAD_FROM:
            self._made = self._ahead(self._chunk)
        data: bytes
        try:
            data, self.fed = self._chunk() if self._made is None else self._made()
        except (CapHitError, CorruptLayerError):
            self.count, self.fed = self._inflated, self._source.count
            raise
        self.count += len(data)
        self._at_end = not data
        return data

    def _chunk(self) -> tuple[bytes, int]:
        """The next chunk, and the number of compressed bytes up to its end."""
        data = self._next()
        self._inflated += len(data)
        limits, fed = self._limits, self._source.count
        if self._inflated > limits.inflated_bytes:
            raise CapHitError("inflated_bytes")
        if limits.over_ratio(self._inflated, fed):
            raise CapHitError("ratio")
        if self._sha is not None:
            self._sha.update(data)
        return data, fed

    def _ask(self, members: int) -> None:
        limits = self._limits
        if members > limits.members_from and members * limits.member_bytes > self._source.consumed:
            raise CapHitError("ratio")

    def stop(self) -> None:
        """Stop inflating ahead."""
        if self._made is not None:
            self._made.stop()

    def diff_id(self) -> str | None:
        """`sha256:…` of the inflated stream; None if it was not asked for or the stream not read to its end."""
        return None if self._sha is None or not self._at_end else "sha256:" + self._sha.hexdigest()


def sniff(head: bytes) -> Compression:
    """The compression by a layer's first bytes; `none` if they match no format."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd" or int.from_bytes(head[:4], "little") in SKIPPABLE_FRAME:
        return "zstd"
    if head[:3] == b"BZh" and head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}:
        return "bzip2"
    if head[:6] == b"\xfd7zXZ\x00":
        return "xz"
    return "none"


def _plain(source: CompressedBytes, _: Ask) -> Chunks:
    return source.plain


def _gzip(source: CompressedBytes, ask: Ask) -> Chunks:
    from isal import igzip_lib  # ISA-L: about three times as fast as zlib

    # The type stub calls this class an instance.
    error: type[Exception] = igzip_lib.error  # type: ignore[assignment]
    return _members(source, ask, "gzip", lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP), error)


def _zstd(source: CompressedBytes, ask: Ask) -> Chunks:
    # Python 3.14's compression.zstd. It distinguishes a truncated frame from a complete one and bounds its output.
    from backports import zstd

    options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG_MAX}
    return _members(source, ask, "zstd", lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)


def _bzip2(source: CompressedBytes, ask: Ask) -> Chunks:
    import bz2

    return _members(source, ask, "bzip2", bz2.BZ2Decompressor, OSError)


def _xz(source: CompressedBytes, ask: Ask) -> Chunks:
    import lzma

    return _members(source, ask, "xz", lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY), lzma.LZMAError)


def _members(
    source: CompressedBytes,
    ask: Ask,
    name: Compression,
    new: Callable[[], _Decompressor],
    error: type[Exception],
) -> Chunks:
    """Chunks of a series of compressed members (gzip, xz, bzip2) or frames (zstd), with one decompressor each.

    Bytes after the last member that start no other one are ignored, as gzip(1) and the engines' unpigz do; they
    still count for the digest. A member gets small portions at first and larger ones later: bytes beyond its end
    are fed again, and an archive of many small members must not cost a whole chunk for each.
    """
    decompressor: _Decompressor | None = new()
    portion, members = COMPRESSED_CHUNK, 0

    def read() -> bytes:
        nonlocal decompressor, portion, members
        while decompressor is not None:
            feed = source.read(portion) if decompressor.needs_input else b""
            if not feed and decompressor.needs_input:
                raise CorruptLayerError(f"{name} data ends in the middle")
            try:
                data = decompressor.decompress(feed, INFLATED_CHUNK)
            except error as problem:
                if "too much memory" in str(problem):
                    raise CorruptLayerError("a zstd window over the limit of 128 MiB") from None
                raise CorruptLayerError(f"{name} data is damaged: {problem}") from None
            if decompressor.eof:
                source.step_back(len(decompressor.unused_data))
                decompressor = None  # frees its buffers before the next member's are allocated
                members += 1
                ask(members)
                if sniff(source.peek(_MAGIC)) == name:
                    decompressor, portion = new(), _FIRST_PORTION
            elif portion < COMPRESSED_CHUNK:
                portion *= 2
            if data:
                return data
        return b""

    return read


_OPENERS: Final[dict[Compression, Callable[[CompressedBytes, Ask], Chunks]]] = {
    "none": _plain,
    "gzip": _gzip,
    "zstd": _zstd,
    "bzip2": _bzip2,
    "xz": _xz,
}
