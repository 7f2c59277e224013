"""Layers made to hurt, through the command and its scanning processes: nothing is written outside the home, memory and
time stay inside the caps, and the row says what happened.

The walk's own tests have more cases of each kind (``tests/unit/study/layer/test_hostile.py``).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from backports import zstd

from tests.stand_ins import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST

END = bytes(1024)
GIGABYTE = 1 << 30
MANY = 100_000
"""The million of the design is ``make bench``'s; memory that grows with entries shows here already."""
MOST_MEGABYTES = 100
MOST_SECONDS = 120


def header(name: bytes, typeflag: bytes = b"0", size: bytes | int = 0, link: bytes = b"") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:124] = b"0000644\0" + b"0000000\0" * 2
    octal = b"%011o\0" % size if isinstance(size, int) else size
    block[124 : 124 + len(octal)] = octal
    block[136:148] = b"14000000000\0"
    block[156:157] = typeflag
    block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def file(name: bytes, content: bytes = b"x") -> bytes:
    return header(name, size=len(content)) + content + bytes(-len(content) % 512)


def long_name(name: bytes) -> bytes:
    return header(b"././@LongLink", b"L", len(name)) + name + bytes(-len(name) % 512)


def pax(records: dict[str, str]) -> bytes:
    data = b""
    for key, value in records.items():
        record = f" {key}={value}\n".encode()
        length = len(record) + 2
        data += b"%d" % (length if len(str(length)) == 2 else length + 1) + record
    return header(b"x", b"x", len(data)) + data + bytes(-len(data) % 512)


ZEROS = 1200
"""Megabytes of zeros in the one file of a bomb."""


def zstd_bomb(path: Path) -> None:
    with zstd.open(path, "wb", level=1) as out:
        out.write(header(b"zeros", size=ZEROS << 20))
        for _ in range(ZEROS):
            out.write(bytes(1 << 20))


def gzip_bomb(path: Path) -> None:
    """The same block of a megabyte over and over; nobody gets as far as its checksum."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(header(b"zeros", size=ZEROS << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(start + block * ZEROS)


def many_entries(out: BinaryIO) -> None:
    blank = bytearray(header(b"", size=2))
    base = sum(blank[:148]) + sum(blank[156:]) + 8 * 32
    content = b"{}" + bytes(510)
    for number in range(MANY):
        name = b"opt/data/%04d/part-%07d.json" % (number * 7919 % 997, number)
        blank[: len(name)] = name
        blank[148:156] = b"%06o\0 " % (base + sum(name))
        out.write(blank + content)
    out.write(END)


def zstandard(write: Callable[[BinaryIO], None]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zstd.open(path, "wb", level=1) as out:
            write(out)

    return make


def plain(*parts: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(b"".join(parts)) and None


def pax_of_a_gigabyte(path: Path) -> None:
    """A hole on the disk."""
    with path.open("wb") as out:
        out.write(header(b"x", b"x", GIGABYTE))
        out.seek(GIGABYTE, os.SEEK_CUR)
        out.write(file(b"kept") + END)


DEEP = "/".join(["d" * 15] * 256).encode()
Case = tuple[Callable[[Path], None], str, list[str], list[tuple[str, str, str | None]]]
CASES: dict[str, Case] = {
    # What it is, status, caps, rows (path, kind, note) that must be there.
    "gzip bomb": (gzip_bomb, "censored", ["ratio"], []),
    "zstd bomb": (zstd_bomb, "censored", ["ratio"], []),
    "many entries": (
        zstandard(many_entries),
        "complete",
        [],
        [("opt/data/0000/part-0000000.json", "file", None)],
    ),
    "paths of 4 KiB": (
        plain(long_name(DEEP), file(b"x"), long_name(DEEP + b"/" + b"n" * 4096), file(b"x"), END),
        "complete",
        ["path_bytes"],
        [(DEEP.decode(), "file", None), (DEEP.decode(), "file", "path_cut")],
    ),
    "paths that leave the root": (
        plain(
            file(b"../../etc/passwd"),
            file(b"a/../../../../root/.ssh/authorized_keys"),
            header(b"up", b"2", link=b"../../.."),
            file(b"up/escaped"),
            END,
        ),
        "complete",
        [],
        [
            ("etc/passwd", "file", "escapes_root"),
            ("root/.ssh/authorized_keys", "file", "escapes_root"),
            ("up", "symlink", None),
            ("up/escaped", "file", None),
        ],
    ),
    "absolute paths": (
        plain(file(b"/etc/shadow"), END),
        "complete",
        [],
        [("etc/shadow", "file", "absolute")],
    ),
    "devices": (
        plain(header(b"dev/sda", b"4"), header(b"dev/mem", b"3"), header(b"pipe", b"6"), END),
        "complete",
        [],
        [("dev/mem", "char_device", None), ("dev/sda", "block_device", None), ("pipe", "fifo", None)],
    ),
    "a PAX header of 1 GB": (
        pax_of_a_gigabyte,
        "complete",
        ["header_bytes"],
        [("kept", "file", "header_too_large")],
    ),
    "a negative size": (
        plain(file(b"before"), header(b"f", size=b"\xff" * 12), END),
        "corrupt",
        [],
        [("before", "file", None)],
    ),
    "a negative size in PAX": (
        plain(file(b"before"), pax({"size": "-5"}), file(b"f"), END),
        "corrupt",
        [],
        [],
    ),
    "a truncated archive": (
        plain(file(b"before"), header(b"f", size=5000), b"x" * 600),
        "corrupt",
        [],
        [("before", "file", None)],
    ),
    "truncated gzip": (
        lambda path: path.write_bytes(gzip.compress(file(b"f", os.urandom(9000)) + END)[:-500]) and None,
        "corrupt",
        [],
        [],
    ),
    "garbage after the end": (
        plain(file(b"f"), END, os.urandom(5000)),
        "complete",
        [],
        [("f", "file", None)],
    ),
    "no archive": (plain(os.urandom(5000)), "corrupt", [], []),
    "duplicate entries": (
        plain(file(b"twice", b"one"), file(b"./twice", b"two"), END),
        "complete",
        [],
        [("twice", "file", None), ("twice", "file", None)],
    ),
    "a sparse file of exabytes": (
        plain(
            pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 60)}),
            file(b"sparse", b"1\n0\n5\n".ljust(512, b"\0") + b"hello"),
            END,
        ),
        "complete",
        [],
        [("sparse", "file", "unhashed")],
    ),
}
POOL = """
import json, pathlib, resource, sys
from dockml_dagster.images.scanning.pool import FileSource, LayerTask, ScanPool
layers, spools = map(pathlib.Path, sys.argv[1:])
tasks = [LayerTask(path.name, FileSource(path), 1 << 30) for path in layers.iterdir()]
with ScanPool(workers=1) as pool:
    for result in pool.scan(tasks, spools):
        scan = result.scan
        print(json.dumps([result.key, str(result.error), scan and [scan.status, scan.censored, scan.reason, scan.seconds],
                          str(result.spool)]))
print(json.dumps(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, *_) in CASES.items():
        make(folder / name)
    yield folder
    for name in CASES:
        (folder / name).unlink()


@pytest.fixture(scope="module")
def pooled(layers: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int, Path]:
    """What a pool of one process made of them all: by name; its peak in megabytes; where it worked."""
    place = tmp_path_factory.mktemp("place")
    for name in ("spools", "tmp", "cwd"):
        (place / name).mkdir()
    environment = {**os.environ, "TMPDIR": str(place / "tmp"), "HOME": str(place / "tmp")}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", POOL, str(layers), str(place / "spools")],
        capture_output=True,
        text=True,
        cwd=place / "cwd",
        env=environment,
        check=True,
        timeout=600,
    )
    *lines, peak = done.stdout.splitlines()
    found = {name: (error, scan, spool) for name, error, scan, spool in map(json.loads, lines)}
    return found, json.loads(peak), place


@pytest.mark.parametrize("case", CASES)
def test_the_row_says_what_happened(pooled, case: str) -> None:
    _, status, censored, rows = CASES[case]
    error, scan, spool = pooled[0][case]
    assert error == "None"
    assert scan[:2] == [status, censored], scan
    assert bool(scan[2]) is (status != "complete" or case == "garbage after the end")
    assert scan[3] < MOST_SECONDS
    found = {}
    for line in Path(spool).read_text().splitlines():
        fields = line.split("\t")
        found.setdefault((fields[0], fields[1], fields[14] or None), []).append(line)
    for row in rows:
        assert len(found[row]) == rows.count(row)
    if case == "many entries":
        assert len(found) == MANY


def test_memory_stays_inside_the_cap(pooled) -> None:
    assert pooled[1] < MOST_MEGABYTES


def test_nothing_is_written_but_rows(pooled) -> None:
    _, _, place = pooled
    assert not list((place / "tmp").iterdir())
    assert not list((place / "cwd").iterdir())
    assert sorted(path.name for path in place.iterdir()) == ["cwd", "spools", "tmp"]
    assert {path.name for path in (place / "spools").iterdir()} == {f"{name}.rows" for name in CASES}


def layout(root: Path, layers: list[Path]) -> None:
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def entry(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    entries = []
    for path in layers:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        (blobs / digest).symlink_to(path)
        entries.append({"mediaType": OCI_LAYER, "digest": f"sha256:{digest}", "size": path.stat().st_size})
    config = entry(json.dumps({"os": "linux", "architecture": "amd64"}).encode(), OCI_CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": entries}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    index["manifests"] = [entry(json.dumps(manifest).encode(), OCI_MANIFEST)]
    (root / "index.json").write_text(json.dumps(index))
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def test_through_the_command(layers: Path, tmp_path: Path) -> None:
    """All of them as the layers of one image: the whole tree of processes, and every place it could write to."""
    layout(tmp_path / "image", [layers / name for name in CASES])
    for name in ("tmp", "cwd"):
        (tmp_path / name).mkdir()
    before = sorted(str(path) for path in (tmp_path / "image").rglob("*"))
    settings = {"TMPDIR": tmp_path / "tmp", "HOME": tmp_path / "tmp", "DOCKML_HOME": tmp_path / "home"}
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    code = "from dockml_dagster.cli import main; main()"
    command = [sys.executable, "-c", code, "scan-image", f"oci:{tmp_path / 'image'}", "--format", "json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path / "cwd",
        env=environment,
    ) as process:
        peak = peak_of_tree(process)
        assert process.stdout is not None
        assert process.stderr is not None
        out, said = process.stdout.read(), process.stderr.read()
    assert process.returncode == 3
    assert len([line for line in said.splitlines() if not line.startswith("dockml: layers")]) == 1, said
    (image,) = json.loads(out)["images"]
    assert (image["status"], image["bytes"], image["files"]) == ("incomplete", None, None)
    for layer, (_, status, censored, _) in zip(image["layers"], CASES.values(), strict=True):
        assert (layer["status"], layer["censored"]) == (status, censored)
        assert layer["reason"] is not None or status == "complete"
    assert peak < 250
    assert sorted(str(path) for path in (tmp_path / "image").rglob("*")) == before
    assert not list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "cwd").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cwd", "home", "image", "tmp"]
    assert [path.name for path in (tmp_path / "home" / "cache").iterdir()] == [".scratch-lock"]


def peak_of_tree(process: subprocess.Popen[str]) -> int:
    """The sum of what a process and its children held at once, at most, in megabytes."""
    peak = 0
    while process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        numbers = [process.pid]
        try:
            numbers += [int(number) for number in children.read_text().split()]
        except OSError:
            break
        peak = max(peak, sum(megabytes(number) for number in numbers))
        time.sleep(0.05)
    return peak


def megabytes(process: int) -> int:
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) // 1024 if found else 0
