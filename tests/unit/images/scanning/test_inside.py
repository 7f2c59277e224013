"""Which files of a layer are looked into, whole and in pieces."""

from __future__ import annotations

import io

import pytest

from dockml_dagster.images.scanning.inside import InsideReader
from tests.device_files import archive, container, entry, shared_object

OBJECT = shared_object((".nv_fatbin", container(entry(2, 80, 64)), 8), head=64, kind=1)


@pytest.mark.parametrize("padding", [100_000, 9 << 20], ids=["kept", "searched as it passes"])
@pytest.mark.parametrize("in_pieces", [False, True])
def test_static_libraries_are_looked_into(padding, in_pieces):
    library = archive(("a.o/", OBJECT), ("text/", bytes(padding)), ("b.o/", OBJECT))
    reader, path = InsideReader(io.BytesIO), "usr/local/cuda/lib64/libx.a"
    if in_pieces:
        parts = reader.parts(path, len(library))
        assert parts is not None
        for at in range(0, len(library), 50_000):
            parts.add(library, at, min(at + 50_000, len(library)))
        parts.end()
    else:
        reader.whole(path, library, 0, len(library))
    (found,) = reader.found().device_code or ()
    assert [(row.section, row.architecture, row.containers) for row in found.rows] == [
        ("(archive)", "sm_80", 2)
    ]
    assert found.path == path
