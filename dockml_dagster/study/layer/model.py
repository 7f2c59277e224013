"""The types of layer scanning: entries, limits, summaries, the scan's outcome.

Here: frozen values and definitions. Not here: parsing (``tar_walk``), counting (``tally``). Terms are those of the OCI
image specification (layer.md: digest, diff-id, whiteout, opaque whiteout) and of POSIX pax (typeflag, extended header).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

SCAN_VERSION: Final = "3"
"""Raised by hand when the same layer would give other rows. A new version makes layers be fetched and read again."""

EntryKind = Literal[
    "file",
    "directory",
    "symlink",
    "hardlink",
    "char_device",
    "block_device",
    "fifo",
    "whiteout",  # `.wh.NAME`: removes NAME of the layers below
    "opaque",  # `.wh..wh..opq`: removes all that the layers below have in this directory
    "metadata",  # of a storage driver or of eStargz: in the archive, never in a container
    "unknown",  # an undefined typeflag; its data is skipped as if it were a file
]
Compression = Literal["none", "gzip", "zstd", "bzip2", "xz"]
Cap = Literal[
    "compressed_bytes", "inflated_bytes", "ratio", "entries", "path_bytes", "header_bytes", "seconds", "types"
]
UnionCap = Literal["hard_links", "moved_entries"]
"""The kinds of links that are not all followed, because there are more than are held in memory."""
ScanStatus = Literal["complete", "censored", "corrupt", "mismatch"]
Verified = Literal["content", "toc"]

CONTENT_HASH: Final = "xxh3-128"


class LayerEntry(NamedTuple):
    """One entry of a layer's archive. The fields are the columns of ``raw.layer_files``, in this order.

    A named tuple, not a dataclass: a layer has up to millions of entries, and making one must take a fraction of a
    microsecond.
    """

    path: str
    """Relative to the image's root, cleaned (no `./`, `//`, trailing `/`; `..` cannot leave the root); the
    root is `.`. Bytes that are not UTF-8 and control characters are written `\\xNN`."""
    kind: EntryKind
    size: int
    """Bytes that a reader of the file would get; 0 for everything but files. A sparse file's holes count here."""
    stored: int
    """Bytes of content in the archive. Less than ``size`` only for a sparse file."""
    mode: int
    """Permission bits, `0o7777` at most."""
    uid: int
    gid: int
    mtime: int
    """Seconds since 1970, rounded down; may be negative."""
    depth: int
    """Directory levels down to the entry, without the file name: 0 for `a`, 2 for `a/b/c`, and 2 for the
    directory `a/b` itself. ``published_level`` is the study's different definition."""
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
    """The type by the first bytes (`elf`, `gzip`, `text`, `empty` …); empty for everything but files, and for
    files whose content was not seen."""
    note: str | None
    """Oddities, joined by `,` (`absolute`, `escapes_root`, `path_cut` …). None: there are none."""

    @property
    def published_level(self) -> int:
        """The study's depth (column "Max level"): path components, including the file name."""
        return published_level(self.path)


def published_level(path: str) -> int:
    """The number of components of a cleaned path, including the file name; 0 for the root."""
    return 0 if path == "." else path.count("/") + 1


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """Caps on what is read of a layer, which may be hostile. ``LayerScan.censored`` names the caps that were hit.

    The defaults are an order of magnitude above every layer of the study (largest: 7.8 GiB compressed, 603,406 files in
    an image).
    """

    compressed_bytes: int = 128 << 30
    inflated_bytes: int = 512 << 30
    ratio: float = 250.0
    """Inflated bytes over compressed bytes. Deflate cannot exceed 1,032; real layers are below 20."""
    ratio_from: int = 512 << 20
    """The ratio is checked only beyond this many inflated bytes: a small layer of zeros does no harm."""
    entries: int = 8_000_000
    """Most entries and extended headers, together. A large extended header counts as several."""
    entries_from: int = 100_000
    """The number of headers is compared with the compressed bytes only beyond this many headers."""
    entry_bytes: float = 4.0
    """Least compressed bytes per header; with fewer the cap `ratio` is hit. Distinct names alone take more: the densest
    layers of the study's images have some 30 bytes per entry."""
    members_from: int = 10_000
    """The number of gzip members, or of frames, is compared with the compressed bytes only beyond this many."""
    member_bytes: int = 32
    """Least compressed bytes per member; with fewer the cap `ratio` is hit. Empty ones take 13 to 32 bytes and would cost as
    much time as full ones. eStargz and zstd:chunked have one or two for each file, whose header alone takes 57."""
    path_bytes: int = 4096
    """Linux's PATH_MAX. A longer path is cut, its row carries the note `path_cut`, and the scan goes on."""
    header_bytes: int = 1 << 20
    """Most bytes of one extended header (Go's bound, and so every engine's). A larger one is skipped unread."""
    hole_bytes: int = 16 << 30
    """Most bytes of sparse files' holes that are hashed in all: a header of 512 bytes can claim exabytes of zeros."""
    sparse_parts: int = 65_536
    """Most parts of one sparse file. With more, or beyond ``hole_bytes``, it is not hashed (note `unhashed`)."""
    seconds: float = 3600.0
    ends: float = math.inf
    """The deadline on the clock of the scan, after which the result is not needed: the same for all layers of an image."""
    types: int = 4096
    """Most pairs of extension and file type that are counted one by one; further ones count under `(other)`."""

    def over_ratio(self, inflated: int, compressed: int) -> bool:
        """Whether so many inflated bytes of so many compressed ones hit the cap `ratio`."""
        return inflated > self.ratio_from and inflated > self.ratio * compressed


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
    """Counts of one layer's archive entries, without merging (``union`` does that)."""

    entries: int
    files: int
    """Files and hard links; whiteouts, links, devices and metadata are not files."""
    directories: int
    empty_directories: int
    """Directory entries with nothing below them in this layer. A layer also has an entry for a directory that it only
    touched."""
    symlinks: int
    hardlinks: int
    devices: int
    """Character and block devices and fifos."""
    whiteouts: int
    opaques: int
    metadata: int
    duplicate_entries: int
    """Entries whose path an earlier entry of the same layer has. A container sees the last one."""
    max_depth: int
    max_published_level: int
    bytes: int
    """The sum of the content in the archive (``LayerEntry.stored``) over files."""
    sparse_bytes: int
    """Holes of sparse files: logical bytes that are not stored."""
    noted: int
    """Entries with a note."""
    largest: tuple[LargeFile, ...]
    extensions: tuple[TypeCount, ...]
    """By extension, largest in bytes first."""
    file_types: tuple[TypeCount, ...]
    """By magic, largest in bytes first."""


@dataclass(frozen=True, slots=True)
class LayerScan:
    """The result of one pass over a layer, or why it did not finish. Always returned, never raised.

    ``status``: `complete`; `censored` (a cap ended the scan: the summary is a lower bound); `corrupt` (the archive is not
    readable to its end: likewise); `mismatch` (read to the end, but the bytes do not have the expected digest or diff-id:
    the rows must not be kept). Fetching again can help only with `mismatch`, and with `corrupt` if the digest does not
    hold either.
    """

    status: ScanStatus
    reason: str | None
    """One line of text: why the status is not `complete`, or what was left unread."""
    censored: tuple[Cap, ...]
    """Caps that were hit, including those that did not end the scan (`path_bytes`, `header_bytes`, `types`)."""
    compression: Compression
    """By the first bytes, whatever the media type said."""
    digest: str | None
    """`sha256:…` of the bytes as received. None: a cap on compressed bytes or time stopped the reading, or the
    caller asked for no digest."""
    digest_holds: bool | None
    """Whether ``digest`` is the expected one. None: no digest was expected or computed. With a table of contents:
    whether its digest is the expected one."""
    diff_id: str | None
    """`sha256:…` of the inflated stream, if asked for and read to its end."""
    diff_id_holds: bool | None
    compressed_bytes: int
    """Size of the layer as stored; if a cap stopped the reading, the bytes read."""
    fetched_bytes: int
    """Bytes of the layer that were read: less than ``compressed_bytes`` with a table of contents."""
    inflated_bytes: int | None
    """Bytes of the archive that were inflated. None: its table of contents was read instead. Without a diff-id,
    inflating stops soon after the archive's end marker."""
    end_marker: bool | None
    """Whether the archive ended with its block of zeros (engines do not require it). None: not read."""
    file_hash: str
    """The algorithm of every ``LayerEntry.file_hash`` (a table of contents: `sha256`)."""
    verified: Verified
    """`content`: the rows were read from the archive. `toc`: its table of contents claims them."""
    seconds: float
    summary: LayerSummary

    @property
    def retryable(self) -> bool:
        """Whether fetching the layer again can help, because the bytes do not have the expected digest."""
        return self.status == "mismatch" or self.digest_holds is False
