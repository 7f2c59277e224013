"""Layers with a table of contents, made as their formats' descriptions say, for where no tool here makes them.

Here: eStargz (and stargz before it), zstd:chunked with its footers of 40 and 64 bytes, one table for all.
Not here: what a reader makes of them. Sources: as in ``study/layer/toc``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
import zlib
from datetime import UTC, datetime

from backports import zstd

TYPES = {
    tarfile.REGTYPE: "reg",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.FIFOTYPE: "fifo",
}


def toc_of(layer: bytes) -> bytes:
    entries = []
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            entry = {
                "name": member.name + "/" * member.isdir(),
                "type": TYPES[member.type],
                "mode": member.mode,
            }
            modtime = datetime.fromtimestamp(member.mtime, UTC).isoformat().replace("+00:00", "Z")
            entry |= {"modtime": modtime, "uid": member.uid, "gid": member.gid}
            if member.isfile():
                content = archive.extractfile(member).read()
                entry |= {"size": len(content), "digest": "sha256:" + hashlib.sha256(content).hexdigest()}
            elif member.linkname:
                entry["linkName"] = member.linkname
            entries.append(entry)
            if member.size > 1000:
                entries.append({"name": member.name, "type": "chunk", "chunkOffset": 1000})
    return json.dumps(
        {"version": 1, "entries": entries, "more": {"nested": [1, 2]}}, ensure_ascii=False
    ).encode()


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def empty_member(extra: bytes) -> bytes:
    """A gzip member of nothing with an extra field, as eStargz ends."""
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra
    return head + b"\x01\0\0\xff\xff" + bytes(8)


def estargz(layer: bytes, toc: bytes, *, legacy: bool = False) -> bytes:
    unended = layer.rstrip(b"\0")
    body = gzip.compress(unended + bytes(-len(unended) % 512))
    offset = b"%016x" % len(body) + b"STARGZ"
    footer = empty_member(offset if legacy else b"SG" + struct.pack("<H", 22) + offset)
    assert len(footer) == (47 if legacy else 51)
    assert zlib.decompress(footer, 31) == b""
    return body + gzip.compress(_archive("stargz.index.json", toc)) + footer


def chunked(layer: bytes, toc: bytes, *, length: int = 64) -> bytes:
    body = zstd.compress(layer)
    packed = zstd.compress(toc)
    numbers = [len(body) + 8, len(packed), len(toc), 1]
    footer = struct.pack("<4Q", *numbers) + bytes(length - 40) + b"GnUlInUx"
    frames = (struct.pack("<II", 0x184D2A50, len(payload)) + payload for payload in (packed, footer))
    return body + b"".join(frames)
