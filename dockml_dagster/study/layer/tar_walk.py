"""The walk over a tar archive: one header after the other, content hashed as it passes, nothing kept.

Here: the order of headers and data, in every form that engines accept (v7, ustar, pax, GNU, star; extended
and global headers, long names, sparse files). Reading follows Go's archive/tar, which all engines use, where
it differs from GNU tar: links and directories carry no data. Not here: what an entry means for an image
(``scan``), what one field means (``header``).

Python's tarfile needs about 60 µs an entry and keeps every one; this needs a sixth and keeps none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import adler32

from dockml_dagster.study.layer import header, sparse
from dockml_dagster.study.layer.header import BLOCK
from dockml_dagster.study.layer.inflate import CapHitError, CorruptLayerError
from dockml_dagster.study.layer.model import CONTENT_HASH, Cap, EntryKind, ScanLimits

HEAD: Final = 512
"""Bytes of a file's start that are kept for its type."""

KINDS: Final[dict[bytes, EntryKind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",  # contiguous: a file everywhere now
    b"S": "file",  # GNU sparse
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char_device",
    b"4": "block_device",
    b"5": "directory",
    b"6": "fifo",
    b"D": "directory",  # GNU incremental: a directory whose data is a list of names
}
_WITHOUT_DATA: Final = frozenset(b"123456"[i : i + 1] for i in range(6))
_LARGEST: Final = (1 << 63) - 1
_ADLER: Final = 65_521

_number = lru_cache(maxsize=4096)(header.number)  # modes and owners repeat


Records = tuple[tuple[str, bytes], ...]
"""Key and value of extended headers, in order."""


class Member(NamedTuple):
    """One entry as the archive has it; the fields are those of ``LayerEntry``."""

    path: str
    kind: EntryKind
    size: int
    stored: int
    mode: int
    uid: int
    gid: int
    mtime: int
    link_target: str | None
    content_hash: str | None
    xattrs: str | None
    note: str | None
    head: bytes
    """The first bytes of a file's content."""


class _Pending:
    """What the headers before an entry said about it."""

    __slots__ = ("long_link", "long_name", "notes", "records")

    def __init__(self, records: Records) -> None:
        self.records = records
        self.long_name: bytes | None = None
        self.long_link: bytes | None = None
        self.notes: list[str] = []

    def get(self, key: str) -> bytes | None:
        """The last value of an extended header's key; an empty one withdraws it."""
        for name, value in reversed(self.records):
            if name == key:
                return value or None
        return None


class _Fields:
    """An entry's own header with what extended headers changed, before its data is read."""

    __slots__ = ("gid", "kind", "link", "mtime", "name", "size", "uid", "xattrs")

    def __init__(self, block: bytes, typeflag: bytes, size: int, pending: _Pending) -> None:
        self.kind: EntryKind = KINDS.get(typeflag, "unknown")
        self.name = _name(block) if pending.long_name is None else pending.long_name
        self.link = block[157:257].partition(b"\0")[0] if pending.long_link is None else pending.long_link
        self.size = size
        self.uid, self.gid = _number(block[108:116], "uid"), _number(block[116:124], "gid")
        self.mtime = header.number(block[136:148], "mtime")
        self.xattrs: str | None = None
        if pending.records:
            self._override(pending)
        if typeflag in _WITHOUT_DATA:
            self.size = 0
        if typeflag == b"\0" and self.name.endswith(b"/"):
            self.kind = "directory"  # v7 archives have no other way to say it

    def _override(self, pending: _Pending) -> None:
        get = pending.get
        self.name = get("path") or self.name
        self.link = get("linkpath") or self.link
        if (value := get("size")) is not None:
            self.size = header.pax_number(value, "size")
            if self.size < 0:
                raise CorruptLayerError("an extended header has a negative size")
        if (value := get("uid")) is not None:
            self.uid = header.pax_number(value, "uid")
        if (value := get("gid")) is not None:
            self.gid = header.pax_number(value, "gid")
        if (value := get("mtime")) is not None:
            self.mtime = header.pax_number(value, "mtime")
        self.xattrs = header.xattr_names([key for key, _ in pending.records])


class TarWalk:
    """One pass over an archive that ``read`` gives in chunks (b"" at the end)."""

    def __init__(self, read: Callable[[], bytes], limits: ScanLimits) -> None:
        import xxhash

        self._read = read
        self._limits = limits
        self._chunk = b""
        self._view = memoryview(b"")
        self._at = 0
        self._hash_whole = xxhash.xxh3_128_hexdigest
        self._hash = xxhash.xxh3_128
        self._holes_left = limits.hole_bytes
        self._globals: tuple[tuple[str, bytes], ...] = ()
        self.end_marker = False
        self.hit: set[Cap] = set()
        """Caps that were hit without ending the walk."""

    def members(self) -> Iterator[Member]:
        """Every entry. Raises ``CorruptLayerError``, ``CapHitError`` and whatever ``read`` raises."""
        left = self._limits.entries
        pending = _Pending(self._globals)
        while (block := self._header()) is not None:
            if left == 0:
                raise CapHitError("entries")
            left -= 1
            typeflag = block[156:157]
            size = _number(block[124:136], "size")
            if size < 0:
                raise CorruptLayerError("a header has a negative size")
            if typeflag in b"xXgLK":
                self._extend(pending, typeflag, self._payload(size))
            else:
                yield self._member(block, typeflag, size, pending)
                pending = _Pending(self._globals)

    def _extend(self, pending: _Pending, typeflag: bytes, payload: bytes | None) -> None:
        """Take up an extended header or a GNU long name for the entry that follows."""
        if payload is None:
            pending.notes.append("header_too_large")
        elif typeflag == b"L":
            pending.long_name = payload.partition(b"\0")[0]
        elif typeflag == b"K":
            pending.long_link = payload.partition(b"\0")[0]
        elif typeflag == b"g":
            self._globals = pending.records = tuple(header.pax_records(payload))
        else:
            pending.records = (*self._globals, *header.pax_records(payload))

    def rest_is_zeros(self, most: int) -> bool:
        """After the end marker: whether at most ``most`` further bytes follow, all of them zero."""
        rest: bytes = self._chunk[self._at :]
        while not rest.strip(b"\0"):
            most -= len(rest)
            rest = self._read()
            if not rest:
                return True
            if most < 0:
                return False
        return False

    def _header(self) -> bytes | None:
        """The next header, its checksum verified. None: the end."""
        at = self._at
        block = self._chunk[at : at + BLOCK]
        if len(block) == BLOCK:
            self._at = at + BLOCK
        else:
            block = b"".join(self._pieces(BLOCK, strict=False))
            if not block:
                return None
            if len(block) < BLOCK:
                raise CorruptLayerError("the archive ends inside a header")
        if block[0] == 0 and not block.strip(b"\0"):
            self.end_marker = True
            return None
        # Adler-32's low half is the sum of the bytes: all but the field itself, which counts as 8 spaces.
        stored = _number(block[148:156], "checksum")
        total = adler32(block[156:], adler32(block[:148])) & 0xFFFF
        if total != (stored - 8 * 0x20 + 1) % _ADLER and stored != _signed_sum(block):
            raise CorruptLayerError("a header's checksum is wrong, or this is no tar archive")
        return block

    def _pieces(self, size: int, *, strict: bool = True) -> Iterator[memoryview]:
        """The next ``size`` bytes as they lie in the chunks. ``strict``: a premature end is an error."""
        while size > 0:
            available = len(self._chunk) - self._at
            if available == 0:
                self._chunk = self._read()
                self._view = memoryview(self._chunk)
                self._at = 0
                available = len(self._chunk)
                if available == 0:
                    if strict:
                        raise CorruptLayerError("the archive ends inside an entry")
                    return
            taken = min(size, available)
            at = self._at
            self._at += taken
            size -= taken
            yield self._view[at : at + taken]

    def _skip(self, size: int, *, strict: bool = True) -> None:
        for _ in self._pieces(size, strict=strict):
            pass

    def _skip_padding(self, size: int) -> None:
        padding = -size % BLOCK
        if self._at + padding <= len(self._chunk):
            self._at += padding
        else:
            self._skip(padding, strict=False)  # some writers leave out the last entry's

    def _payload(self, size: int) -> bytes | None:
        """An extended header's data. None, and skipped, where it is over the cap."""
        if size > self._limits.header_bytes:
            self.hit.add("header_bytes")
            self._skip(size)
            data = None
        else:
            data = b"".join(self._pieces(size))
        self._skip_padding(size)
        return data

    def _block(self) -> bytes:
        return b"".join(self._pieces(BLOCK))

    def _member(self, block: bytes, typeflag: bytes, size: int, pending: _Pending) -> Member:
        fields = _Fields(block, typeflag, size, pending)
        notes = pending.notes
        real_size = stored = 0
        content_hash, head = None, b""
        if fields.kind == "file":
            real_size, stored, content_hash, head = self._file(block, typeflag, fields, pending)
        else:
            self._skip(fields.size)
        self._skip_padding(fields.size)
        path, odd = self._path(fields.name)
        if odd:
            notes.append(odd)
        target = None
        if fields.kind == "hardlink":
            target, odd = self._path(fields.link)
            if odd:
                notes.append("link_" + odd)
        elif fields.kind == "symlink":
            target = header.text(fields.link[: self._limits.path_bytes])
        mtime = min(max(fields.mtime, -_LARGEST), _LARGEST)
        uid, gid = min(max(fields.uid, 0), _LARGEST), min(max(fields.gid, 0), _LARGEST)
        if (uid, gid, mtime) != (fields.uid, fields.gid, fields.mtime):
            notes.append("number_clamped")
        mode = _number(block[100:108], "mode") & 0o7777
        return Member(
            path=path,
            kind=fields.kind,
            size=real_size,
            stored=stored,
            mode=mode,
            uid=uid,
            gid=gid,
            mtime=mtime,
            link_target=target,
            content_hash=content_hash,
            xattrs=fields.xattrs,
            note=",".join(notes) or None,
            head=head,
        )

    def _file(
        self, block: bytes, typeflag: bytes, fields: _Fields, pending: _Pending
    ) -> tuple[int, int, str | None, bytes]:
        """A file's size, stored bytes, content hash and first bytes; its data is read."""
        size = fields.size
        if typeflag == b"S":
            real_size, parts = sparse.old_gnu(block, self._block, self._limits.sparse_parts)
            stored = size
        elif pending.records and (found := self._pax_sparse(fields, pending)) is not None:
            real_size, stored, parts = found
        else:
            content_hash, head = self._content(size)
            return size, size, content_hash, head
        if not 0 <= real_size <= _LARGEST:
            raise CorruptLayerError("an entry's size is beyond any file system")
        holes = real_size - stored
        if parts is None or holes > self._holes_left or not sparse.is_sound(parts, real_size, stored):
            self._skip(stored)
            pending.notes.append("unhashed")
            return real_size, stored, None, b""
        self._holes_left -= holes
        content_hash, head = self._hashed(sparse.expanded(parts, real_size, self._pieces(stored)))
        return real_size, stored, content_hash, head

    def _pax_sparse(
        self, fields: _Fields, pending: _Pending
    ) -> tuple[int, int, list[sparse.Part] | None] | None:
        """Size, stored bytes and map of a file that its extended header calls sparse. None: it does not."""
        get = pending.get
        most = self._limits.sparse_parts
        stored = fields.size
        if get("GNU.sparse.major") == b"1" and get("GNU.sparse.minor") == b"0":
            taken, parts = sparse.pax_1(self._block, most)
            stored -= taken
            if stored < 0:
                raise CorruptLayerError("a sparse map is longer than its entry")
        elif get("GNU.sparse.map") is not None or get("GNU.sparse.numblocks") is not None:
            parts = sparse.pax_0(pending.records, most)
        else:
            return None
        fields.name = get("GNU.sparse.name") or fields.name
        real = get("GNU.sparse.realsize") or get("GNU.sparse.size")
        return fields.size if real is None else header.pax_number(real, "real size"), stored, parts

    def _path(self, raw: bytes) -> tuple[str, str | None]:
        """A cleaned path and what was odd about it."""
        cut = len(raw) > self._limits.path_bytes
        if cut:
            self.hit.add("path_bytes")
            raw = raw[: self._limits.path_bytes]
        path = header.text(raw)
        odd = None
        if path[:2] == "./":
            path = path[2:]
        if path[-1:] == "/":
            path = path[:-1]
        if not path or path[0] in "./" or "/." in path or "//" in path or path[-1] == "/":
            path, odd = header.clean(path)
        return path, "path_cut" if cut else odd

    def _content(self, size: int) -> tuple[str, bytes]:
        """Hash and first bytes of the ``size`` bytes that follow."""
        at = self._at
        if at + size <= len(self._chunk):
            self._at = at + size
            piece = self._view[at : at + size]
            return f"{CONTENT_HASH}:{self._hash_whole(piece)}", bytes(piece[:HEAD])
        return self._hashed(self._pieces(size))

    def _hashed(self, pieces: Iterator[bytes | memoryview]) -> tuple[str, bytes]:
        state = self._hash()
        head = b""
        for piece in pieces:
            if len(head) < HEAD:
                head += bytes(piece[: HEAD - len(head)])
            state.update(piece)
        return f"{CONTENT_HASH}:{state.hexdigest()}", head


def _name(block: bytes) -> bytes:
    """The name in a header, with the prefix that POSIX headers have."""
    name = block[:100].partition(b"\0")[0]
    if block[345] and block[257:263] == b"ustar\0":
        # star keeps times behind a shorter prefix, and says so in the last four bytes.
        prefix = block[345:476] if block[508:512] == b"tar\0" else block[345:500]
        return prefix.partition(b"\0")[0] + b"/" + name
    return name


def _signed_sum(block: bytes) -> int:
    """The checksum as old Sun and BSD tars computed it: bytes as signed numbers."""
    return sum(byte - 256 * (byte > 127) for byte in block[:148] + block[156:]) + 8 * 0x20
