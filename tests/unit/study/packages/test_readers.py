"""Readers of package databases: formats that the cases of images do not have, damage, and hostile input.

Here: single files. Not here: which package owns which bytes (``test_images``).
"""

import io
import json
import sqlite3
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dockml_dagster.images.scanning.inside import InsideReader, LayerInside
from dockml_dagster.images.scanning.kept_inside import from_json, to_json
from dockml_dagster.study.device_code.model import DeviceFile, DeviceRow
from dockml_dagster.study.packages.databases import database_form
from dockml_dagster.study.packages.model import Diversion, Package, Reading, path_keys
from dockml_dagster.study.packages.purl import package_url
from dockml_dagster.study.packages.reading import read_database
from dockml_dagster.study.packages.rpm import read_headers
from dockml_dagster.study.packages.versions import version_key


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("var/lib/dpkg/status", "dpkg_status"),
        ("opt/var/lib/dpkg/status", None),
        ("var/lib/dpkg/status-old", None),
        ("var/lib/dpkg/info/libc6:amd64.list", "dpkg_list"),
        ("var/lib/dpkg/info/libc6.md5sums", None),
        ("var/lib/dpkg/status.d/base", "dpkg_single_status"),
        ("usr/lib/apk/db/installed", "apk"),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", "rpm_sqlite"),
        ("var/lib/rpm/Packages.db", "rpm_unread"),
        ("s/x-1.dist-info/METADATA", "metadata"),
        ("s/x/METADATA", None),
        ("s/x-1.egg-info", "metadata"),
        ("opt/conda/conda-meta/x-1-0.json", "conda"),
        ("opt/xconda-meta.json", None),
        ("a/node_modules/@s/x/package.json", "npm"),
        ("a/node_modules/x/lib/package.json", None),
        ("a/node_modules/.bin/package.json", None),
        ("package.json", None),
        ("usr/lib/R/library/base/DESCRIPTION", "r"),
        ("usr/lib/R/base/DESCRIPTION", None),
    ],
)
def test_which_file_is_a_database(path: str, form: str | None) -> None:
    assert database_form(path) == form


def test_licences_are_as_stated() -> None:
    def licence(text: str) -> str:
        (package,) = read_database(
            "x-1.dist-info/METADATA", "metadata", f"Name: x\nVersion: 1\n{text}".encode()
        ).packages
        return package.licence

    assert licence("License-Expression: MIT\nLicense: other\n") == "MIT"
    assert (
        licence("License: Copyright of somebody\nClassifier: License :: OSI Approved :: BSD License\n")
        == "BSD License"
    )
    assert licence("License: UNKNOWN\n") == ""
    assert licence("\nLicense: in the description\n") == ""


def header(tags: dict[int, tuple[int, int, bytes]]) -> bytes:
    """An rpm header: tag → type, count, data."""
    index = data = b""
    for tag, (kind, count, value) in tags.items():
        index += struct.pack(">IIII", tag, kind, len(data), count)
        data += value
    return struct.pack(">II", len(tags), len(data)) + index + data


BASH = header(
    {
        1116: (4, 2, struct.pack(">II", 0, 1)),
        1000: (6, 1, b"bash\0"),
        1001: (6, 1, b"5.2\0"),
        1002: (6, 1, b"3.el9\0"),
        1003: (4, 1, struct.pack(">I", 1)),
        1014: (6, 1, b"GPLv3+\0"),
        1022: (6, 1, b"x86_64\0"),
        1117: (8, 2, b"bash\0bashrc\0"),
        1118: (8, 2, b"/usr/bin/\0/etc/\0"),
    }
)


def test_an_rpm_header() -> None:
    found = read_headers("db", [BASH, b"\xff" * 40, header({1000: (6, 1, b"gpg-pubkey\0")})])
    (package,), (claim,) = found.packages, found.claims
    assert package[:5] == ("rpm", "bash", "1:5.2-3.el9", "x86_64", "GPLv3+")
    assert claim.files == path_keys(["usr/bin/bash", "etc/bashrc"])
    assert found.problem == "1 headers are damaged"
    assert (
        package_url(package, ("rhel", "9.4"))
        == "pkg:rpm/rhel/bash@5.2-3.el9?arch=x86_64&epoch=1&distro=rhel-9.4"
    )


def rpm_database(folder: Path, statement: str, *values: object) -> bytes:
    folder.mkdir(exist_ok=True)
    path = folder / "rpmdb.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(statement)
        for value in values:
            connection.execute("INSERT INTO Packages (blob) VALUES (?)", [value])
    connection.close()
    return path.read_bytes()


def read_rpm(content: bytes, folder: Path) -> Reading:
    reader = InsideReader(lambda: (folder / "copy").open("w+b"))
    parts = reader.parts("var/lib/rpm/rpmdb.sqlite", len(content))
    assert parts is not None
    for start in range(0, len(content), 1000):
        parts.add(content, start, min(start + 1000, len(content)))
    parts.end()
    assert not (folder / "copy").exists()
    (reading,) = reader.found().readings
    return reading


TABLE = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


def test_an_rpm_database_left_in_wal_mode(tmp_path: Path) -> None:
    content = rpm_database(tmp_path, TABLE, BASH)
    assert content[18:20] == b"\2\2"
    assert [package.name for package in read_rpm(content, tmp_path).packages] == ["bash"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'""a\rb,,', "lines that cannot be read"),
        (b'"a\r"x,', None),
        (b'"' * 99 + b"\r" + b'"' * 99, None),
        (b'"' + b"a" * 8192 + b'",,', "lines that cannot be read"),
    ],
)
def test_a_line_that_is_no_csv_or_too_long_is_passed_over(line: bytes, problem: str | None) -> None:
    path = "usr/lib/a.dist-info/RECORD"
    whole = read_database(path, "record", b'"b,c.py",,\n' + b'"a' + b"a" * 8000 + b'",,\n')
    assert whole.problem is None
    reading = read_database(path, "record", b"b.py,,\n" + line + b"\nc.py,,\n")
    assert reading.problem == problem
    assert len(reading.claims[0].files) >= 16


@pytest.mark.parametrize("folder", ["", "s/"])
def test_record_names_the_files_below_its_folder(folder: str) -> None:
    names = ["./a.py", "../../bin/x", "/etc/y", "b/c.py", "b//d.py", "e/./f.py", "g/", "h.py", "i/.j"]
    content = "".join(f"{name},,\n" for name in names).encode()
    reading = read_database(f"{folder}b-1.dist-info/RECORD", "record", content)
    paths = [f"{folder}a.py", "bin/x", "etc/y", f"{folder}b/c.py", f"{folder}b/d.py"]
    paths += [folder + name for name in ("e/f.py", "g", "h.py", "i/.j")]
    assert set(memoryview(reading.claims[0].files).cast("Q")) == set(memoryview(path_keys(paths)).cast("Q"))


def test_an_rpm_database_of_more_packages_than_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockml_dagster.images.scanning.rpm_database._MOST_PACKAGES", 2)
    two, three = (rpm_database(tmp_path / name, TABLE, *[BASH] * many) for name, many in (("a", 2), ("b", 3)))
    assert read_rpm(two, tmp_path).problem is None
    reading = read_rpm(three, tmp_path)
    assert (len(reading.packages), reading.problem) == (2, "more than 2 packages; the first were read")


def test_more_databases_than_are_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockml_dagster.images.scanning.inside._MOST_DATABASES", 2)
    reader = InsideReader(lambda: (tmp_path / "copy").open("w+b"))
    for name in "abcd":
        content = b"Package: a\nVersion: 1\n"
        reader.whole(f"var/lib/dpkg/status.d/{name}", content, 0, len(content))
    problems = [reading.problem for reading in reader.found().readings]
    assert problems == [None, None, "more databases in its layer than are read"]


def test_an_rpm_database_that_would_compute_without_end(tmp_path: Path) -> None:
    numbers = "WITH RECURSIVE n AS (SELECT 1 AS hnum UNION ALL SELECT hnum + 1 FROM n)"
    endless = f"{numbers} SELECT hnum, zeroblob(9) AS blob FROM n"
    content = rpm_database(tmp_path, f"CREATE VIEW Packages AS {endless}")
    assert read_rpm(content, tmp_path).problem == "damaged (DatabaseError)"
    assert read_rpm(b"no database", tmp_path).problem == "no SQLite database"
    damaged = rpm_database(tmp_path / "..", TABLE, BASH)[:5000] + b"\xff" * 5000
    assert read_rpm(damaged, tmp_path).problem is not None


@pytest.mark.parametrize(
    ("form", "path", "unit"),
    [
        ("dpkg_status", "var/lib/dpkg/status", b"Package: a\nVersion: 1\n\n"),
        ("dpkg_list", "var/lib/dpkg/info/a.list", b"/a\n"),
        ("dpkg_diversions", "var/lib/dpkg/diversions", b"/a\n/b\nc\n"),
        ("apk", "lib/apk/db/installed", b"P:a\nV:1\nF:a\nR:b\n\n"),
        ("record", "x-1.dist-info/RECORD", b'"a"\n'),
        ("record", "x-1.dist-info/RECORD", b"../"),
        ("metadata", "x-1.dist-info/METADATA", b"Name: x\n"),
        ("conda", "conda-meta/x.json", b"["),
        ("npm", "node_modules/x/package.json", b'{"a":'),
        ("r", "library/x/DESCRIPTION", b"Package"),
    ],
)
def test_a_megabyte_of_anything_is_read_within_bounds(form: str, path: str, unit: bytes) -> None:
    started = time.process_time()
    read_database(path, form, unit * (1_000_000 // len(unit)))  # type: ignore[arg-type]
    # Only an order of magnitude, not a benchmark: a quadratic reader would need minutes.
    assert time.process_time() - started < 20


def test_diversions_are_bounded_and_damage_is_no_harm() -> None:
    many = read_database("var/lib/dpkg/diversions", "dpkg_diversions", b"/a\n/b\nc\n" * 20_000)
    assert (len(many.diversions), many.problem) == (10_000, "more diversions than are read")
    cut = read_database("var/lib/dpkg/diversions", "dpkg_diversions", b"/bin/a\n/bin/../../a\nc\n/x\n/y")
    assert cut.diversions == (Diversion("bin/a", "a", "c"), Diversion("usr/bin/a", "a", "c"))


def test_what_claims_one_path_a_thousand_times_is_no_quadratic_work() -> None:
    from dockml_dagster.study.packages.model import Claim
    from dockml_dagster.study.packages.ownership import ClaimIndex

    keys = path_keys(["usr/bin/x"])
    readings = [Reading(f"{number}", "deb", claims=(Claim(f"{number}", keys),)) for number in range(10_000)]
    index = ClaimIndex([readings])
    assert len(index.members(index.exact("usr/bin/x"))) == 16


def test_what_was_read_survives_being_kept() -> None:
    package = Package("deb", "a", "1", "amd64", "", "a")
    claim = read_database("var/lib/dpkg/info/a.list", "dpkg_list", b"/bin/a\n").claims[0]
    diverted = (Diversion("bin/a", "bin/a.old", "b"),)
    inside = LayerInside((Reading("p", "deb", (package,), (claim,), ("debian", "12"), "bad", diverted),))
    assert from_json(to_json(inside)) == inside
    kept = to_json(inside)
    kept["readings"][0].pop()  # as layers were kept before diversions were read
    assert from_json(kept) == LayerInside((replace(inside.readings[0], diversions=()),))
    row = DeviceRow(".nv_fatbin", 1, "nvidia", "cubin", "sm_90a", "zstd", 1, 2, 3, 4, False)
    inside = replace(inside, device_code=(DeviceFile("a.so", (row,), "cut off"), DeviceFile("b.so", ())))
    assert from_json(json.loads(json.dumps(to_json(inside)))) == inside
    assert from_json(None) is None


def test_too_much_is_said() -> None:
    reader = InsideReader(io.BytesIO)
    assert reader.parts("var/lib/dpkg/status", 33 << 20) is None
    (reading,) = reader.found().readings
    assert reading.problem == f"{33 << 20} bytes, more than are read"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9", "1.10"),
        ("2.0rc1", "2.0"),
        ("2.0", "2.0.post1"),
        ("2.0.dev3", "2.0"),
        ("2.1.0", "2.1.0+cu121"),
        ("9", "1:1"),
        ("1.2~rc1", "1.2"),
        ("5.2-3.el9", "5.2-10.el9"),
    ],
)
def test_versions_in_their_order(older: str, newer: str) -> None:
    assert version_key(older) < version_key(newer)


@pytest.mark.parametrize(
    ("package", "purl"),
    [
        (Package("pypi", "Ruamel.Yaml", "1.0", "", "", ""), "pkg:pypi/ruamel-yaml@1.0"),
        (Package("npm", "@scope/x", "2.0.0", "", "", ""), "pkg:npm/%40scope/x@2.0.0"),
        (
            Package("deb", "libc6", "2.36-9+deb12u1", "amd64", "", ""),
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12",
        ),
        (
            Package("apk", "musl", "1.2", "x86_64", "", ""),
            "pkg:apk/debian/musl@1.2?arch=x86_64&distro=debian-12",
        ),
        (Package("conda", "zlib", "", "", "", ""), "pkg:conda/zlib"),
    ],
)
def test_package_urls(package: Package, purl: str) -> None:
    assert package_url(package, ("debian", "12")) == purl


def go_binary(*lines: bytes, version: bytes = b"go1.22.1", flags: int = 2, before: int = 70_000) -> bytes:
    """A program as Go links it: the note in its first page, build information in its data."""
    modules = b"s" * 16 + b"\n".join(lines) + b"\n" + b"e" * 16

    def text(value: bytes) -> bytes:
        return bytes([len(value) & 0x7F | 0x80, len(value) >> 7 & 0x7F | 0x80, len(value) >> 14]) + value

    info = b"\xff Go buildinf:\x08" + bytes([flags]) + bytes(16) + text(version) + text(modules)
    head = (b"\x7fELF\x02\x01\x01" + bytes(121) + b"Go\0\0").ljust(before, b"\0")
    return head + bytes(-len(head) % 16) + info + bytes(3000)


MODULES = (
    b"path\texample.com/app/cmd/app",
    b"mod\texample.com/app\tv1.2.3\th1:x=",
    b"dep\tgolang.org/x/sys\tv0.1.0\th1:y=",
    b"dep\texample.com/old\tv1.0.0",
    b"=>\texample.com/fork\tv1.0.1\th1:z=",
    b"build\t-trimpath=true",
)


@pytest.mark.parametrize("cut", [13, 1000, 1 << 20])
@pytest.mark.parametrize("before", [70_000, 9 << 20])
def test_modules_of_a_go_binary(cut: int, before: int) -> None:
    data = go_binary(*MODULES, before=before)
    reader = InsideReader(io.BytesIO)
    if before < cut:
        reader.whole("usr/bin/app", b"xx" + data, 2, len(data) + 2)
    else:
        parts = reader.parts("usr/bin/app", len(data))
        assert parts is not None
        parts.add(data, 0, 5000)
        for at in range(5000, len(data), max(cut, 1000)):
            parts.add(data, at, min(at + max(cut, 1000), len(data)))
        parts.end()
    (reading,) = reader.found().readings
    assert [(one.name, one.version) for one in reading.packages] == [
        ("example.com/app", "v1.2.3"),
        ("golang.org/x/sys", "v0.1.0"),
        ("example.com/fork", "v1.0.1"),
        ("stdlib", "go1.22.1"),
    ]
    assert reading.claims[0].files == path_keys(["usr/bin/app"])


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (
            go_binary(b"path\texample.com/cmd/x", b"build\t-x=1"),
            [("example.com/cmd/x", ""), ("stdlib", "go1.22.1")],
        ),
        (go_binary(*MODULES, flags=0), None),  # of before Go 1.18
        (go_binary(), None),
        (go_binary(*MODULES)[:70_020], None),  # cut off
        (go_binary(*MODULES).replace(b"\xff Go buildinf:", b"\xff Go buildinF:"), None),
    ],
)
def test_go_binaries_that_say_less(data: bytes, names: list[tuple[str, str]] | None) -> None:
    reader = InsideReader(io.BytesIO)
    reader.whole("usr/bin/x", data, 0, len(data))
    found = [(one.name, one.version) for reading in reader.found().readings for one in reading.packages]
    assert found == (names or [])


def test_build_information_is_bounded() -> None:
    long = [b"dep\t%d\t%s" % (number, b"x" * 10_000) for number in range(150)]
    reader = InsideReader(io.BytesIO)
    data = go_binary(*long)
    reader.whole("usr/bin/x", data, 0, len(data))
    (reading,) = reader.found().readings
    # What lies beyond the first megabyte is not kept.
    assert len(reading.packages) == 105 + 1
    many = [b"dep\t%d\t1" % number for number in range(10_100)]
    data = go_binary(*many)
    reader.whole("usr/bin/y", data, 0, len(data))
    assert len(reader.found().readings[1].packages) == 10_000 + 1
