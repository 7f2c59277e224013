"""Spools: rows to lines and back, sorted in bounded memory, and readable by DuckDB."""

from __future__ import annotations

import io
import random
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockml_dagster.study.layer import spool
from dockml_dagster.study.layer.header import text
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import COLUMNS, SpoolWriter, entry_of, line_of, merge_key


def row(path: str, **fields: object) -> LayerEntry:
    base = LayerEntry(
        path, "file", 1, 1, 0o644, 0, 0, -5, path.count("/"), None, "a:b", None, "py", "text", None
    )
    return base._replace(**fields)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=60), st.binary(max_size=30))
def test_lines_hold_any_name(path: bytes, link: bytes) -> None:
    entry = row(text(path), kind="symlink", link_target=text(link) or None, note="absolute")
    line = line_of(entry)
    assert line.count(b"\n") == 1
    assert line.count(b"\t") == len(COLUMNS) - 1
    assert entry_of(line) == entry


def test_columns_are_the_entry_s_fields() -> None:
    in_tables = {"size": "bytes", "stored": "stored_bytes"}
    assert tuple(COLUMNS) == tuple(in_tables.get(name, name) for name in LayerEntry._fields)


def test_runs_are_merged_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_RUN_ROWS", 10)
    monkeypatch.setattr(spool, "_MOST_RUNS", 4)
    rows = [row(f"d{number % 13}/f{number % 10}", mtime=number) for number in range(400)]
    random.Random(3).shuffle(rows)
    opened: list[io.BytesIO] = []
    at_once: list[int] = []

    def new_file() -> io.BytesIO:
        opened.append(io.BytesIO())
        at_once.append(sum(not file.closed for file in opened))
        return opened[-1]

    writer = SpoolWriter(new_file)
    for at in range(0, len(rows), 7):
        writer.extend(rows[at : at + 7])
    merged = [entry_of(line) for line in writer.finish()]
    # Python's sort is stable: entries of one path stay in archive order.
    assert merged == sorted(rows, key=lambda entry: merge_key(entry.path, entry.kind))
    assert sum(not file.closed for file in opened) == 1
    assert max(at_once) == 4 + 1, "the runs, and the file that they are merged into"


def test_sorted_rows_need_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_RUN_ROWS", 10)
    opened = []
    writer = SpoolWriter(lambda: opened.append(io.BytesIO()) or opened[-1])
    for number in range(100):
        writer.extend([row(f"f{number:04}")])
    assert len(writer.finish().readlines()) == 100
    assert len(opened) == 1


def test_duckdb_reads_it(tmp_path: Path) -> None:
    rows = [
        row("a \"quoted\", 'name' \\x41 \\N NULL.py"),
        row(text(b"b\xff\ttab\nline"), link_target=None, file_hash=None),
        row("c", kind="symlink", link_target='"', mtime=-(1 << 62), size=(1 << 62)),
        row("ü/☃", xattrs="security.capability", note="absolute,dotdot"),
    ]
    file = tmp_path / "rows"
    file.write_bytes(b"".join(map(line_of, rows)))
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    options = "delim = '\t', header = false, quote = '', escape = '', nullstr = ''"
    read = duckdb.sql(f"select * from read_csv('{file}', {options}, columns = {{{columns}}})").fetchall()
    assert [LayerEntry(*values) for values in read] == rows
