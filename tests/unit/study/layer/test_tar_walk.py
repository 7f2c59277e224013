"""The walk lists what GNU tar and Python's tarfile list, in every format that they can write, in chunks of any size."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from dockml_dagster.study.layer.header import text
from dockml_dagster.study.layer.inflate import CorruptLayerError
from dockml_dagster.study.layer.model import LayerEntry, ScanLimits
from dockml_dagster.study.layer.tar_walk import TarWalk

TAR = shutil.which("tar")
needs_tar = pytest.mark.skipif(TAR is None, reason="GNU tar is not installed")

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.LNKTYPE: "hardlink",
    tarfile.SYMTYPE: "symlink",
    tarfile.DIRTYPE: "directory",
    tarfile.CHRTYPE: "char_device",
    tarfile.BLKTYPE: "block_device",
    tarfile.FIFOTYPE: "fifo",
}


def walk(data: bytes, chunk: int = 1 << 20) -> list[LayerEntry]:
    stream = io.BytesIO(data)
    rows: list[LayerEntry] = []
    walked = TarWalk(lambda: stream.read(chunk), ScanLimits())
    while walked.read_entries(rows, len(rows) + 7):
        pass
    return rows


def by_tarfile(data: bytes) -> list[tuple]:
    listed = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() or member.issparse() else None
            listed.append(
                (
                    text(os.fsencode(member.name)).removeprefix("./") or ".",
                    KINDS[member.type],
                    member.size if content else 0,
                    member.mode & 0o7777,
                    member.uid,
                    member.gid,
                    int(member.mtime // 1),
                    "xxh3-128:" + xxhash.xxh3_128_hexdigest(content.read()) if content else None,
                )
            )
    return listed


def by_us(rows: list[LayerEntry]) -> list[tuple]:
    return [(r.path, r.kind, r.size, r.mode, r.uid, r.gid, r.mtime, r.file_hash) for r in rows]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    (root / "plain.txt").write_text("hello\n")
    (root / "empty").touch()
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "c" / "deep.py").write_text("import os\n" * 200)
    (root / "big.bin").write_bytes(os.urandom(3 << 20))
    (root / "a" / "link").symlink_to("../plain.txt")
    os.link(root / "plain.txt", root / "a" / "hard.txt")
    (root / "exec").write_text("#!/bin/sh\n")
    (root / "exec").chmod(0o4755)
    (root / "old").write_text("old")
    os.utime(root / "old", (-5, -5))
    long = root / ("d" * 90) / ("e" * 120)
    long.mkdir(parents=True)
    (long / ("f" * 200 + ".txt")).write_text("long")
    (root / "long-link").symlink_to("x" * 300)
    os.mkfifo(root / "fifo")
    with (root / "sparse").open("wb") as file:
        file.write(b"start")
        for position in range(1, 40):
            file.seek(position << 16)
            file.write(b"%d" % position)
        file.truncate((40 << 16) + 12345)
    with (root / "hole").open("wb") as file:
        file.truncate((5 << 20) + 77)
    return root


@pytest.fixture(scope="module")
def odd_names(tree: Path) -> Path:
    (tree / "ünï☃.txt").write_text("u")
    Path(os.fsdecode(os.fsencode(tree) + b"/bad\xff\xfe.txt")).write_text("b")
    (tree / "tab\tand\nline").write_text("t")
    (tree / "back\\slash").write_text("s")
    return tree


def tarred(tree: Path, *options: str) -> bytes:
    return subprocess.run(
        [TAR, "-C", tree, *options, "-cf", "-", "."], check=True, capture_output=True
    ).stdout


@needs_tar
@pytest.mark.parametrize("sparse", [(), ("--sparse",)], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "options",
    [
        ("--format=gnu",),
        ("--format=oldgnu",),
        ("--format=pax",),
        ("--format=pax", "--sparse-version=0.0"),
        ("--format=pax", "--sparse-version=0.1"),
        ("--format=pax", "--sparse-version=1.0"),
        ("--format=pax", "--pax-option=globexthdr.name=x,comment=hi,mtime=12345.75"),
    ],
    ids=" ".join,
)
def test_gnu_tar_forms(odd_names: Path, options: tuple[str, ...], sparse: tuple[str, ...]) -> None:
    data = tarred(odd_names, *options, *sparse)
    assert by_us(walk(data)) == by_tarfile(data)


@needs_tar
@pytest.mark.parametrize("form", ["v7", "ustar"])
def test_old_forms_hold_what_they_can(tree: Path, form: str) -> None:
    without = ["--exclude=long*", "--exclude=dddd*", "--exclude=old"]
    command = [TAR, "-C", tree, f"--format={form}", *without, "-cf", "-", "."]
    made = subprocess.run(command, capture_output=True, check=False).stdout
    assert by_us(walk(made)) == by_tarfile(made)
    assert len(walk(made)) > 10


@needs_tar
@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_the_list_is_the_one_tar_prints(odd_names: Path, form: str, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(tarred(odd_names, f"--format={form}", "--sparse"))
    printed = subprocess.run(
        [TAR, "--quoting-style=literal", "--numeric-owner", "--null", "-tf", archive],
        check=True,
        capture_output=True,
    ).stdout
    verbose = subprocess.run(
        [TAR, "--quoting-style=escape", "--numeric-owner", "-tvf", archive], check=True, capture_output=True
    ).stdout.decode("utf-8", "replace")
    rows = walk(archive.read_bytes())
    names = printed.decode("utf-8", "surrogateescape")
    for row in rows:
        if "\\x" not in row.path and row.path != ".":
            assert f"./{row.path}" in names
    lines = verbose.splitlines()
    assert len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        mode, owner, size, *_ = line.split()
        kind = {"-": "file", "d": "directory", "l": "symlink", "h": "hardlink", "p": "fifo"}[mode[0]]
        assert row.kind == kind
        assert owner == f"{row.uid}/{row.gid}"
        assert mode[1:] == stat.filemode(stat.S_IFREG | row.mode)[1:]
        if kind == "file":
            assert int(size) == row.size


@needs_tar
def test_extended_attributes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()
    try:
        os.setxattr(file, "user.note", b"secret")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    (row,) = [row for row in walk(tarred(tmp_path, "--xattrs", "--format=pax")) if row.path == "f"]
    assert row.xattrs == "user.note"


def test_sparse_files_say_what_is_stored(tree: Path) -> None:
    if TAR is None:
        pytest.skip("GNU tar is not installed")
    for form in ("--format=gnu", "--format=pax"):
        rows = {row.path: row for row in walk(tarred(tree, form, "--sparse"))}
        assert rows["hole"].size == (5 << 20) + 77
        assert rows["hole"].stored == 0
        assert rows["sparse"].stored < rows["sparse"].size


@pytest.mark.parametrize("chunk", [1, 7, 511, 512, 513, 1000, 4096, 65537])
def test_chunks_do_not_matter(tar, chunk: int) -> None:
    members = [("d/", None), ("d/" + "n" * 150, "x" * 1500), ("e", b""), ("l", "-> d"), ("h", "=> e")]
    data = tar(members) + b"\0" * 512
    assert walk(data, chunk) == walk(data)


def test_star_prefixes_and_signed_checksums(tar) -> None:
    data = bytearray(tar([("é" * 20, "x")], format=tarfile.GNU_FORMAT))
    signed = sum(byte - 256 * (byte > 127) for byte in data[:148] + data[156:512]) + 256
    data[148:156] = b"%06o\0 " % signed
    assert [row.path for row in walk(bytes(data))] == ["é" * 20]


@pytest.mark.parametrize(
    ("checksum", "fits"), [("%06o\0 ", True), ("%6o \0", True), ("%07o\0", True), ("%06o\0 ", False)]
)
def test_what_old_writers_left_in_a_header(tar, checksum: str, fits: bool) -> None:
    """Bytes behind the end of a name, and checksums in all their forms; one that is off by one is none."""
    data = bytearray(tar([("d", "x"), ("e", "y")], format=tarfile.USTAR_FORMAT))
    data[:12] = b"d/\0old bytes"
    data[156:157] = b"\0"
    data[124:136] = b"00000000000\0"
    data[512:1024] = b""
    data[148:156] = b" " * 8
    data[148:156] = (checksum % (sum(data[:512]) + (not fits))).encode()
    if fits:
        assert [(row.path, row.kind) for row in walk(bytes(data))] == [("d", "directory"), ("e", "file")]
    else:
        with pytest.raises(CorruptLayerError, match="checksum"):
            walk(bytes(data))


segments = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
)
names = st.lists(segments.filter(lambda s: s not in {".", ".."}), min_size=1, max_size=12).map("/".join)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    buffer = io.BytesIO()
    form = draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name in draw(st.lists(names, max_size=6)):
            info = tarfile.TarInfo(name)
            info.mode = draw(st.integers(0, 0o7777))
            info.uid = draw(st.sampled_from([0, 1000, 2097151, 2097152, 4294967294]))
            info.gid = draw(st.integers(0, 1 << 31))
            info.mtime = draw(st.sampled_from([0, 1_700_000_000, 1_700_000_000.5, 1 << 33]))
            info.type = draw(
                st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
            )
            content = b""
            if info.type == tarfile.REGTYPE:
                content = draw(st.binary(max_size=1500))
                info.size = len(content)
            elif info.type != tarfile.DIRTYPE:
                info.linkname = draw(names)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@settings(max_examples=60, deadline=None)
@given(archives(), st.integers(1, 3000))
def test_what_tarfile_writes_we_read(data: bytes, chunk: int) -> None:
    rows = walk(data, chunk)
    listed = by_tarfile(data)
    # A name that starts with `./` or holds `//` is cleaned; hypothesis makes neither.
    special = {"whiteout", "opaque", "metadata"}
    assert [row for row, entry in zip(by_us(rows), rows, strict=True) if entry.kind not in special] == [
        row for row, entry in zip(listed, rows, strict=True) if entry.kind not in special
    ]


@settings(max_examples=150, deadline=None)
@given(archives(), st.data())
def test_damage_never_crashes(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 6))):
        if damaged:
            damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(damaged)))
    from dockml_dagster.study.layer.scan import scan_layer

    rows: list[LayerEntry] = []
    result = scan_layer(io.BytesIO(bytes(damaged[:cut])), sink=rows.extend)
    assert result.summary.entries == len(rows)
    assert result.status in {"complete", "corrupt"}


def extended(*records: bytes) -> bytes:
    """An extended header of these records, each ``key=value``."""
    payload = b""
    for record in records:
        length = len(record) + 3
        length += len(str(length)) - 1
        payload += b"%d %s\n" % (length, record)
    info = tarfile.TarInfo("PaxHeaders/x")
    info.type, info.size = tarfile.XHDTYPE, len(payload)
    return info.tobuf(tarfile.USTAR_FORMAT) + payload + bytes(-len(payload) % 512)


PLAIN = tarfile.TarInfo("f").tobuf(tarfile.USTAR_FORMAT)
THREE = (b"mtime=7.25", b"atime=8.5", b"ctime=9")


@pytest.mark.parametrize(
    ("headers", "name", "mtime"),
    [
        ([(b"mtime=7.25",)], "f", 7),
        ([THREE], "f", 7),
        ([(b"mtime=-1.5",)], "f", -2),
        ([(b"atime=8", b"mtime=7")], "f", 7),
        ([THREE, (b"path=other",)], "other", 7),
        ([THREE, THREE[:1], (b"mtime=11",)], "f", 11),
        ([THREE, (b"mtime=",)], "f", 0),
        ([(b"path=other",), THREE], "other", 7),
        ([(*THREE, b"path=other")], "other", 7),
    ],
)
def test_headers_that_say_times(headers: list[tuple[bytes, ...]], name: str, mtime: int) -> None:
    """Alone, in chains and with others: the last value of each field counts, and only for the entry that follows."""
    said = b"".join(extended(*records) for records in headers)
    first, second = walk(said + PLAIN + PLAIN + bytes(1024))
    assert (first.path, first.mtime) == (name, mtime)
    assert second.mtime == 0


@pytest.mark.parametrize("damage", [(b"18 ", b"17 "), (b"11 ", b"12 "), (b"5\n", b"5 ")])
def test_times_with_wrong_lengths_are_no_header(damage: tuple[bytes, bytes]) -> None:
    header = extended(b"mtime=123456.5", b"atime=123456.5", b"ctime=1")
    start, payload = header[:512], header[512:]
    assert damage[0] in payload
    changed = payload.replace(*damage, 1)
    with pytest.raises(CorruptLayerError):
        walk(start + changed + PLAIN + bytes(1024))


def test_links_of_one_character(scanned, tar) -> None:
    found = scanned(tar([("a", "1"), ("b", "-> a"), ("c", "=> a")]))
    assert [row.link_target for row in found.rows] == [None, "a", "a"]
