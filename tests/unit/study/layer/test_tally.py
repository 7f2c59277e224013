"""A layer's summary, entry by entry: what counts once, twice and not at all."""

from typing import Any

from dockml_dagster.study.layer.model import LayerEntry, LayerSummary
from dockml_dagster.study.layer.tally import LayerTally


def entry(path: str, kind: str = "file", **known: Any) -> LayerEntry:
    stored = known.get("stored", known.get("size", 0))
    values = dict.fromkeys(LayerEntry._fields) | {
        "path": path, "kind": kind, "size": 0, "depth": path.count("/"), "extension": "", "file_type": "other",
    }  # fmt: skip
    return LayerEntry(**{**values, **known, "stored": stored})


def summary(*entries: LayerEntry) -> LayerSummary:
    tally = LayerTally(100)
    # In two parts: nothing of the first may be lost.
    tally.add(entries[:1])
    tally.add(entries[1:])
    return tally.summary()


def test_holes_are_what_a_reader_gets_and_the_archive_does_not_hold() -> None:
    found = summary(
        entry("a", size=100, stored=30),
        entry("b", size=50),
        entry("c", size=7, stored=0),
        entry("d", "directory"),
    )
    assert (found.bytes, found.sparse_bytes) == (80, 77)


def test_every_kind_has_its_count() -> None:
    kinds = [
        "file", "hardlink", "directory", "symlink", "char_device", "block_device", "fifo", "whiteout", "opaque", "metadata",
    ]  # fmt: skip
    found = summary(*(entry(f"d/{kind}", kind) for kind in kinds), entry("d/file"))
    assert (found.entries, found.files, found.directories, found.devices) == (11, 3, 1, 3)
    assert (found.symlinks, found.hardlinks, found.whiteouts, found.opaques, found.metadata) == (
        1,
        1,
        1,
        1,
        1,
    )
    assert found.duplicate_entries == 1


def test_the_published_level_counts_the_file_name_and_no_marks() -> None:
    assert summary(entry("a/b/c")).max_published_level == 3
    assert summary(entry("a/b/c", "directory")).max_published_level == 2
    found = summary(entry("a"), entry("x/y/.wh.z", "whiteout"))
    assert (found.max_published_level, found.max_depth) == (1, 2)


def test_a_directory_is_empty_if_nothing_lies_in_it() -> None:
    found = summary(
        entry("a", "directory"), entry("a/b", "directory"), entry("a/b/c"), entry("d", "directory")
    )
    assert found.empty_directories == 1


def test_the_largest_files_are_named_by_what_the_archive_holds() -> None:
    found = summary(
        *(entry(f"f{size}", size=size) for size in range(30)),
        entry("sparse", size=10**6, stored=0),
        entry("g", size=29),
    )
    assert [file.size for file in found.largest] == [29, 29, *range(28, 10, -1)]
    assert [file.path for file in found.largest][:2] == ["f29", "g"]
