"""Tables of contents: a layer's entries without reading the layer.

eStargz (a gzip with a table at its end) and zstd:chunked (zstd with a table in a skippable frame) have a list of
their entries, with a SHA-256 of each file's content. Here: finding the table by its footer and reading it in two
ranges. The archive may differ from the table, so the rows are only claims and are marked `toc`. Sources:
stargz-snapshotter docs/estargz.md; containers/storage docs/containers-storage-zstd-chunked.md. Not here: HTTP (the
caller passes ``read_range``).
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from dockml_dagster.study.layer import header
from dockml_dagster.study.layer.classify import classified
from dockml_dagster.study.layer.inflate import (
    CapHitError,
    Clock,
    CompressedBytes,
    CorruptLayerError,
    InflatedBytes,
)
from dockml_dagster.study.layer.model import Cap, EntryKind, LayerEntry, LayerScan, ScanLimits, ScanStatus
from dockml_dagster.study.layer.scan import Sink
from dockml_dagster.study.layer.tally import LayerTally

TocForm = Literal["estargz", "zstd:chunked"]
ReadRange = Callable[[int, int], bytes]
"""Reads bytes of the layer by offset and length. Fewer come only at the layer's end."""

FOOTER_BYTES: Final = 72
"""The longest footer of all formats: how much one request at a layer's end should ask for."""

_TOC_NAME: Final = b"stargz.index.json"
_CHUNKED_MAGIC: Final = b"GnUlInUx"
_SKIPPABLE_64: Final = b"\x50\x2a\x4d\x18\x40\0\0\0"
_SKIPPABLE_40: Final = b"\x50\x2a\x4d\x18\x28\0\0\0"
_MANIFEST_TYPE: Final = 1
_MOST_COMPRESSED: Final = 32 << 20  # a million files; it is in memory as a whole, and twice while it arrives
_MOST_INFLATED: Final = 1 << 30
_MOST_OBJECT: Final = 1 << 20
_MOST_BYTES: Final = 1 << 50
"""Most bytes of content that a table may claim: a thousand such layers still add up within 64 bits."""
_TYPES: Final[dict[str, EntryKind]] = {
    "reg": "file",
    "dir": "directory",
    "symlink": "symlink",
    "hardlink": "hardlink",
    "char": "char_device",
    "block": "block_device",
    "fifo": "fifo",
}
_BATCH: Final = 512
_STEP: Final = 256 << 10
_DEFAULT_LIMITS: Final = ScanLimits()


@dataclass(frozen=True, slots=True)
class TocPlace:
    """The place of the compressed table of contents in a layer."""

    form: TocForm
    offset: int
    length: int


def find_toc(tail: bytes, size: int) -> TocPlace | None:
    """The table that a layer's last bytes (``FOOTER_BYTES`` of ``size``) point to. None: there is none."""
    place = _estargz_place(tail[-51:], 51, size) or _estargz_place(tail[-47:], 47, size)
    place = place or _chunked_place(tail, size)
    if place is None or place.offset < 0 or place.length <= 0 or place.offset + place.length > size:
        return None
    return place


def _estargz_place(footer: bytes, length: int, size: int) -> TocPlace | None:
    """The place by eStargz's footer of 51 bytes, or stargz's earlier one of 47: an empty gzip member with the offset."""
    if len(footer) != length or footer[:4] != b"\x1f\x8b\x08\x04":
        return None
    extra = footer[12 : 12 + int.from_bytes(footer[10:12], "little")]
    if length == 51:
        if extra[:4] != b"SG\x16\0":
            return None
        extra = extra[4:]
    if len(extra) != 22 or extra[16:] != b"STARGZ":
        return None
    try:
        offset = int(extra[:16], 16)
    except ValueError:
        return None
    return TocPlace("estargz", offset, size - length - offset)


def _chunked_place(tail: bytes, size: int) -> TocPlace | None:
    """The place by zstd:chunked's last skippable frame: at first 40 bytes, and 64 since it also has a tar-split."""
    if tail[-8:] != _CHUNKED_MAGIC:
        return None
    for frame, length in ((_SKIPPABLE_64, 64), (_SKIPPABLE_40, 40)):
        if tail[-length - 8 : -length] == frame:
            numbers = [int.from_bytes(tail[at - length :][:8], "little") for at in range(0, 32, 8)]
            offset, compressed, _, manifest_type = numbers
            return TocPlace("zstd:chunked", offset, compressed) if manifest_type == _MANIFEST_TYPE else None
    return None


def scan_toc(
    read_range: ReadRange,
    size: int,
    *,
    sink: Sink | None = None,
    limits: ScanLimits = _DEFAULT_LIMITS,
    expected_toc_digest: str | None = None,
    clock: Clock = time.monotonic,
) -> LayerScan | None:
    """List a layer of ``size`` bytes by its table of contents. None: it has none (scan the layer).

    ``expected_toc_digest`` is the value of the manifest's annotation:
    `containerd.io/snapshot/stargz/toc.digest` (of the table's JSON) or
    `io.containers.zstd-chunked.manifest-checksum` (of its compressed bytes). Two ranges are read. A damaged
    table ends as `corrupt`: the layer itself may still be fine.
    """
    started = clock()
    tail = read_range(max(0, size - FOOTER_BYTES), min(size, FOOTER_BYTES))
    place = find_toc(tail, size)
    if place is None:
        return None
    tally = LayerTally(limits.types)
    status: ScanStatus = "complete"
    reason: str | None = None
    hit: set[Cap] = set()
    fetched = len(tail)
    holds = None
    try:
        if place.length > _MOST_COMPRESSED:
            raise CapHitError("compressed_bytes")
        packed = read_range(place.offset, place.length)
        fetched += len(packed)
        found = hashlib.sha256() if place.form == "estargz" else hashlib.sha256(packed)
        parts = _inflated(packed, place.form, limits, clock)
        if place.form == "estargz":
            parts = _hashing(parts, found.update)
        for batch in _batches(parts, limits):
            tally.add(batch)
            if sink is not None:
                sink(batch)
        if expected_toc_digest is not None:
            holds = f"sha256:{found.hexdigest()}" == expected_toc_digest
            if not holds:
                status, reason = "mismatch", "the table of contents is not the one the manifest names"
    except CapHitError as cap:
        hit.add(cap.cap)
        status, reason = "censored", f"stopped at the cap on {cap.cap}"
    except CorruptLayerError as problem:
        status, reason = "corrupt", f"table of contents: {problem}"
    if tally.overflowed:
        hit.add("types")
    return LayerScan(
        status=status,
        reason=reason,
        censored=tuple(sorted(hit)),
        compression="gzip" if place.form == "estargz" else "zstd",
        digest=None,
        digest_holds=holds,
        diff_id=None,
        diff_id_holds=None,
        compressed_bytes=size,
        fetched_bytes=fetched,
        inflated_bytes=None,
        end_marker=None,
        file_hash="sha256",
        verified="toc",
        seconds=clock() - started,
        summary=tally.summary(),
    )


def _inflated(packed: bytes, form: TocForm, limits: ScanLimits, clock: Clock) -> Iterator[bytes]:
    """The table's JSON in chunks."""
    caps = ScanLimits(
        inflated_bytes=_MOST_INFLATED, ratio=limits.ratio, seconds=limits.seconds, ends=limits.ends
    )
    inflated = InflatedBytes(
        CompressedBytes(io.BytesIO(packed), caps, clock, digest=False), caps, diff_id=False
    )
    if inflated.compression != ("gzip" if form == "estargz" else "zstd"):
        raise CorruptLayerError("it is not compressed as its footer says")
    if form == "zstd:chunked":
        while chunk := inflated.read():
            yield chunk
        return
    # In eStargz the JSON is the only entry of a tar archive.
    held = b""
    while len(held) < header.BLOCK:
        if not (chunk := inflated.read()):
            raise CorruptLayerError("it ends inside its header")
        held += chunk
    block, held = held[: header.BLOCK], held[header.BLOCK :]
    header.verify_checksum(block)
    if header.raw_name(block) != _TOC_NAME:
        raise CorruptLayerError("it has another name")
    left = header.number(block[124:136], "size")
    while left > 0:
        chunk = held[:left] or inflated.read()[:left]
        held = b""
        if not chunk:
            raise CorruptLayerError("it ends too early")
        left -= len(chunk)
        yield chunk


def _hashing(parts: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for part in parts:
        update(part)
        yield part


def _batches(parts: Iterator[bytes], limits: ScanLimits) -> Iterator[list[LayerEntry]]:
    batch: list[LayerEntry] = []
    left, content = limits.entries, _MOST_BYTES
    for item in toc_objects(parts):
        if (entry := _entry(item)) is None:
            continue
        left -= 1
        if left < 0:
            raise CapHitError("entries")
        content -= entry.size
        if content < 0:
            raise CorruptLayerError("its files are larger than any layer")
        batch.append(entry)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def toc_objects(parts: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of the array `entries` in the JSON object that comes in ``parts``, one at a time.

    The table of a million entries is some 350 MB of text; parsed as a whole it would take gigabytes.
    """
    reader = _JsonReader(parts)
    reader.expect("{")
    while reader.peek() != "}":
        key = reader.value()
        reader.expect(":")
        if key != "entries":
            reader.value()
        elif reader.peek() != "[":
            if reader.value() is not None:
                raise CorruptLayerError("its entries are no array")
        else:
            reader.expect("[")
            while reader.peek() != "]":
                item = reader.value()
                if not isinstance(item, dict):
                    raise CorruptLayerError("one of its entries is no object")
                yield item
                if reader.peek() != "]":
                    reader.expect(",")
            reader.expect("]")
        if reader.peek() != "}":
            reader.expect(",")
    for _ in parts:  # the rest is read for the digest
        pass


class _JsonReader:
    """Values of a JSON text that comes in parts, each value within ``_MOST_OBJECT`` characters."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._characters = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def _more(self) -> bool:
        # In large steps, because an incomplete value is parsed again after each.
        raw = b""
        while len(raw) < _STEP and (part := next(self._parts, b"")):
            raw += part
        self._text = self._text[self._at :] + self._characters.decode(raw)
        self._at = 0
        return bool(raw)

    def peek(self) -> str:
        """The next character that is not a space."""
        while True:
            while self._at < len(self._text):
                if (character := self._text[self._at]) not in " \t\r\n":
                    return character
                self._at += 1
            if not self._more():
                raise CorruptLayerError("it ends too early")

    def expect(self, character: str) -> None:
        """Consume a character that must follow."""
        if self.peek() != character:
            raise CorruptLayerError(f"its JSON lacks a {character!r}")
        self._at += 1

    def value(self) -> Any:
        """The next value."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (ValueError, RecursionError):
                whole = False
            else:
                whole = end < len(self._text)  # a number may continue in the next part
            if whole:
                self._at = end
                return value
            if len(self._text) - self._at > _MOST_OBJECT or not self._more():
                raise CorruptLayerError("its JSON is damaged")


def _entry(item: dict[str, Any]) -> LayerEntry | None:
    """One object as an entry. None: it is a further chunk of the previous file."""
    kind_name = item.get("type")
    if kind_name == "chunk":
        return None
    name, mode, size = item.get("name"), item.get("mode", 0), item.get("size", 0)
    uid, gid, link = item.get("uid", 0), item.get("gid", 0), item.get("linkName", "")
    digest, xattrs = item.get("digest"), item.get("xattrs") or {}
    if not (
        isinstance(name, str)
        and isinstance(link, str)
        and isinstance(xattrs, dict)
        and isinstance(kind_name, str)
        and all(type(number) is int and 0 <= number <= header.LARGEST for number in (mode, size, uid, gid))
    ):
        raise CorruptLayerError("one of its entries has fields of wrong types")
    path, note = header.clean(_text(name))
    kind = _TYPES.get(kind_name, "unknown")
    size = size if kind == "file" else 0
    kind, depth, extension, file_type, odd = classified(path, kind, b"", size)
    if kind == "hardlink":
        link = header.clean(_text(link))[0]
    names = ",".join(sorted(_text(str(key)) for key in xattrs))
    content = digest if kind == "file" and isinstance(digest, str) and _is_sha256(digest) else None
    mtime = _seconds(item.get("modtime"))
    return LayerEntry(
        path,
        kind,
        size,
        size,
        mode & 0o7777,
        uid,
        gid,
        mtime,
        depth,
        _text(link) or None,
        content,
        names or None,
        extension,
        file_type,
        odd or note,
    )


def _text(value: str) -> str:
    return header.text(value.encode("utf-8", "surrogatepass"))


def _is_sha256(digest: str) -> bool:
    algorithm, _, value = digest.partition(":")
    return algorithm == "sha256" and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _seconds(modtime: object) -> int:
    """RFC 3339 as seconds since 1970. Writers of tables omit a time of 0."""
    if not isinstance(modtime, str) or not modtime:
        return 0
    try:
        when = datetime.fromisoformat(modtime)
    except ValueError:
        return 0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return int((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1)
