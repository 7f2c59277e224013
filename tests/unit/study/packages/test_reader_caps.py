"""Caps of the readers of package databases: what is read at them, and what beyond them.

Here: caps of single readers and of a layer's databases. Not here: what readers make of a database (``test_readers``).
"""

import io
import struct

import pytest

from dockml_dagster.images.scanning.inside import InsideReader
from dockml_dagster.study.packages.reading import read_database
from dockml_dagster.study.packages.rpm import read_headers
from tests.unit.study.packages.test_readers import header


@pytest.mark.parametrize(("count", "epoch"), [(1_000_000, "7:"), (1_000_001, "")])
def test_a_tag_of_an_rpm_header_has_at_most_a_million_values(count: int, epoch: str) -> None:
    values = struct.pack(">I", 7) * count
    blob = header(
        {1000: (6, 1, b"a\0"), 1001: (6, 1, b"1\0"), 1002: (6, 1, b"2\0"), 1003: (4, count, values)}
    )
    (package,) = read_headers("db", [blob]).packages
    assert package.version == f"{epoch}1-2"


def test_a_large_database_is_read_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockml_dagster.study.packages.reading._SECONDS", 0.0)
    content = b"Package: a\nVersion: 1\n\n" * 50_000
    assert "not read within" in str(read_database("var/lib/dpkg/status", "dpkg_status", content).problem)


def test_more_files_than_the_databases_of_a_layer_may_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockml_dagster.images.scanning.inside._MOST_CLAIMED", 3)
    reader = InsideReader(io.BytesIO)
    for name, content in (("a", b"/a\n/b\n"), ("b", b"/c\n"), ("c", b"/d\n")):
        reader.whole(f"var/lib/dpkg/info/{name}.list", content, 0, len(content))
    assert [(reading.problem, len(reading.claims)) for reading in reader.found().readings] == [
        (None, 1),
        (None, 1),
        ("its layer's databases list more files than are kept", 0),
    ]


def test_a_text_of_a_package_is_cut() -> None:
    (package,) = read_database("x-1.dist-info/METADATA", "metadata", b"Name: " + b"x" * 300).packages
    assert package.name == "x" * 256
