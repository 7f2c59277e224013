"""Shapes of inputs: texts that repeat, archives, tables of contents of layers, each of about so many bytes.

Here: making them. Not here: which parser is given which (``parsers``).
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from device_files import archive, bundle, container, device_file, entry, packed, shared_object


def repeated(token: str, before: str = "", after: str = "") -> Callable[[int], bytes]:
    """A shape: a token, again and again."""
    return lambda size: (before + token * max(1, size // len(token.encode())) + after).encode(
        "utf-8", "surrogatepass"
    )


def counted(token: Callable[[int], str], before: str = "", after: str = "") -> Callable[[int], bytes]:
    """A shape: tokens that differ by their number."""

    def made(size: int) -> bytes:
        each = len(token(size // 8).encode())
        return (before + "".join(map(token, range(max(1, size // each)))) + after).encode()

    return made


def tar(members: Callable[[int], Sequence[tarfile.TarInfo]], each: int = 512) -> Callable[[int], bytes]:
    """A shape: an archive of empty members."""

    def made(size: int) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for member in members(max(1, size // each)):
                archive.addfile(member)
        return buffer.getvalue()

    return made


def device_code(each: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Shared objects whose section of device code is made of parts, counted from 0."""

    def made(size: int) -> bytes:
        parts, left, number = [], size, 0
        while left > 0:
            parts.append(each(number))
            left -= max(len(parts[-1]), 1)
            number += 1
        return shared_object((".nv_fatbin", b"".join(parts), 4096))

    return made


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", **pax: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.pax_headers = kind, target, pax
    return member


def _extended(count: int, kind: bytes = tarfile.XHDTYPE) -> bytes:
    records = "".join(_record(f"SCHILY.xattr.user.{n}", "v") for n in range(count)).encode()
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, len(records)
    return member.tobuf() + records + bytes(-len(records) % 512)


def _record(key: str, value: str) -> str:
    size = len(f" {key}={value}\n")
    while len(f"{size} {key}={value}\n") != size:
        size += 1
    return f"{size} {key}={value}\n"


def _files(count: int) -> bytes:
    return b"".join(tarfile.TarInfo(f"f{n}").tobuf() for n in range(count))


TARS: dict[str, Callable[[int], bytes]] = {
    "entries": tar(lambda n: [_member(f"f{i}") for i in range(n)]),
    "one name": tar(lambda n: [_member("f")] * n),
    "directories in each other": tar(
        lambda n: [_member("/".join("d" * min(i, 900)), tarfile.DIRTYPE) for i in range(1, n + 1)], 2048
    ),
    "hard links": tar(lambda n: [_member("f"), *(_member(f"h{i}", tarfile.LNKTYPE, "f") for i in range(n))]),
    "hard links in a chain": tar(
        lambda n: [_member(f"h{i}", tarfile.LNKTYPE, f"h{i + 1}") for i in range(n)]
    ),
    "symbolic links in a chain": tar(
        lambda n: [
            *(_member(f"s{i}", tarfile.SYMTYPE, f"s{i + 1}") for i in range(n)),
            *(_member(f"s{i}/f") for i in range(n)),
        ],
        1024,
    ),
    "symbolic links to the folder above": tar(
        lambda n: [
            _member("a/b", tarfile.SYMTYPE, ".."),
            *(_member("a/b/" * 60 + f"f{i}") for i in range(n)),
        ],
        1024,
    ),
    "whiteouts": tar(lambda n: [_member(f"d{i}/.wh.x") for i in range(n)]),
    "opaque folders": tar(lambda n: [_member(f"d{i}/.wh..wh..opq") for i in range(n)]),
    "a whiteout above": tar(lambda n: [*(_member(f"d/{i}") for i in range(n)), _member(".wh.d")]),
    "long names": tar(lambda n: [_member(f"{'n' * 250}{i}") for i in range(n)], 1536),
    "pax records in one header": lambda size: _extended(size // 30) + _files(1),
    "a global header, many entries": lambda size: (
        _extended(300, tarfile.XGLTYPE) + _files(max(1, size // 512))
    ),
    "many global headers": lambda size: _extended(1, tarfile.XGLTYPE) * (size // 1024) + _files(1),
    "extended headers without an entry": lambda size: _extended(1) * (size // 1024) + _files(1),
    "zeros": bytes,
    "no tar": lambda size: b"x" * size,
}


def _toc_entries(entry: Callable[[int], dict[str, object]]) -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        each = len(json.dumps(entry(size // 8))) + 2
        return json.dumps({"version": 1, "entries": [entry(n) for n in range(size // each)]}).encode()

    return made


TOCS = {
    "entries": _toc_entries(
        lambda n: {"name": f"f{n}", "type": "reg", "size": n, "digest": "sha256:" + "0" * 64}
    ),
    "chunks": _toc_entries(lambda n: {"name": "f", "type": "chunk", "chunkOffset": n}),
    "xattrs": lambda size: json.dumps(
        {
            "version": 1,
            "entries": [{"name": "f", "type": "reg", "xattrs": {f"u{n}": "" for n in range(size // 12)}}],
        }
    ).encode(),
    "a long string": repeated("a", '{"version":1,"entries":[{"name":"', '"}]}'),
    "escapes": repeated("\\u0041", '{"version":1,"entries":[{"name":"', '"}]}'),
    "a string without end": repeated("a", '{"version":1,"entries":[{"name":"'),
    "arrays": repeated("[", '{"version":1,"entries":['),
    "blanks": repeated(" ", '{"version":1,"entries":[', "]}"),
    "keys": counted(lambda n: f'"k{n:06}":1,', "{", '"entries":[]}'),
}
"""The table itself, of so many bytes."""

_BUNDLE = bundle(("gfx942", 64))
DEVICE_CODE = {
    "containers": device_code(lambda n: container(entry(2, 80))),
    "containers that differ": device_code(lambda n: container(entry(2, n))),
    "one container": lambda size: shared_object(
        (".nv_fatbin", container(*(entry(2, n) for n in range(size // 128))), 8)
    ),
    "empty containers": device_code(lambda n: container()),
    "containers with gaps": device_code(lambda n: container(entry(2, 80)) + bytes(8)),
    "damaged containers": device_code(lambda n: container(bytes(64)) + bytes(8)),
    "magics without end": device_code(lambda n: container(entry(2, 80))[:8] + b"\xff" * 8),
    "bundles": device_code(lambda n: _BUNDLE),
    "compressed bundles": device_code(lambda n: packed(_BUNDLE).ljust(4096, b"\0")),
    "damaged bundles": device_code(lambda n: b"CCOB".ljust(4096, b"\0")),
    "sections": lambda size: shared_object(*((f"s{n}", b"", 1) for n in range(min(size // 72, 65_000)))),
    "zeros": device_code(lambda n: bytes(1 << 16)),
}


_OBJECT = shared_object((".nv_fatbin", container(entry(2, 80)), 8), head=64, kind=1)


def _archive(content: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: archive(*(("a", content(n)) for n in range(size // (60 + len(content(0))))))


ARCHIVES = {
    "objects": _archive(lambda n: _OBJECT),
    "empty members": _archive(lambda n: b""),
    "members that are device code": _archive(lambda n: device_file(190, n % 256)),
    "kinds that differ": _archive(
        lambda n: shared_object((".nv_fatbin", container(entry(2, n)), 8), head=64, kind=1)
    ),
    "one member": lambda size: archive(("a", DEVICE_CODE["containers that differ"](size))),
}


def _zip(each: int, content: bytes) -> Callable[[int], bytes]:
    def made(size: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(max(1, size // each)):
                archive.writestr(f"{number}/Dockerfile", content)
        return buffer.getvalue()

    return made


def _parquet(size: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder, "x.parquet")
        connection.execute(
            f"COPY (SELECT 'FROM a' || range AS a FROM range({size // 8})) TO '{path}' (FORMAT parquet)"
        )
        return path.read_bytes()


SETS: dict[str, dict[str, Callable[[int], bytes]]] = {
    "csv": {
        "rows": counted(lambda n: f"FROM a{n}\n", "a\n"), "columns": repeated("b,", "a,", "\n" + "x," * 9 + "\n"),
        "cells": repeated("b,", "a\n"), "quotes": repeated('""', 'a\n"', '"\n'),
        "a text without end": repeated("a\n", 'a\n"'), "empty rows": repeated("\n", "a\n"),
    },
    "parquet": {"rows": _parquet},
    "zip": {"texts": _zip(120, b"FROM a\n"), "large texts": _zip(1_200, b"#" * 1_000_000)},
    "tar": TARS,
}  # fmt: skip
"""Forms of a data set."""
