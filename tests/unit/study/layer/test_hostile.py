"""Hostile layers: each ends within its caps in a row or a status that says what is wrong, and writes nothing."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from backports import zstd

from dockml_dagster.study.layer.model import ScanLimits

END = bytes(1024)


def header(name: bytes = b"f", typeflag: bytes = b"0", **fields: bytes) -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    places = {"mode": 100, "uid": 108, "gid": 116, "size": 124, "mtime": 136, "link": 157, "magic": 257}
    values = {"mode": b"0000644\0", "uid": b"0000000\0", "gid": b"0000000\0", "size": b"00000000000\0"}
    values |= {"mtime": b"00000000000\0", "magic": b"ustar\x0000", **fields}
    for key, value in values.items():
        block[places[key] : places[key] + len(value)] = value
    block[156:157] = typeflag
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def octal(size: int) -> bytes:
    return b"%011o\0" % size


class Zeros:
    """``head``, then zeros: so many of them, or without end."""

    def __init__(self, head: bytes, most: int = 1 << 62) -> None:
        self.head, self.left = head, most

    def read(self, size: int) -> bytes:
        part, self.head = self.head[:size], self.head[size:]
        if part:
            return part
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


@pytest.fixture(scope="module")
def gzip_bomb() -> bytes:
    """256 MiB of zeros in one file, packed 1,000 times over."""
    packer = io.BytesIO()
    with gzip.GzipFile(fileobj=packer, mode="wb", compresslevel=9) as out:
        out.write(header(size=octal(1 << 28)))
        for _ in range(256):
            out.write(bytes(1 << 20))
        out.write(END)
    return packer.getvalue()


@pytest.mark.parametrize("cap", ["ratio", "inflated_bytes"])
@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_bombs_end_at_a_cap(scanned, gzip_bomb: bytes, form: str, cap: str) -> None:
    bomb = gzip_bomb if form == "gzip" else zstd.compress(gzip.decompress(gzip_bomb))
    limits = {
        "ratio": ScanLimits(ratio=50, ratio_from=1 << 20),
        "inflated_bytes": ScanLimits(inflated_bytes=1 << 24),
    }
    scan = scanned(bomb, limits=limits[cap]).scan
    assert (scan.status, scan.censored) == ("censored", (cap,))
    assert scan.inflated_bytes < 1 << 26
    assert scan.digest is not None  # the compressed bytes are few; they are hashed to their end


def test_a_small_layer_of_zeros_is_no_bomb(scanned, gzip_bomb: bytes) -> None:
    scan = scanned(gzip_bomb).scan
    assert (scan.status, scan.summary.bytes) == ("complete", 1 << 28)


@pytest.mark.parametrize(
    "empty",
    [
        gzip.compress(b"", mtime=0),
        gzip.compress(b"\0", mtime=0),
        zstd.compress(b""),
        b"\x50\x2a\x4d\x18" + bytes(4),
        bz2.compress(b""),
    ],
    ids=["gzip", "gzip, a byte each", "zstd", "zstd, skippable", "bzip2"],
)
def test_members_without_content_end_at_the_cap_on_ratio(scanned, empty: bytes) -> None:
    """A member costs as much time as the start of a file, and these would be 400,000 in 8 MB."""
    packed = empty * 20_000
    scan = scanned(packed).scan
    assert (scan.status, scan.censored, scan.summary.entries) == ("censored", ("ratio",), 0)
    assert scan.digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert scanned(packed[: len(empty) * 10_000]).scan.status == "complete"


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_member_for_each_small_file_hits_no_cap(scanned, compress) -> None:
    packed = b"".join(compress(header()) for _ in range(60)) + compress(END)
    scan = scanned(packed, limits=ScanLimits(members_from=1)).scan
    assert (scan.status, scan.summary.entries) == ("complete", 60)


def test_caps_on_compressed_bytes_and_time(scanned, tar) -> None:
    data = tar([("a", os.urandom(1 << 20))])
    scan = scanned(data, limits=ScanLimits(compressed_bytes=1 << 19)).scan
    assert (scan.status, scan.censored, scan.digest) == ("censored", ("compressed_bytes",), None)
    ticks = iter(range(1000))
    scan = scanned(data, limits=ScanLimits(seconds=2), clock=lambda: float(next(ticks))).scan
    assert (scan.status, scan.censored, scan.digest) == ("censored", ("seconds",), None)


def test_the_cap_on_entries_counts_extended_headers_too(scanned, tar) -> None:
    data = tar([(f"f{i}", b"") for i in range(50)])
    result = scanned(data, limits=ScanLimits(entries=20))
    assert (result.scan.status, result.scan.censored, len(result.rows)) == ("censored", ("entries",), 20)
    assert result.scan.digest is not None
    endless = header(typeflag=b"x", size=octal(0)) * 100
    assert scanned(endless, limits=ScanLimits(entries=20)).scan.censored == ("entries",)


def test_a_pax_header_of_a_gigabyte_is_skipped(scanned, tar) -> None:
    stream = Zeros(header(b"x", b"x", size=octal(1 << 30)), 1 << 30)
    real, stream.read_zeros = tar([("kept.txt", "x")]), stream.read

    def read(size: int) -> bytes:
        nonlocal real
        if data := stream.read_zeros(size):
            return data
        data, real = real[:size], real[size:]
        return data

    stream.read = read  # type: ignore[method-assign]
    started = time.process_time()
    result = scanned(stream, digest=False)
    assert (result.scan.status, result.scan.censored) == ("complete", ("header_bytes",))
    assert [(row.path, row.note) for row in result.rows] == [("kept.txt", "header_too_large")]
    assert time.process_time() - started < 20


def test_a_chain_of_extended_headers_counts_as_one(scanned, tar) -> None:
    record = b"30 comment=" + b"x" * 18 + b"\n"
    one = header(b"x", b"x", size=octal(30 * 1024)) + record * 1024
    result = scanned(one * 100 + tar([("kept.txt", "x")]), limits=ScanLimits(header_bytes=1 << 16))
    assert [(row.path, row.note) for row in result.rows] == [("kept.txt", "header_too_large")]
    assert result.scan.censored == ("header_bytes",)


def test_paths_of_four_kilobytes_and_more(scanned, tar) -> None:
    deep = "/".join("a" * 2000)
    result = scanned(tar([(deep, "x"), (deep + "/" + "b" * 5000, "y")]))
    assert result.rows[0].depth == 1999
    assert result.rows[0].published_level == 2000
    assert result.rows[0].note is None
    assert result.rows[1].note == "path_cut"
    assert len(result.rows[1].path) == 4096
    assert result.scan.censored == ("path_bytes",)


@pytest.mark.parametrize(
    ("name", "path", "note"),
    [
        (b"../../etc/passwd", "etc/passwd", "escapes_root"),
        (b"a/../../../etc/passwd", "etc/passwd", "escapes_root"),
        (b"/etc/passwd", "etc/passwd", "absolute"),
        (b"/../x", "x", "escapes_root"),
        (b"a/../b", "b", "dotdot"),
        (b"./a//b/./c", "a/b/c", None),
        (b"..", ".", "escapes_root"),
        (b"/", ".", None),
        (b"", ".", None),
        (b"...", "...", None),
        (b"a/..b", "a/..b", None),
        (b"tab\there\nline", "tab\\x09here\\x0aline", None),
        (b"bad\xff", "bad\\xff", None),
    ],
)
def test_paths_stay_inside_the_root(scanned, name: bytes, path: str, note: str | None) -> None:
    (row,) = scanned(header(name) + END).rows
    assert (row.path, row.note) == (path, note)


def test_links_that_lead_outside_are_only_text(scanned) -> None:
    data = (
        header(b"s", b"2", link=b"../../../../etc/shadow")
        + header(b"h", b"1", link=b"../../etc/shadow")
        + END
    )
    symlink, hardlink = scanned(data).rows
    assert symlink.link_target == "../../../../etc/shadow"
    assert (hardlink.link_target, hardlink.note) == ("etc/shadow", "link_escapes_root")


def test_devices_are_listed(scanned) -> None:
    data = header(b"c", b"3") + header(b"b", b"4") + header(b"p", b"6") + END
    result = scanned(data)
    assert [row.kind for row in result.rows] == ["char_device", "block_device", "fifo"]
    assert (result.scan.summary.devices, result.scan.summary.files) == (3, 0)


@pytest.mark.parametrize(
    "size", [b"\xff" * 12, b"-0000000001\0", b"-1\0", b"0x10\0", b"1_0\0", b"+1\0", b"99999999999\0"]
)
def test_sizes_that_are_none_are_corrupt(scanned, size: bytes) -> None:
    result = scanned(header(b"before") + header(size=size) + END)
    assert result.scan.status == "corrupt"
    assert result.paths == ["before"]


def test_a_size_beyond_the_archive_is_corrupt(scanned) -> None:
    for size in (octal(1 << 20), b"\x80" + b"\xff" * 11, b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7):
        assert scanned(header(size=size) + b"x" * 600).scan.status == "corrupt"


def test_negative_sizes_in_extended_headers_are_corrupt(scanned, tar) -> None:
    data = tar([("a", "x")], pax_headers={"size": "-5"})
    scan = scanned(data).scan
    assert (scan.status, "negative" in (scan.reason or "")) == ("corrupt", True)


@pytest.mark.parametrize("where", [100, 511, 700, 1024 + 3])
def test_truncated_archives_keep_what_came_before(scanned, where: int) -> None:
    whole = header(b"a", size=octal(3)) + b"abc".ljust(512, b"\0") + header(b"b", size=octal(3)) + b"abc"
    result = scanned(whole[:where])
    if where == 700:
        assert (result.scan.status, result.paths) == ("complete", ["a"])  # only padding is missing
        assert result.scan.end_marker is False
    else:
        assert result.scan.status == "corrupt"
        assert result.paths == (["a"] if where > 1000 else [])


def test_garbage_after_the_end_is_left_alone(scanned, tar) -> None:
    data = tar([("a", "x")])
    result = scanned(data + os.urandom(5000))
    assert (result.scan.status, result.paths) == ("complete", ["a"])
    assert result.scan.reason == "data after the archive's end was left unread"
    endless = scanned(Zeros(data, 1 << 26))
    assert (endless.scan.status, endless.scan.reason) == ("complete", result.scan.reason)
    assert endless.scan.compressed_bytes == len(data) + (1 << 26)


def test_what_is_no_archive_is_corrupt(scanned) -> None:
    for data in (
        b"\x08\x07onnx model" * 100,
        os.urandom(5000),
        b"{}" + bytes(2000),
        gzip.compress(b"text" * 999),
    ):
        assert scanned(data).scan.status == "corrupt"


def test_duplicate_entries_are_counted(scanned, tar) -> None:
    scan = scanned(tar([("a", "1"), ("b", "2"), ("a", "3"), ("./a", "4")])).scan
    assert (scan.summary.entries, scan.summary.files, scan.summary.duplicate_entries) == (4, 4, 2)


def test_sparse_files_of_exabytes_cost_nothing(scanned, tar) -> None:
    huge = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "huge"}
    mapped = b"1\n0\n5\n".ljust(512, b"\0") + b"hello"
    data = tar([("x", mapped)], pax_headers={**huge, "GNU.sparse.realsize": str(1 << 60)})
    started = time.process_time()
    (row,) = scanned(data).rows
    assert (row.path, row.size, row.stored, row.file_hash) == ("huge", 1 << 60, 5, None)
    assert row.note == "unhashed"
    assert time.process_time() - started < 2
    wrong = tar([("x", mapped)], pax_headers={**huge, "GNU.sparse.realsize": "3"})
    assert scanned(wrong).rows[0].note == "unhashed"
    many = tar([("x", b"999999999\n".ljust(512, b"1"))], pax_headers={**huge, "GNU.sparse.realsize": "9"})
    assert scanned(many).rows[0].note == "unhashed"


@pytest.mark.parametrize(
    "records", [b"99 path=x\n", b"path=x\n", b"7 path=\n", b"0 a=b\n", b"12 mtime=1e9\n", b"9 a=bcde"]
)
def test_malformed_extended_headers_are_corrupt(scanned, records: bytes) -> None:
    data = header(b"x", b"x", size=octal(len(records))) + records.ljust(512, b"\0") + header(b"a") + END
    assert scanned(data).scan.status == "corrupt"


@pytest.mark.parametrize("name", [b".wh.", b"d/.wh..", b"d/.wh..."])
def test_whiteouts_of_nothing_are_metadata(scanned, name: bytes) -> None:
    (row,) = scanned(header(name) + END).rows
    assert (row.kind, row.note) == ("metadata", "invalid_whiteout")


def test_too_many_extensions_share_a_row(scanned, tar) -> None:
    scan = scanned(tar([(f"f.x{i:04}", "x") for i in range(60)]), limits=ScanLimits(types=10)).scan
    assert scan.censored == ("types",)
    assert {count.name: count.files for count in scan.summary.extensions}["(other)"] == 50


def test_nothing_is_written(scanned, tar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scanned(tar([("../out", "x"), ("/tmp/dockml-hostile", "x"), ("a", "x")]))
    assert not list(tmp_path.rglob("*"))
    assert not (tmp_path.parent / "out").exists()
    assert not Path("/tmp/dockml-hostile").exists()


MILLION = r"""
import re, sys, tempfile
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
count = int(sys.argv[1])
sys.path.insert(0, sys.argv[2])
import million
writer = SpoolWriter(tempfile.TemporaryFile)
scan = scan_layer(million.Stream(count), sink=writer.extend)
lines = sum(1 for _ in writer.finish())
peak = re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())
print(scan.status, scan.summary.entries, lines, int(peak[1]) // 1024)
"""
STREAM = '''
class Stream:
    """So many tiny files in an order that is none."""
    def __init__(self, count):
        self.parts = self.all(count)
        self.rest = b""
    def all(self, count):
        for number in range(count):
            name = b"opt/data/%04d/part-%07d.json" % (number * 7919 % 997, number)
            block = bytearray(512)
            block[:len(name)] = name
            block[100:124] = b"0000644\\0" + b"0000000\\0" * 2
            block[124:136] = b"00000000002\\0"
            block[136:156] = b"14000000000\\0" + b" " * 8
            block[156:157] = b"0"
            block[257:265] = b"ustar\\x0000"
            block[148:156] = b"%06o\\0 " % sum(block)
            yield bytes(block) + b"{}" + bytes(510)
        yield bytes(1024)
    def read(self, size):
        held = [self.rest]
        length = len(self.rest)
        while length < size:
            part = next(self.parts, b"")
            if not part:
                break
            held.append(part)
            length += len(part)
        data = b"".join(held)
        self.rest = data[size:]
        return data[:size]
'''


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure memory")
def test_memory_does_not_grow_with_entries(tmp_path: Path) -> None:
    (tmp_path / "million.py").write_text(STREAM)
    count = 200_000  # the benchmark runs the whole million; growth shows here already
    done = subprocess.run(
        [sys.executable, "-c", MILLION, str(count), str(tmp_path)], check=True, capture_output=True, text=True
    )
    status, entries, lines, megabytes = done.stdout.split()
    assert (status, int(entries), int(lines)) == ("complete", count, count)
    assert int(megabytes) < 90
