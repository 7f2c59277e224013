r"""Spools: the rows of a layer as lines of text, in the order in which layers are merged.

Here: the form of a line, sorting in bounded memory, reading back. A line has the fields of ``LayerEntry``
in order, separated by tabs; None is an empty field. Paths and link targets hold no control characters
(``header.text``), so nothing is quoted, and DuckDB reads a spool directly::

    read_csv(FILE, delim = '\t', header = false, quote = '', escape = '', nullstr = '', columns = {…})

with ``COLUMNS``. Not here: where the files lie (the caller passes a factory), Parquet (``warehouse``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import BinaryIO, Final

from dockml_dagster.study.layer.classify import OPAQUE, WHITEOUT
from dockml_dagster.study.layer.model import LayerEntry

COLUMNS: Final[dict[str, str]] = {
    "path": "VARCHAR",
    "kind": "VARCHAR",
    "bytes": "BIGINT",
    "stored_bytes": "BIGINT",
    "mode": "BIGINT",
    "uid": "BIGINT",
    "gid": "BIGINT",
    "mtime": "BIGINT",
    "depth": "BIGINT",
    "link_target": "VARCHAR",
    "file_hash": "VARCHAR",
    "xattrs": "VARCHAR",
    "extension": "VARCHAR",
    "file_type": "VARCHAR",
    "note": "VARCHAR",
}
"""Columns of ``raw.layer_files`` and their SQL types, in order: one for each field of ``LayerEntry``."""

_RUN_ROWS: Final = 65_536
_RUN_BYTES: Final = 16 << 20
_MOST_RUNS: Final = 64
_REMEMBERED: Final = 16_384

_new: Final[Callable[..., LayerEntry]] = tuple.__new__

Spool = Callable[[], Iterable[bytes]]
"""Opens a finished spool: each call gives its lines from the first on."""


Keyed = tuple[str, bytes]
"""The sort key of a line, and the line."""


def merge_key(path: str, kind: str) -> str:
    r"""The sort key of a row: the path that it affects, with `/` as `\0`, so that a directory's content directly follows
    the directory.

    A whiteout affects the path that it removes, an opaque marker the directory in which it lies.
    """
    if kind == "file":
        return path.replace("/", "\0")
    if kind == "whiteout":
        directory, slash, name = path.rpartition("/")
        path = directory + slash + name[len(WHITEOUT) :]
    elif kind == "opaque":
        path = path[: -len(OPAQUE)].rstrip("/")
    return "" if path == "." else path.replace("/", "\0")


def line_of(entry: LayerEntry) -> bytes:
    """An entry as a line, with its line end."""
    path, kind, size, stored, mode, uid, gid, mtime, depth, link, content, xattrs, suffix, magic, note = entry
    return (
        f"{path}\t{kind}\t{size}\t{stored}\t{mode}\t{uid}\t{gid}\t{mtime}\t{depth}\t{link or ''}"
        f"\t{content or ''}\t{xattrs or ''}\t{suffix}\t{magic}\t{note or ''}\n"
    ).encode()


class _Numbers(dict[str, int]):
    """Numbers by their text. Most of a row's seven numbers occurred in earlier rows, and parsing them again would take a
    third of the time of reading a row.
    """

    def __missing__(self, text: str) -> int:
        number = int(text)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = number
        return number


_numbers: Final = _Numbers()


def entry_of(line: bytes) -> LayerEntry:
    """The entry of a line."""
    path, kind, size, stored, mode, uid, gid, mtime, depth, link, content, xattrs, suffix, magic, note = (
        line.decode()[:-1].split("\t")
    )
    of = _numbers
    numbers = of[size], of[stored], of[mode], of[uid], of[gid], of[mtime], of[depth]
    texts = link or None, content or None, xattrs or None, suffix, magic, note or None
    # By the constructor of tuple: there are millions of entries, and LayerEntry's own is three times as slow.
    return _new(LayerEntry, (path, kind, *numbers, *texts))


class SpoolWriter:
    """Takes rows in any order and writes a file of lines sorted by ``merge_key``. Rows with equal keys keep their order.

    Most archives are already in order; then rows go straight to one file. Otherwise sorted runs go to separate files
    and are merged at the end. Memory: one run, at most some 30 MB.
    """

    def __init__(self, new_file: Callable[[], BinaryIO]) -> None:
        """``new_file`` opens an empty file for writing and reading. Files that are no longer needed are closed."""
        self._new_file = new_file
        self._rows: list[Keyed] = []
        self._bytes = 0
        self._runs: list[BinaryIO] = []
        self._last_key = ""

    def extend(self, entries: Iterable[LayerEntry]) -> None:
        """Add rows: a ``scan_layer`` sink."""
        rows = self._rows
        size = self._bytes
        for entry in entries:
            line = line_of(entry)
            size += len(line)
            path, kind = entry[0], entry[1]
            rows.append((path.replace("/", "\0") if kind == "file" else merge_key(path, kind), line))
        self._bytes = size
        if len(rows) >= _RUN_ROWS or self._bytes >= _RUN_BYTES:
            self._end_run()

    def finish(self) -> BinaryIO:
        """The complete spool, positioned at its start. The writer must not be used afterwards."""
        self._end_run()
        if len(self._runs) > 1:
            self._merge_runs()
        spool = self._runs.pop() if self._runs else self._new_file()
        spool.seek(0)
        return spool

    def _end_run(self) -> None:
        rows, self._rows, self._bytes = self._rows, [], 0
        if not rows:
            return
        rows.sort(key=itemgetter(0))
        if not self._runs or rows[0][0] < self._last_key:
            if len(self._runs) >= _MOST_RUNS:
                self._merge_runs()
            self._runs.append(self._new_file())
        self._last_key = rows[-1][0]
        self._runs[-1].writelines([line for _, line in rows])

    def _merge_runs(self) -> None:
        whole = self._new_file()
        for run in self._runs:
            run.seek(0)
        # Runs are in archive order and merging is stable, so rows of one key stay in archive order.
        merged = heapq.merge(*(map(keyed, run) for run in self._runs), key=itemgetter(0))
        whole.writelines(line for _, line in merged)
        for run in self._runs:
            run.close()
        self._runs = [whole]


def keyed(line: bytes) -> Keyed:
    """A line with its ``merge_key``."""
    path, kind, _ = line.split(b"\t", 2)
    return merge_key(path.decode(), kind.decode()), line
