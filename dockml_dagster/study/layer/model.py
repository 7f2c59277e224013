"""The types that layer scanning speaks: entries, limits, summaries, the scan's outcome.

Only frozen values: no parsing, no arithmetic beyond definitions. Terms are those of the OCI image
specification (layer.md: digest, diff-id, whiteout, opaque whiteout) and of POSIX pax (typeflag, extended
header).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

SCAN_VERSION: Final = "3"
"""Changes when the same layer would give other rows. Held by hand: another one makes layers be read, and fetched, again."""

EntryKind = Literal[
    "file",
    "directory",
    "symlink",
    "hardlink",
    "char_device",
    "block_device",
    "fifo",
    "whiteout",  # `.wh.NAME`: NAME of the layers below is gone
    "opaque",  # `.wh..wh..opq`: everything the layers below have in this directory is gone
    "metadata",  # of a storage driver or of eStargz: in the archive, never in a container
    "unknown",  # a typeflag nobody defined; its data is skipped as if it were a file
]
Compression = Literal["none", "gzip", "zstd", "bzip2", "xz"]
Cap = Literal[
    "compressed_bytes", "inflated_bytes", "ratio", "entries", "path_bytes", "header_bytes", "seconds", "types"
]
UnionCap = Literal["hard_links", "moved_entries"]
"""What of an image's links is not followed, because there are more than are held in memory."""
ScanStatus = Literal["complete", "censored", "corrupt", "mismatch"]
Verified = Literal["content", "toc"]

CONTENT_HASH: Final = "xxh3-128"


class LayerEntry(NamedTuple):
    """One entry of a layer's archive, in archive order.

    A named tuple, not a dataclass: a layer has up to millions, and building one must cost a fraction of a
    microsecond. Columns of ``raw.layer_files`` in this order.
    """

    path: str
    """Relative to the image's root, cleaned (no `./`, `//`, trailing `/`; `..` cannot leave the root); the
    root is `.`. Bytes that are not UTF-8 and control characters are written `\\xNN`."""
    kind: EntryKind
    size: int
    """Bytes a reader of the file would get; 0 for everything but files. A sparse file's holes count here."""
    stored: int
    """Bytes of content in the archive. Less than ``size`` only for a sparse file."""
    mode: int
    """Permission bits, `0o7777` at most."""
    uid: int
    gid: int
    mtime: int
    """Seconds since 1970, rounded down; may be negative."""
    depth: int
    """Directory levels down to the entry, the file name not counted: 0 for `a`, 2 for `a/b/c`, and 2 for the
    directory `a/b` itself. ``published_level`` is the study's other definition."""
    link_target: str | None
    """As written for a symbolic link; cleaned like ``path`` for a hard link, which names an entry."""
    file_hash: str | None
    """`algorithm:hex` of the content, holes of a sparse file included. None: not a file, or not hashed."""
    xattrs: str | None
    """Names of extended attributes, sorted, joined by `,`; never their values."""
    extension: str
    """Lower-case suffix without the dot (`py`, `so` for `libc.so.6`, `tar.gz`); empty: none. See
    ``filetype``."""
    file_type: str
    """What the first bytes say (`elf`, `gzip`, `text`, `empty` …); empty for everything but files, and for
    files whose content was not seen."""
    note: str | None
    """What was odd, words joined by `,` (`absolute`, `escapes_root`, `path_cut` …). None: nothing."""

    @property
    def published_level(self) -> int:
        """The study's depth: path components, the file name counted (study.md 6.2, column "Max level")."""
        return published_level(self.path)


def published_level(path: str) -> int:
    """Path components of a cleaned path, the file name counted; 0 for the root."""
    return 0 if path == "." else path.count("/") + 1


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """How much of a hostile layer is read. A cap that was hit is named in ``LayerScan.censored``.

    The defaults let every layer of the study through (largest: 7.8 GiB compressed, 603,406 files in an
    image) with an order of magnitude to spare.
    """

    compressed_bytes: int = 128 << 30
    inflated_bytes: int = 512 << 30
    ratio: float = 250.0
    """Inflated over compressed bytes. Deflate cannot exceed 1,032; real layers lie below 20."""
    ratio_from: int = 512 << 20
    """Inflated bytes below which the ratio is not judged: a small layer of zeros harms nobody."""
    entries: int = 8_000_000
    """Entries and extended headers together."""
    entries_from: int = 100_000
    """Headers below which their number is not compared with the compressed bytes."""
    entry_bytes: float = 4.0
    """Compressed bytes that a header takes at least; below that the cap `ratio` is hit. Distinct names alone take more: the
    densest layers of the study's images have some 30 bytes an entry."""
    path_bytes: int = 4096
    """Linux's PATH_MAX. A longer path is cut, its row carries the note `path_cut`, and the scan goes on."""
    header_bytes: int = 1 << 20
    """Of one extended header (Go's and so every engine's bound). A larger one is skipped unread."""
    hole_bytes: int = 16 << 30
    """Holes of sparse files that are hashed, in all: a header of 512 bytes can promise exabytes of zeros."""
    sparse_parts: int = 65_536
    """Parts of one sparse file. With more, or without holes to spare, it is not hashed (note `unhashed`)."""
    seconds: float = 3600.0
    ends: float = math.inf
    """The moment at which nobody waits for the layer any more, on the clock of the scan: one for all layers of an image."""
    types: int = 4096
    """Distinct extensions that are counted one by one; further ones are counted under `(other)`."""


class TypeCount(NamedTuple):
    """Files of one type: how many and how many bytes of content."""

    name: str
    files: int
    bytes: int


class LargeFile(NamedTuple):
    """One of the largest files: its size in bytes and its path."""

    size: int
    path: str


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """Counts of one layer, of its archive's entries as they stand (nothing is merged; ``union`` does that)."""

    entries: int
    files: int
    """Files and hard links; whiteouts, links, devices and metadata are not files."""
    directories: int
    empty_directories: int
    """Directory entries with nothing below them in this layer (it may re-state a directory it only
    touched)."""
    symlinks: int
    hardlinks: int
    devices: int
    """Character and block devices and fifos."""
    whiteouts: int
    opaques: int
    metadata: int
    duplicate_entries: int
    """Entries whose path an earlier entry of the same layer had; the last one counts for a container."""
    max_depth: int
    max_published_level: int
    bytes: int
    """Content in the archive (``LayerEntry.stored``), the sum over files."""
    sparse_bytes: int
    """Holes of sparse files: logical bytes that nobody stores."""
    noted: int
    """Entries with a note."""
    largest: tuple[LargeFile, ...]
    extensions: tuple[TypeCount, ...]
    """By extension, largest in bytes first."""
    file_types: tuple[TypeCount, ...]
    """By magic, largest in bytes first."""


@dataclass(frozen=True, slots=True)
class LayerScan:
    """What one pass over a layer found, or why it could not be finished. Never raised, always returned.

    ``status``: `complete`; `censored` (a cap ended the scan: the summary is a lower bound); `corrupt` (not
    readable to its end as an archive: likewise); `mismatch` (read to the end, but the bytes are not those of
    the expected digest or diff-id: the rows must not be kept). Only `mismatch`, and `corrupt` where the
    digest does not hold either, can be helped by fetching again.
    """

    status: ScanStatus
    reason: str | None
    """One line in words when the status is not `complete`."""
    censored: tuple[Cap, ...]
    """Caps that were hit, also those that did not end the scan (`path_bytes`, `header_bytes`, `types`)."""
    compression: Compression
    """By the first bytes, whatever the media type said."""
    digest: str | None
    """`sha256:…` of the bytes as they came. None: a cap on compressed bytes or time stopped the reading, or
    the caller asked for no digest."""
    digest_holds: bool | None
    """Whether ``digest`` is the expected one. None: nothing expected, or no digest. With a table of contents:
    whether that is the one expected."""
    diff_id: str | None
    """`sha256:…` of the inflated stream, where asked for and read to its end."""
    diff_id_holds: bool | None
    compressed_bytes: int
    """Size of the layer as stored; where a cap stopped the reading, what was read of it."""
    fetched_bytes: int
    """Bytes of the layer that were read: less than ``compressed_bytes`` with a table of contents."""
    inflated_bytes: int | None
    """Bytes of the archive that were inflated. None: its table of contents was read instead. With neither a
    diff-id nor trouble, reading stops soon after the archive's end marker."""
    end_marker: bool | None
    """Whether the archive ended with its block of zeros (engines do not insist). None: not read."""
    file_hash: str
    """The algorithm of every ``LayerEntry.file_hash`` (a table of contents: `sha256`)."""
    verified: Verified
    """`content`: the rows were read from the archive. `toc`: they are its table of contents' word for it."""
    seconds: float
    summary: LayerSummary

    @property
    def retryable(self) -> bool:
        """Whether fetching the same layer again can help: what came is not what the digest promises."""
        return self.status == "mismatch" or self.digest_holds is False
