"""Layer files beside the warehouse, the view over them, and what the published copy has of it."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import COLUMNS, entry_of, line_of
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.layer_files import VIEW_COLUMNS, LayerFiles
from dockml_dagster.warehouse.published.swap import publish
from dockml_dagster.warehouse.rows import columns_of

DIGEST = "sha256:" + "ab" * 32
ENTRIES = [
    LayerEntry(".", "directory", 0, 0, 0o755, 0, 0, 0, 0, None, None, None, "", "", None),
    LayerEntry(
        "a\"\\b'c", "file", 5, 5, 0o644, 2**31, 7, -1, 0, None, "xxh3-128:00", "user.x", "", "text", "odd"
    ),
    LayerEntry(
        "deep/er/é.py", "file", 2**40, 3, 0o7777, 0, 0, 0, 2, None, "xxh3-128:01", None, "py", "text", None
    ),
    LayerEntry("deep/er/link", "symlink", 0, 0, 0o777, 0, 0, 0, 2, "../NULL", None, None, "", "", None),
    LayerEntry("deep/.wh.gone", "whiteout", 0, 0, 0, 0, 0, 0, 1, None, None, None, "", "", None),
    LayerEntry("deep/.wh..wh..opq", "opaque", 0, 0, 0, 0, 0, 0, 1, None, None, None, "", "", None),
]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    opened = Warehouse(tmp_path / "home" / "dockml.duckdb")
    with opened.write() as connection:
        migrations.apply(connection)
    return opened


def keep(root: Path, digest: str = DIGEST) -> LayerFiles:
    files = LayerFiles(root)
    spool = root / "spool"
    spool.write_bytes(b"".join(map(line_of, ENTRIES)))
    files.keep_layer(digest, "1", spool, "content", {"entries": len(ENTRIES)})
    return files


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    files = keep(tmp_path)
    lines = files.spool(DIGEST, tmp_path / "back").read_bytes().splitlines(keepends=True)
    assert [entry_of(line) for line in lines] == ENTRIES


def test_the_view_has_a_row_an_entry(warehouse: Warehouse) -> None:
    keep(warehouse.location.folder)
    with warehouse.read() as connection:
        rows = connection.execute(
            "SELECT layer_digest, path, published_level, whiteout, opaque, verified FROM raw.layer_files"
        ).fetchall()
        assert columns_of(connection, "raw.layer_files") == VIEW_COLUMNS
    assert [row[1] for row in rows] == [entry.path for entry in ENTRIES]
    assert [row[2] for row in rows] == [0, 1, 3, 3, 2, 2]
    assert [(row[3], row[4]) for row in rows][-2:] == [(True, False), (False, True)]
    assert {(row[0], row[5]) for row in rows} == {(DIGEST, "content")}


def test_without_any_layer_the_view_is_empty_and_typed(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM raw.layer_files").fetchone() == (0,)
    publish(warehouse, tmp_path / "published.duckdb")
    with duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True) as copy:
        assert columns_of(copy, "raw.layer_files") == VIEW_COLUMNS


def test_in_memory_there_is_a_table_of_the_same_form() -> None:
    with duckdb.connect() as connection:
        migrations.apply(connection)
        migrations.apply(connection)
        assert columns_of(connection, "raw.layer_files") == VIEW_COLUMNS
    assert list(VIEW_COLUMNS)[1:-4] == list(COLUMNS)


def test_the_published_copy_needs_no_file_beside_it(warehouse: Warehouse, tmp_path: Path) -> None:
    keep(warehouse.location.folder)
    publish(warehouse, tmp_path / "published.duckdb")
    shutil.rmtree(warehouse.location.folder)
    with duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True) as copy:
        copy.execute("SET enable_external_access = false")
        assert copy.execute("SELECT count(*) FROM raw.layer_files").fetchone() == (len(ENTRIES),)


def test_a_home_that_was_moved_finds_its_files(warehouse: Warehouse, tmp_path: Path) -> None:
    keep(warehouse.location.folder)
    moved = Warehouse(tmp_path / "it's moved" / "dockml.duckdb")
    warehouse.location.folder.rename(moved.location.folder)
    with moved.write() as connection:
        migrations.apply(connection)
        assert connection.execute("SELECT count(*) FROM raw.layer_files").fetchone() == (len(ENTRIES),)


def test_a_layer_is_known_only_whole_and_of_this_version(tmp_path: Path) -> None:
    files = keep(tmp_path)
    parquet = next(tmp_path.glob("layer_entries/sha256/ab/*.parquet"))
    note = parquet.with_suffix(".json")
    assert files.layer(DIGEST, "1") == {"entries": len(ENTRIES)}
    assert files.layer(DIGEST, "2") is None
    text = note.read_text()
    for broken in ("", "[]", text[:-3], json.dumps({"version": "1"} | {"facts": None})):
        note.write_text(broken)
        assert LayerFiles(tmp_path).layer(DIGEST, "1") is None
    note.write_text(text)
    parquet.unlink()
    assert files.layer(DIGEST, "1") is None


def test_image_facts(tmp_path: Path) -> None:
    files = LayerFiles(tmp_path)
    assert files.image(DIGEST, "1") is None
    files.keep_image(DIGEST, "1", {"image_summaries": [{"bytes": 2**60, "gini": 0.1}]})
    assert files.image(DIGEST, "1") == {"image_summaries": [{"bytes": 2**60, "gini": 0.1}]}
    assert files.image(DIGEST, "other rules") is None


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:../../etc/passwd", "../x:" + "a" * 64, "sha256:" + "A" * 64]
)
def test_what_is_no_digest_names_no_file(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        LayerFiles(tmp_path).keep_image(digest, "1", {})
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_spool_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not\ta\tspool\n")
    with pytest.raises(duckdb.Error):
        LayerFiles(tmp_path).keep_layer(DIGEST, "1", tmp_path / "spool", "content", {})
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "spool"] == []
