"""The union of layers: cases as files, every order of rows, and a second, slow implementation."""

from __future__ import annotations

import io
import random
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.merge import Merged, implied_directory, merged_batches
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import Spool, SpoolWriter, line_of, merge_key
from dockml_dagster.study.layer.union import union_batches


def union(spools: list[Spool]) -> Iterator[Merged]:
    return chain.from_iterable(union_batches(spools))


def merge(spools: list[Spool], *, held: int | None = None) -> Iterator[Merged]:
    """What becomes of rows whose links lead nowhere else."""
    return chain.from_iterable(merged_batches(spools, held=held))


CASES = sorted(Path(__file__).with_name("union_cases").glob("*.toml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("shuffled", [False, True])
def test_case(path: Path, shuffled: bool, tar, spooled) -> None:
    case: dict[str, Any] = tomllib.loads(path.read_text())
    spools = []
    for layer in case["layers"]:
        members = list(layer.items())
        if shuffled:
            random.Random(7).shuffle(members)
        spools.append(spooled(tar(members)))
    merged = list(union(spools))
    visible = {row.entry.path: row.layer for row in merged if row.hidden_by is None}
    assert visible == case["visible"]
    summary = summarise_image(spools)
    wasted = [[file.path, file.layer, file.hidden_by, file.cause] for file in summary.wasted]
    assert summary.wasted_bytes == case["wasted_bytes"]
    assert wasted == case.get("wasted", wasted)
    implied = [row.entry.path for row in merged if row.entry.note == "implied"]
    assert implied == case.get("implied", implied)
    for name in ("duplicate_bytes", "duplicate_files", "bytes", "files", "symlinks"):
        assert getattr(summary, name) == case.get(name, getattr(summary, name))
    for name in ("hides_bytes", "visible_bytes"):
        found = [getattr(layer, name) for layer in summary.layers]
        assert found == case.get(name, found)
    assert summary.bytes + summary.wasted_bytes == sum(
        layer.visible_bytes + layer.hidden_bytes for layer in summary.layers
    )


def test_metadata_is_neither_seen_nor_wasted(tar, spooled) -> None:
    layer = tar(
        [("stargz.index.json", "{}"), (".no.prefetch.landmark", "x"), ("a/.wh..wh.plnk", "y"), ("a/f", "z")]
    )
    assert [row.entry.path for row in union([spooled(layer)])] == ["a", "a/f"]


def test_numbers_of_a_small_image(tar, spooled) -> None:
    lower = tar(
        [("a/", None), ("a/e/", None), ("a/f.py", "x" * 99), ("a/g.py", "y"), ("l", "-> a"), ("z/", None)]
    )
    summary = summarise_image([spooled(lower)])
    assert (summary.files, summary.directories, summary.empty_directories, summary.symlinks) == (2, 3, 2, 1)
    assert (summary.max_depth, summary.max_published_level) == (2, 2)
    assert (summary.bytes, summary.unhashed_files, summary.hash_algorithms) == (100, 0, ("xxh3-128",))
    assert summary.gini == pytest.approx(0.49)
    assert summary.largest_percent_share == pytest.approx(0.99)
    assert [(count.name, count.files, count.bytes) for count in summary.published_classes] == [
        ("python", 2, 100)
    ]


def test_an_image_of_nothing() -> None:
    summary = summarise_image([])
    assert (summary.files, summary.gini, summary.largest_percent_share) == (0, None, None)


names = st.sampled_from(["a", "b", "a-", "c.d"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
rows = st.tuples(paths, st.sampled_from(["file", "directory", "symlink", "whiteout", "opaque"]))
images = st.lists(st.lists(rows, max_size=8), max_size=4)
held = st.sampled_from([1, 2, 3, None])


def entry(path: str, kind: str) -> LayerEntry:
    directory, slash, name = path.rpartition("/")
    if kind == "whiteout":
        path = f"{directory}{slash}.wh.{name}"
    elif kind == "opaque":
        path += "/.wh..wh..opq"
    size = len(path) if kind == "file" else 0
    return LayerEntry(path, kind, size, size, 0, 0, 0, 0, 0, None, None, None, "", "", None)  # type: ignore[arg-type]


def spool_of(layer: list[LayerEntry]) -> Spool:
    writer = SpoolWriter(io.BytesIO)
    writer.extend(layer)
    lines = writer.finish().readlines()
    return lambda: lines


def above(path: str) -> list[str]:
    return [path[:at] for at, character in enumerate(path) if character == "/"]


def applied(image: list[list[LayerEntry]]) -> dict[str, tuple[int, str]]:
    """What an engine's unpacking leaves, done on a dictionary: a layer's removals first, then its entries. Before an
    entry it makes the directories on the way there.
    """
    there: dict[str, tuple[int, str]] = {}

    def make(directories: list[str], number: int) -> None:
        for directory in directories:
            there.setdefault(directory, (number, "implied"))

    for number, layer in enumerate(image):
        for row in sorted(layer, key=lambda row: merge_key(row.path, row.kind)):
            directory, slash, name = row.path.rpartition("/")
            if row.kind == "whiteout":
                target = directory + slash + name[4:]
                lower = [p for p in there if (p + "/").startswith(target + "/") and there[p][0] < number]
            elif row.kind == "opaque":
                lower = [p for p in there if p.startswith(directory + "/") and there[p][0] < number]
            else:
                continue
            for path in lower:
                del there[path]
        for row in sorted(layer, key=lambda row: row.path.split("/")):
            if row.kind in {"whiteout", "opaque"}:
                continue
            make(above(row.path), number)
            if row.kind != "directory":
                below = [p for p, (of, _) in there.items() if p.startswith(row.path + "/") and of < number]
                for path in below:
                    del there[path]
            there[row.path] = (number, row.kind)
    return there


@settings(max_examples=300, deadline=None)
@given(images, held)
def test_it_agrees_with_unpacking(image: list[list[tuple[str, str]]], held: int | None) -> None:
    layers = [[entry(path, kind) for path, kind in layer] for layer in image]
    found = {
        row.entry.path: (row.layer, row.entry.kind)
        for row in merge([spool_of(layer) for layer in layers], held=held)
        if row.hidden_by is None and row.entry.note != "implied"
    }
    there = applied(layers)
    assert found == {path: how for path, how in there.items() if how[1] != "implied"}
    merged = merge(list(map(spool_of, layers)), held=held)
    implied = [row.entry.path for row in merged if row.entry.note == "implied"]
    assert sorted(implied) == sorted(path for path, how in there.items() if how[1] == "implied")


@settings(max_examples=100, deadline=None)
@given(images, held)
def test_every_entry_comes_once(image: list[list[tuple[str, str]]], held: int | None) -> None:
    layers = [[entry(path, kind) for path, kind in layer] for layer in image]
    came = sorted(
        (row.layer, row.entry.path)
        for row in merge(list(map(spool_of, layers)), held=held)
        if row.entry.note != "implied"
    )
    expected = [
        (number, row.path)
        for number, layer in enumerate(layers)
        for row in layer
        if row.kind not in {"whiteout", "opaque"}
    ]
    assert came == sorted(expected)


@settings(max_examples=100, deadline=None)
@given(images, st.integers(1, 4))
def test_it_does_not_matter_how_many_rows_are_held(image: list[list[tuple[str, str]]], held: int) -> None:
    spools = [spool_of([entry(path, kind) for path, kind in layer]) for layer in image]
    assert list(merge(spools, held=held)) == list(merge(spools))


def test_many_entries_of_one_path_are_not_held_at_once() -> None:
    line = line_of(entry("a", "file"))
    given_out = held_most = taken = 0

    def lines() -> Iterator[bytes]:
        nonlocal given_out
        for _ in range(5000):
            given_out += 1
            yield line

    for _ in merge([lines, lambda: [line]], held=10):
        taken += 1
        held_most = max(held_most, given_out - taken)
    assert taken == 5001
    assert held_most < 100


def test_no_layer_is_read_far_ahead_of_the_others() -> None:
    ahead = 0

    def late() -> Iterator[bytes]:
        nonlocal ahead
        for number in range(1000):
            ahead += 1
            yield line_of(entry(f"z{number:04}", "file"))

    early = [line_of(entry(f"a{number:04}", "file")) for number in range(1000)]
    merged = merge([lambda: early, late], held=10)
    for _ in range(900):
        next(merged)
    assert ahead <= 20
    assert len(list(merged)) == 1100


def test_a_directory_nobody_lists_is_as_engines_make_it() -> None:
    made = implied_directory("a/b")
    assert (made.size, made.stored, made.mode, made.uid, made.gid, made.mtime) == (0, 0, 0o755, 0, 0, 0)
    assert (made.depth, made.note) == (2, "implied")
