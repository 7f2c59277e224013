"""Every file of an image, and its directories by depth: what ``--files`` and ``--tree`` print.

Here: visitors of the image's union, and their rows in each format. Files go to a scratch file as they are seen, so that
an image of millions of files takes no more memory than one of ten. Not here: the summary (``output``).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from dockml_dagster.commands.output import Format, render
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.layer.union import Merged
from dockml_dagster.text import printable, size_text

FILE_COLUMNS: Final = (
    "layer",
    "path",
    "kind",
    "bytes",
    "mode",
    "hidden_by",
    "cause",
    "link_target",
    "file_hash",
    "file_type",
)
_TYPES: Final = {"layer": int, "bytes": int, "hidden_by": int}
TREE_COLUMNS: Final = ("directory", "bytes", "size", "files", "wasted_bytes", "layers")
_MOST_DIRECTORIES: Final = 100_000


class FileListing:
    """Writes every entry of all layers, or of one (``layer``, counted from 1), and whether a later layer hides it."""

    def __init__(self, file: IO[str], layer: int | None) -> None:
        self._rows, self._layer = csv.writer(file), layer

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Write entries of the image. Directories that no layer lists are left out."""
        self._rows.writerows(
            (
                layer + 1,
                entry.path,
                entry.kind,
                entry.stored,
                f"{entry.mode:04o}",
                "" if hidden_by is None else hidden_by + 1,
                cause or "",
                entry.link_target or "",
                entry.file_hash or "",
                entry.file_type,
            )
            for entry, layer, hidden_by, cause in batch
            if entry.note != "implied" and self._layer in {None, layer + 1}
        )


def write_files(listed: Path, format_: str, out: IO[str]) -> None:
    """Print the rows of ``FileListing`` as CSV, JSON (an array of objects) or a table."""
    with listed.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if format_ == "csv":
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(FILE_COLUMNS)
            writer.writerows([printable(cell) for cell in row] for row in rows)
        elif format_ == "json":
            separator = "["
            for row in rows:
                out.write(f"{separator}\n  {json.dumps(_object(row))}")
                separator = ","
            out.write("\n]\n" if separator == "," else "[]\n")
        else:
            shown: Format = "markdown" if format_ == "markdown" else "table"
            out.write(render(FILE_COLUMNS[:7], [row[:7] for row in rows], shown))


def _object(row: list[str]) -> dict[str, Any]:
    return {
        name: _TYPES.get(name, str)(cell) if cell else None
        for name, cell in zip(FILE_COLUMNS, row, strict=True)
    }


def write_parquet(listed: Path, output: Path) -> None:
    """Write the rows of ``FileListing`` as a Parquet file, by DuckDB. Raises BadInputError if it cannot be written."""
    import duckdb

    columns = {name: "BIGINT" if name in _TYPES else "VARCHAR" for name in FILE_COLUMNS}
    try:
        with duckdb.connect() as connection:
            found = connection.read_csv(
                str(listed),
                header=False,
                dtype=columns,
                names=list(columns),
                delimiter=",",
                quotechar='"',
                na_values=[""],
            )
            found.write_parquet(str(output), compression="zstd")
    except duckdb.IOException as error:
        raise BadInputError(f"{output}: cannot be written ({str(error).splitlines()[0]})") from None


class Tree:
    """Sums per directory down to a depth: visible bytes, hidden bytes, and the layers they come from."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._sums: dict[str, list[Any]] = {}

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Add entries of the image; only files count."""
        for entry, layer, hidden_by, _ in batch:
            if entry.kind != "file":
                continue
            segments = entry.path.split("/")[:-1][: self._depth]
            for length in range(len(segments) + 1):
                name = "/" + "/".join(segments[:length])
                sums = self._sums.get(name)
                if sums is None:
                    if len(self._sums) >= _MOST_DIRECTORIES:
                        continue
                    sums = self._sums[name] = [0, 0, 0, set()]
                sums[3].add(layer + 1)
                if hidden_by is None:
                    sums[0] += entry.stored
                    sums[1] += 1
                else:
                    sums[2] += entry.stored

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows of ``TREE_COLUMNS``: a directory directly before its subdirectories, these by size, largest first."""

        def order(name: str) -> list[tuple[int, str]]:
            parts = [part for part in name.split("/") if part]
            names = ["/" + "/".join(parts[:length]) for length in range(1, len(parts) + 1)]
            return [(-sum(self._sums[each][0:3:2]) if each in self._sums else 0, each) for each in names]

        for name in sorted(self._sums, key=order):
            seen, files, wasted, layers = self._sums[name]
            yield name, seen, size_text(seen), files, wasted, _ranges(sorted(layers))


def _ranges(numbers: list[int]) -> str:
    """`1-3, 7` for 1, 2, 3, 7."""
    parts: list[str] = []
    start = previous = None
    for number in [*numbers, None]:
        if start is not None and number != (previous or 0) + 1:
            parts.append(str(start) if start == previous else f"{start}-{previous}")
            start = None
        if start is None:
            start = number
        previous = number
    return ", ".join(parts)
