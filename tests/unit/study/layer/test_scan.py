"""A layer's summary, checked by hand on a small one."""

from __future__ import annotations

from dockml_dagster.study.layer.model import LargeFile


def test_summary_of_a_small_layer(scanned, tar) -> None:
    layer = tar(
        [
            ("a/", None),
            ("a/b/", None),
            ("a/b/c.py", "import os\n"),
            ("a/big.so.1", b"\x7fELF" + bytes(96)),
            ("a/e/", None),
            ("a/l", "-> b"),
            ("a/h", "=> a/b/c.py"),
            ("a/.wh.gone", b""),
            ("a/b/.wh..wh..opq", b""),
            (".wh..wh.plnk/x", b"driver"),
            (".wh..wh.aufs", b"driver"),
            ("top", b""),
        ]
    )
    summary = scanned(layer).scan.summary
    assert (summary.entries, summary.files, summary.directories, summary.empty_directories) == (12, 4, 3, 1)
    assert (summary.symlinks, summary.hardlinks, summary.devices) == (1, 1, 0)
    assert (summary.whiteouts, summary.opaques, summary.metadata) == (1, 1, 2)
    assert (summary.max_depth, summary.max_published_level) == (2, 3)
    # Files that AUFS put aside are content, because hard links show them.
    assert (summary.bytes, summary.duplicate_entries, summary.noted) == (116, 0, 0)
    assert summary.largest[0] == LargeFile(100, "a/big.so.1")
    assert {count.name: (count.files, count.bytes) for count in summary.extensions} == {
        "so": (1, 100),
        "py": (1, 10),
        "": (1, 0),
    }
    assert {count.name: count.files for count in summary.file_types} == {"elf": 1, "text": 1, "empty": 1}


def test_depth_counts_directories_and_the_published_level_names(scanned, tar) -> None:
    result = scanned(tar([("f", "x"), ("a/", None), ("a/b/", None), ("a/b/f", "x")]))
    assert [(row.path, row.depth, row.published_level) for row in result.rows] == [
        ("f", 0, 1),
        ("a", 1, 1),
        ("a/b", 2, 2),
        ("a/b/f", 2, 3),
    ]
