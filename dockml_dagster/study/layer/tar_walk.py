"""The walk over a tar archive: one header after the other, with content hashed in passing and not kept.

Here: the order of headers and data, in every format that engines accept (v7, ustar, pax, GNU, star; extended
and global headers, long names, sparse files). Where Go's archive/tar, which all engines use, differs from GNU
tar, the walk follows Go: links and directories have no data. Not here: what an entry means for an image
(``classify``), what one field means (``header``), what extended headers change (``extended``).

``read_entries`` is one long loop on purpose: a layer has up to millions of entries, and function calls would cost
more than the steps. Python's tarfile takes about 60 µs for an entry and keeps every one; this takes a sixth and
keeps none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final
from zlib import adler32

from dockml_dagster.study.layer import header, sparse
from dockml_dagster.study.layer.classify import classified
from dockml_dagster.study.layer.extended import Pending, only_times
from dockml_dagster.study.layer.header import BLOCK, LARGEST, cached_time
from dockml_dagster.study.layer.inflate import CapHitError, CorruptLayerError
from dockml_dagster.study.layer.look import Look, Parts
from dockml_dagster.study.layer.model import CONTENT_HASH, Cap, EntryKind, LayerEntry, ScanLimits

HEAD: Final = 264
"""Bytes at the start of a file that are kept to find its type."""

KINDS: Final[dict[bytes, EntryKind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",  # contiguous: today a regular file everywhere
    b"S": "file",  # GNU sparse
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char_device",
    b"4": "block_device",
    b"5": "directory",
    b"6": "fifo",
    b"D": "directory",  # GNU incremental: a directory whose data is a list of names
}
_WITHOUT_DATA: Final = b"123456"
_REMEMBERED: Final = 32_768
_ASKED_EVERY: Final = 0xFF
_LIKE_A_HEADER: Final = 4
"""Records of an extended header that cost as much time as one more header, and are counted as one."""
_BEFORE_AN_ENTRY: Final = 3
"""Extended headers that an entry has at most: of pax, of a long name, of a long link."""
_REPEATED: Final = 3
"""Headers more that one beyond these counts as, and a global one: archives have no chains of them, but they are small."""
_TO_CLEAN: Final = frozenset({"", ".", "/"})
# Name; mode, uid and gid; size and the byte after it; mtime; checksum; typeflag; link name; the prefix's
# first byte.
_FIELDS: Final = Struct("100s24s11sc12s8sc100s88xc166x").unpack
_HASH_NAME: Final = CONTENT_HASH + ":"


class TarWalk:
    """One pass over an archive that ``read`` gives in chunks (b"" at the end)."""

    def __init__(
        self,
        read: Callable[[], bytes],
        limits: ScanLimits,
        ask: Callable[[int], object] = int,
        look: Look | None = None,
    ) -> None:
        """``ask`` is called repeatedly with the number of headers read so far, and may end the walk by raising.
        ``look`` sees the content of files without holes.
        """
        import xxhash

        self._ask = ask
        self._look = look
        self._read = read
        self._limits = limits
        self._chunk = b""
        self._view = memoryview(b"")
        self._at = 0
        self._hash_whole = xxhash.xxh3_128_hexdigest
        self._hash = xxhash.xxh3_128
        self._holes_left = limits.hole_bytes
        self._globals: Pending | None = None
        self._owners: dict[bytes, tuple[int, int, int]] = {}
        self._sums: dict[bytes, int] = {}
        self._left = limits.entries
        self.end_marker = False
        self.hit: set[Cap] = set()
        """Caps that were hit without ending the walk."""

    def read_entries(self, batch: list[LayerEntry], most: int) -> bool:  # noqa: PLR0915 - see the module's text
        """Append up to ``most`` entries to ``batch``; returns whether there may be more.

        Raises ``CorruptLayerError``, ``CapHitError`` and whatever ``read`` raises; earlier entries are then in
        ``batch``, too.
        """
        pending: Pending | None = None
        said_time: int | None = None
        owners, sums, most_path = self._owners, self._sums, self._limits.path_bytes
        look = self._look
        new: Callable[..., LayerEntry] = tuple.__new__
        # This loop holds the rest of the chunk. Before other code reads on, the loop drops it, so that the next chunk can
        # reuse its memory, which is still in the cache; afterwards it takes the current chunk again.
        chunk, at = self._chunk, self._at
        self._ask(self._limits.entries - self._left)
        while len(batch) < most:
            block = chunk[at : at + BLOCK]
            if len(block) == BLOCK and block[0]:
                at += BLOCK
            else:
                self._at, chunk = at, b""
                if (unusual := self._unusual_header()) is None:
                    return False
                block, chunk, at = unusual, self._chunk, self._at
            name, owned, octal, end, time, check, typeflag, link, prefix = _FIELDS(block)
            if (expected := sums.get(check)) is None:
                if len(sums) > _REMEMBERED:
                    sums.clear()
                expected = sums[check] = header.low_adler(check)
            try:
                # Adler-32's low half is the sum of the bytes, in C.
                usual = adler32(block) & 0xFFFF == expected and end == b"\0" and octal.isdigit()
                size = int(octal, 8) if usual else -1
            except ValueError:
                usual = False
            if not usual:
                header.verify_checksum(block)
                size = _size(octal + end)
            self._left -= 1
            if self._left < 0:
                raise CapHitError("entries")
            if typeflag in b"xXgLK":
                if not self._left & _ASKED_EVERY:
                    self._ask(self._limits.entries - self._left)
                if typeflag == b"x" and size < BLOCK and at + BLOCK <= len(chunk):
                    # Some archives have such a header for every entry, with only times in it.
                    plain = pending is None and said_time is None and self._globals is None
                    if plain and (said_time := only_times(chunk, at, at + size)) is not None:
                        at += BLOCK
                        continue
                if said_time is not None:
                    pending = Pending()
                    pending.mtime, said_time = said_time, None
                self._at, chunk = at, b""
                pending = self._extended(pending, typeflag, size)
                chunk, at = self._chunk, self._at
                continue
            name = name.rstrip(b"\0") if prefix == b"\0" else header.raw_name(block)
            if b"\0" in name:
                name = name.partition(b"\0")[0]  # old writers left garbage after the name's end
            if (owner := owners.get(owned)) is None:
                if len(owners) > _REMEMBERED:
                    owners.clear()
                owner = owners[owned] = header.owner(owned)
            mode, uid, gid = owner
            if said_time is None:
                mtime = cached_time(time)
            else:
                mtime, said_time = said_time, None
            link = link.partition(b"\0")[0] if link[0] else b""
            xattrs = odd = None
            if pending is None and self._globals is not None:
                pending = Pending(self._globals)
            if pending is not None:
                name = pending.name or name
                link = pending.link or link
                size = size if pending.size is None else pending.size
                uid = uid if pending.uid is None else pending.uid
                gid = gid if pending.gid is None else pending.gid
                mtime = mtime if pending.mtime is None else pending.mtime
                xattrs = pending.xattrs
            kind: EntryKind = KINDS.get(typeflag, "unknown")
            if typeflag == b"\0" and name[-1:] == b"/":
                kind = "directory"  # v7 archives mark directories only by the slash
            stored = real_size = 0
            file_hash, head = None, b""
            start = -1
            if typeflag in _WITHOUT_DATA:
                pass
            elif kind == "file" and typeflag != b"S" and (pending is None or not pending.sparse):
                stored = real_size = size
                stop = at + size
                if stop + (-size & BLOCK - 1) <= len(chunk):
                    file_hash = _HASH_NAME + self._hash_whole(self._view[at:stop])
                    head = chunk[at : stop if size < HEAD else at + HEAD]
                    start = at
                    at = stop + (-size & BLOCK - 1)
                else:
                    self._at, chunk = at, b""
                    parts = None if look is None else look.parts(self._path(name)[0], size)
                    file_hash, head = self._hashed(self._pieces(size), parts)
                    self._skip_padding(size)
                    chunk, at = self._chunk, self._at
            else:
                self._at, chunk = at, b""
                if kind == "file":
                    pending = pending or Pending()
                    name, real_size, stored, file_hash, head = self._sparse_file(block, name, size, pending)
                else:
                    self._skip(size)
                self._skip_padding(size)
                chunk, at = self._chunk, self._at
            if name[-1:] == b"/":
                name = name[:-1]
            if name[:2] == b"./":
                name = name[2:]
            path = name.decode("latin-1")
            # Nothing to clean: segments of printable ASCII, none of which is empty or starts with a dot.
            if not (
                path.isascii()
                and path.isprintable()
                and "/." not in path
                and "//" not in path
                and path[:1] not in _TO_CLEAN
                and len(path) <= most_path
            ):
                path, odd = self._path(name)
            if look is not None and start >= 0:
                look.whole(path, chunk, start, start + size)
            target = None
            if link:
                if kind == "symlink":
                    target = header.text(link[: self._limits.path_bytes])
                elif kind == "hardlink":
                    target, odd_link = self._path(link)
                    odd = _joined(odd, odd_link and "link_" + odd_link)
            if pending is not None:
                odd = _joined(*pending.notes, odd)
                pending = None
            kind, depth, extension, file_type, note = classified(path, kind, head, real_size)
            if note is not None:
                odd = _joined(odd, note)
            row = (path, kind, real_size, stored, mode, uid, gid, mtime, depth, target)
            batch.append(new(LayerEntry, (*row, file_hash, xattrs, extension, file_type, odd)))
        self._at = at
        return True

    def rest_is_zeros(self, most: int) -> bool:
        """Whether at most ``most`` bytes follow the end marker, all of them zero."""
        rest: bytes = self._chunk[self._at :]
        while not rest.strip(b"\0"):
            most -= len(rest)
            rest = self._read()
            if not rest:
                return True
            if most < 0:
                return False
        return False

    def _unusual_header(self) -> bytes | None:
        """The next header, if it lies across chunks or is a block of zeros. None: the end of the archive."""
        block = b"".join(self._pieces(BLOCK, strict=False))
        if not block:
            return None
        if len(block) < BLOCK:
            raise CorruptLayerError("the archive ends inside a header")
        if not block.strip(b"\0"):
            self.end_marker = True
            return None
        return block

    def _pieces(self, size: int, *, strict: bool = True) -> Iterator[memoryview]:
        """The next ``size`` bytes as they lie in the chunks. ``strict``: a premature end is an error."""
        while size > 0:
            available = len(self._chunk) - self._at
            if available == 0:
                # The old chunk is freed first, so that the new one can reuse its memory, still in the cache.
                self._view = memoryview(b"")
                self._chunk = b""
                self._ask(self._limits.entries - self._left)
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
        for piece in self._pieces(size, strict=strict):
            del piece

    def _skip_padding(self, size: int) -> None:
        padding = -size % BLOCK
        if self._at + padding <= len(self._chunk):
            self._at += padding
        else:
            self._skip(padding, strict=False)  # some writers leave out the last entry's

    def _extended(self, pending: Pending | None, typeflag: bytes, size: int) -> Pending | None:
        """Apply an extended header or GNU long name. One over the cap is skipped and noted."""
        # A global header applies to all following entries. The other headers of one entry count as one.
        taker = Pending(self._globals) if typeflag == b"g" else pending or Pending(self._globals)
        taker.taken += size
        taker.headers += 1
        if taker.headers > _BEFORE_AN_ENTRY or typeflag == b"g":
            self._left -= _REPEATED
            self._ask(self._limits.entries - self._left)
        at = self._at
        if taker.taken > self._limits.header_bytes:
            self._skip(size)
            self.hit.add("header_bytes")
            taker.notes = ("header_too_large",)
            typeflag = b"x"
        else:
            if at + size <= len(self._chunk):
                payload = self._chunk[at : at + size]
                self._at = at + size
            else:
                payload = b"".join(self._pieces(size))
            if typeflag == b"L":
                taker.long_name(payload.partition(b"\0")[0])
            elif typeflag == b"K":
                taker.long_link(payload.partition(b"\0")[0])
            elif (records := taker.take_payload(payload)) >= _LIKE_A_HEADER:
                self._left -= records // _LIKE_A_HEADER
                self._ask(self._limits.entries - self._left)
        self._skip_padding(size)
        if typeflag == b"g":
            self._globals = taker
            return pending
        return taker

    def _block(self) -> bytes:
        return b"".join(self._pieces(BLOCK))

    def _path(self, raw: bytes) -> tuple[str, str | None]:
        """A cleaned path, and a note on what was odd about it."""
        if len(raw) > self._limits.path_bytes:
            self.hit.add("path_bytes")
            return header.clean(header.text(raw[: self._limits.path_bytes]))[0], "path_cut"
        return header.clean(header.text(raw))

    def _hashed(self, pieces: Iterator[bytes | memoryview], parts: Parts | None = None) -> tuple[str, bytes]:
        """Hash and first bytes of content that comes in pieces. ``parts`` receives the pieces, too."""
        state = self._hash()
        head = b""
        for piece in pieces:
            self._ask(self._limits.entries - self._left)
            if len(head) < HEAD:
                head += bytes(piece[: HEAD - len(head)])
            state.update(piece)
            if parts is not None:  # then the piece is a view of the chunk
                parts.add(self._chunk, self._at - len(piece), self._at)
            del piece  # so that its chunk can be freed before the next one comes
        if parts is not None:
            parts.end()
        return _HASH_NAME + state.hexdigest(), head

    def _sparse_file(
        self, block: bytes, name: bytes, size: int, pending: Pending
    ) -> tuple[bytes, int, int, str | None, bytes]:
        """Name, size, stored bytes, hash and first bytes of a file with holes, whose data is consumed."""
        most = self._limits.sparse_parts
        said = pending.sparse
        stored = size
        if block[156:157] == b"S":
            real_size, parts = sparse.old_gnu(block, self._block, most)
        else:
            if said.get(b"major") == b"1" and said.get(b"minor") == b"0":
                taken, parts = sparse.pax_1(self._block, most)
                stored -= taken
                if stored < 0:
                    raise CorruptLayerError("a sparse map is longer than its entry")
            else:
                parts = sparse.pax_0(pending.sparse_records, most)
            real = said.get(b"realsize") or said.get(b"size")
            real_size = size if real is None else header.pax_number(real, "real size")
            name = said.get(b"name") or name
        if not 0 <= real_size <= LARGEST:
            raise CorruptLayerError("an entry's size is beyond any file system")
        holes = real_size - stored
        if parts is None or holes > self._holes_left or not sparse.is_sound(parts, real_size, stored):
            self._skip(stored)
            pending.notes += ("unhashed",)
            return name, real_size, stored, None, b""
        self._holes_left -= holes
        file_hash, head = self._hashed(sparse.expanded(parts, real_size, self._pieces(stored)))
        return name, real_size, stored, file_hash, head


def _joined(*words: str | None) -> str | None:
    return ",".join(word for word in words if word) or None


def _size(field: bytes) -> int:
    """A size in one of the rarer forms."""
    size = header.number(field, "size")
    if size < 0:
        raise CorruptLayerError("a header has a negative size")
    return size
