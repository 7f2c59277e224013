"""The content of layers, kept beside the warehouse: each layer's entries once ever, as one Parquet file.

Here: the files, the view ``raw.layer_files`` over them, and facts computed once per digest (a layer's counts, an
image's summary) as JSON. Not here: scanning (``images.scanning``), what the rows mean (``corpora``, ``study/layer``), the
results that ``scan-image`` keeps between two calls (``images.scanning.store``, which says why that is another store).

Content is named by its digest, so nothing here ever changes. A file appears whole, by rename, and several processes may
share the folder. The Parquet file of a layer is written before its JSON; a layer is known only if both exist. For machines
that share a lake, see ``shared_layers``.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from dockml_dagster.study.layer.spool import COLUMNS
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import connect, make_folder
from dockml_dagster.warehouse.rows import literal

if TYPE_CHECKING:
    import duckdb

VIEW_COLUMNS: Final[dict[str, str]] = {
    "layer_digest": "VARCHAR",
    **COLUMNS,
    "published_level": "BIGINT",
    "whiteout": "BOOLEAN",
    "opaque": "BOOLEAN",
    "verified": "VARCHAR",
}
"""Columns of ``raw.layer_files``, one row per entry of a layer's archive: the layer's digest, the fields of
``study.layer.model.LayerEntry``, the study's level (path components), whether the entry removes something from the layers
below, and `content` or `toc`."""

_DIGEST: Final = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")
_TYPED: Final = ", ".join(f'"{name}" {kind}' for name, kind in VIEW_COLUMNS.items())
_EMPTY: Final = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in VIEW_COLUMNS.items())
_FILES_AT_ONCE: Final = 100
_SPOOL_FORM: Final = (
    "delim = '\\t', header = false, quote = '', escape = '', nullstr = '', auto_detect = false"
)


class Claims(Protocol):
    """Claims of readers on layers. Closing releases all that are held."""

    def take(self, digests: Collection[str]) -> set[str]:
        """Claim those of ``digests`` that no other process is reading; if there is none, wait for one.

        A waiting process holds no other claim, so that no deadlock is possible.
        """

    def give_back(self, digest: str) -> None:
        """Release a claim, whether the layer was read or not."""

    def close(self) -> None:
        """Release all claims."""


class NoClaims:
    """Claims on one machine, where no other process reads layers."""

    def take(self, digests: Collection[str]) -> set[str]:
        """All of ``digests``."""
        return set(digests)

    def give_back(self, digest: str) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


class LayerFiles:
    """``layer_entries/sha256/ab/<hex>.parquet`` with ``.json`` beside, and ``image_summaries/sha256/ab/<hex>.json``."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "layer_entries"
        self._summaries = root / "image_summaries"

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect(Path(":memory:"), read_only=False)

    def layer(self, digest: str, version: str) -> dict[str, Any] | None:
        """The facts that ``keep_layer`` stored for this digest by this version of the scan; None: unknown."""
        known = _read(_path(self.folder, digest, ".json"), version)
        return known if known is not None and _path(self.folder, digest, ".parquet").exists() else None

    def keep_layer(
        self, digest: str, version: str, spool: Path, verified: str, facts: Mapping[str, Any]
    ) -> None:
        """Store a layer's rows (a file of ``study.layer.spool``) and other facts about it (JSON values)."""
        make_folder(self.folder)
        target = _path(self.folder, digest, ".parquet")
        write_by_rename(target, lambda partial: self._copy_rows(digest, spool, verified, str(partial)))
        _write(_path(self.folder, digest, ".json"), version, facts)

    def _copy_rows(self, digest: str, spool: Path, verified: str, target: str) -> None:
        typed = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
        self._connection.execute(
            f"COPY (SELECT {literal(digest)} AS layer_digest, *, "
            "(CASE path WHEN '.' THEN 0 ELSE len(string_split(path, '/')) END) AS published_level, "
            "kind = 'whiteout' AS whiteout, kind = 'opaque' AS opaque, "
            f"{literal(verified)} AS verified FROM read_csv({literal(spool)}, {_SPOOL_FORM}, "
            f"max_line_size = 16777216, columns = {{{typed}}})) "
            f"TO {literal(target)} (FORMAT parquet, COMPRESSION zstd)"
        )

    def claims(self) -> Claims:
        """The claims by which readers of layers coordinate; the caller closes them."""
        return NoClaims()

    def spool(self, digest: str, target: Path) -> Path:
        """Write a known layer's rows back as a spool file; returns it."""
        fields = ", ".join(f'"{name}"' for name in COLUMNS)
        self._connection.execute(
            f"COPY (SELECT {fields} FROM read_parquet({literal(self._rows_of(digest))})) TO {literal(target)} "
            "(FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '', NULLSTR '')"
        )
        return target

    def _rows_of(self, digest: str) -> str:
        """The path of a known layer's rows, for DuckDB."""
        return str(_path(self.folder, digest, ".parquet"))

    def add_to(self, warehouse: Warehouse, digests: Collection[str]) -> None:
        """Insert layers' entries into ``raw.layer_files`` if it is a table (in a lake) and not a view, each layer once."""
        if digests and warehouse.location.file is None:
            warehouse.commit(lambda connection: self._add(connection, digests))

    def _add(self, connection: duckdb.DuckDBPyConnection, digests: Collection[str]) -> None:
        rows = connection.execute("SELECT DISTINCT layer_digest FROM raw.layer_files").fetchall()
        due = sorted(set(digests) - {digest for (digest,) in rows})
        insert_rows(
            connection,
            [self._rows_of(digest) for digest in due if _path(self.folder, digest, ".parquet").exists()],
        )

    def image(self, manifest_digest: str, version: str) -> dict[str, Any] | None:
        """The facts that ``keep_image`` stored for this manifest by this version; None: unknown."""
        return _read(_path(self._summaries, manifest_digest, ".json"), version)

    def keep_image(self, manifest_digest: str, version: str, facts: Mapping[str, Any]) -> None:
        """Store facts computed about an image (JSON values)."""
        _write(_path(self._summaries, manifest_digest, ".json"), version, facts)


def insert_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Insert the rows of Parquet files into the table ``raw.layer_files``."""
    for start in range(0, len(files), _FILES_AT_ONCE):
        connection.execute(
            "INSERT INTO raw.layer_files BY NAME SELECT * FROM read_parquet($files)",
            {"files": files[start : start + _FILES_AT_ONCE]},
        )


def define_view(connection: duckdb.DuckDBPyConnection) -> bool:
    """Define ``raw.layer_files`` as a view over the folder beside the connected file; without a folder, as a table. Returns
    whether the view was changed.

    The glob always matches, because the folder always has one Parquet file without rows.
    """
    folder = _folder_of(connection)
    known = connection.execute(
        "SELECT sql FROM duckdb_views() WHERE schema_name = 'raw' AND view_name = 'layer_files' "
        "AND database_name = current_database()"
    ).fetchone()
    if folder is None:
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.layer_files ({_TYPED})")
        return False
    empty = empty_file(folder.parent)
    if not empty.exists():
        make_folder(folder)
        partial = _partial(empty)
        # Not on the caller's connection, whose transaction should contain only its own writes.
        with connect(Path(":memory:"), read_only=False) as scratch:
            scratch.execute(f"COPY (SELECT {_EMPTY} LIMIT 0) TO {literal(partial)} (FORMAT parquet)")
        partial.replace(empty)
    pattern = f"{folder}/**/*.parquet"
    if known is not None and literal(pattern) in known[0]:
        return False
    names = ", ".join(f'"{name}"' for name in VIEW_COLUMNS)
    connection.execute(
        f"CREATE OR REPLACE VIEW raw.layer_files AS SELECT {names} FROM read_parquet({literal(pattern)})"
    )
    return True


def empty_file(root: Path) -> Path:
    """The path of the file without rows below ``root``."""
    return root / "layer_entries" / "none.parquet"


def materialise(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Store the rows of ``raw.layer_files`` in an attached copy, which may be moved away from this folder."""
    target = f'"{database}".raw.layer_files'
    is_view = connection.execute(
        "SELECT count(*) FROM duckdb_views() WHERE database_name = ? AND schema_name = 'raw' AND view_name = 'layer_files'",
        [database],
    ).fetchone()
    if is_view and is_view[0]:
        connection.execute(f"DROP VIEW {target}")
        connection.execute(f"CREATE TABLE {target} AS SELECT * FROM raw.layer_files")


def _folder_of(connection: duckdb.DuckDBPyConnection) -> Path | None:
    found = connection.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database() AND type = 'duckdb'"
    ).fetchone()
    location = Path(found[0]) if found and found[0] else None
    # None if the database is no file: in memory, a lake, or a service.
    return (
        location.absolute().parent / "layer_entries" if location is not None and location.is_file() else None
    )


def place_of(digest: str) -> str:
    """The relative path of something named by a digest. The digest is checked, so the path stays inside the folder."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not a digest: {digest[:80]!r}")
    algorithm, _, name = digest.partition(":")
    return f"{algorithm}/{name[:2]}/{name}"


def _path(folder: Path, digest: str, suffix: str) -> Path:
    return folder / (place_of(digest) + suffix)


def _partial(target: Path) -> Path:
    return target.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{target.stem[:16]}")


def _read(path: Path, version: str) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("version") == version:
            facts: dict[str, Any] = content["facts"]
            return facts
    return None


def write_by_rename(path: Path, write: Callable[[Path], object]) -> None:
    """Make a file appear whole: ``write`` gets a temporary name beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path, version: str, facts: Mapping[str, Any]) -> None:
    text = json.dumps({"version": version, "facts": facts}, ensure_ascii=False, separators=(",", ":"))
    write_by_rename(path, lambda partial: partial.write_text(text, encoding="utf-8"))
