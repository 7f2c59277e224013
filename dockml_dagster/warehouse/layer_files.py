"""What was found inside layers, kept beside the warehouse: each layer's entries once ever, as one Parquet file.

Belongs here: the files, the view ``raw.layer_files`` over them, and what was computed once a digest (a layer's counts, an
image's summary) as JSON. Does not: scanning (``clients``), what the rows mean (``corpora``, ``study/layer``), what the
command ``scan-image`` remembers between two calls (``clients.scan_store``, which says why that is another store).

Content names itself, so nothing here ever changes: a file appears whole, by rename, and several processes may share the
folder. The Parquet file of a layer is written before its JSON; a layer is known only if both are there.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dockml_dagster.study.layer.spool import COLUMNS
from dockml_dagster.warehouse.connection import connect, make_folder
from dockml_dagster.warehouse.rows import literal

if TYPE_CHECKING:
    import duckdb

VIEW_COLUMNS: Final[dict[str, str]] = {
    "layer_digest": "VARCHAR",
    **COLUMNS,
    "published_level": "INTEGER",
    "whiteout": "BOOLEAN",
    "opaque": "BOOLEAN",
    "verified": "VARCHAR",
}
"""Columns of ``raw.layer_files``, a row an entry of a layer's archive: the layer's digest, the fields of
``study.layer.model.LayerEntry``, the study's level (path components), whether the entry removes something of the layers
below, and `content` or `toc`."""

_DIGEST: Final = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")
_TYPED: Final = ", ".join(f'"{name}" {kind}' for name, kind in VIEW_COLUMNS.items())
_EMPTY: Final = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in VIEW_COLUMNS.items())
_FILES_AT_ONCE: Final = 100
_SPOOL_FORM: Final = (
    "delim = '\\t', header = false, quote = '', escape = '', nullstr = '', auto_detect = false"
)


class LayerFiles:
    """``layer_files/sha256/ab/<hex>.parquet`` with ``.json`` beside, and ``image_summaries/sha256/ab/<hex>.json``."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "layer_files"
        self._summaries = root / "image_summaries"

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return connect(Path(":memory:"), read_only=False)

    def layer(self, digest: str, version: str) -> dict[str, Any] | None:
        """What ``keep_layer`` was given for this digest by this version of the scan; None: not known."""
        known = _read(_path(self.folder, digest, ".json"), version)
        return known if known is not None and _path(self.folder, digest, ".parquet").exists() else None

    def keep_layer(
        self, digest: str, version: str, spool: Path, verified: str, facts: Mapping[str, Any]
    ) -> None:
        """Keep a layer's rows (a file of ``study.layer.spool``) and what else is known of it (JSON values)."""
        make_folder(self.folder)
        target = _path(self.folder, digest, ".parquet")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(target)
        typed = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
        try:
            self._connection.execute(
                f"COPY (SELECT {literal(digest)} AS layer_digest, *, "
                "(CASE path WHEN '.' THEN 0 ELSE len(string_split(path, '/')) END)::INTEGER AS published_level, "
                "kind = 'whiteout' AS whiteout, kind = 'opaque' AS opaque, "
                f"{literal(verified)} AS verified FROM read_csv({literal(spool)}, {_SPOOL_FORM}, "
                f"max_line_size = 16777216, columns = {{{typed}}})) "
                f"TO {literal(partial)} (FORMAT parquet, COMPRESSION zstd)"
            )
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        _write(_path(self.folder, digest, ".json"), version, facts)

    def spool(self, digest: str, target: Path) -> Path:
        """Write a known layer's rows back as a spool file; returns it."""
        fields = ", ".join(f'"{name}"' for name in COLUMNS)
        source = _path(self.folder, digest, ".parquet")
        self._connection.execute(
            f"COPY (SELECT {fields} FROM read_parquet({literal(source)})) TO {literal(target)} "
            "(FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '', NULLSTR '')"
        )
        return target

    def add_to(self, connection: duckdb.DuckDBPyConnection, digests: Iterable[str]) -> None:
        """Put layers' entries into ``raw.layer_files`` where that is a table and no view (a lake), each layer once."""
        if _folder_of(connection) is not None:
            return
        rows = connection.execute("SELECT DISTINCT layer_digest FROM raw.layer_files").fetchall()
        due = sorted(set(digests) - {digest for (digest,) in rows})
        files = [file for digest in due if (file := _path(self.folder, digest, ".parquet")).exists()]
        for start in range(0, len(files), _FILES_AT_ONCE):
            connection.execute(
                "INSERT INTO raw.layer_files BY NAME SELECT * FROM read_parquet($files)",
                {"files": [str(file) for file in files[start : start + _FILES_AT_ONCE]]},
            )

    def image(self, manifest_digest: str, version: str) -> dict[str, Any] | None:
        """What ``keep_image`` was given for this manifest by this version; None: not known."""
        return _read(_path(self._summaries, manifest_digest, ".json"), version)

    def keep_image(self, manifest_digest: str, version: str, facts: Mapping[str, Any]) -> None:
        """Keep what was computed of an image (JSON values)."""
        _write(_path(self._summaries, manifest_digest, ".json"), version, facts)


def define_view(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``raw.layer_files`` what the folder beside the connected file holds; a table where there is no folder.

    The glob is never without a match: one Parquet file of no rows is always there.
    """
    folder = _folder_of(connection)
    known = connection.execute(
        "SELECT sql FROM duckdb_views() WHERE schema_name = 'raw' AND view_name = 'layer_files' "
        "AND database_name = current_database()"
    ).fetchone()
    if folder is None:
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.layer_files ({_TYPED})")
        return
    empty = folder / "none.parquet"
    if not empty.exists():
        make_folder(folder)
        partial = _partial(empty)
        # Not on the caller's connection: inside its transaction nothing but its own writes should happen.
        with connect(Path(":memory:"), read_only=False) as scratch:
            scratch.execute(f"COPY (SELECT {_EMPTY} LIMIT 0) TO {literal(partial)} (FORMAT parquet)")
        partial.replace(empty)
    pattern = f"{folder}/**/*.parquet"
    if known is None or literal(pattern) not in known[0]:
        names = ", ".join(f'"{name}"' for name in VIEW_COLUMNS)
        connection.execute(
            f"CREATE OR REPLACE VIEW raw.layer_files AS SELECT {names} FROM read_parquet({literal(pattern)})"
        )


def materialise(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Put the rows of ``raw.layer_files`` into an attached copy, which may be carried away from the folder here."""
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
    # Not a file here: in memory, a lake, or a service's.
    return location.absolute().parent / "layer_files" if location is not None and location.is_file() else None


def _path(folder: Path, digest: str, suffix: str) -> Path:
    """Where something named by a digest lies. The digest is checked, so this stays inside the folder."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"not a digest: {digest[:80]!r}")
    algorithm, _, name = digest.partition(":")
    return folder / algorithm / name[:2] / (name + suffix)


def _partial(target: Path) -> Path:
    return target.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{target.stem[:16]}")


def _read(path: Path, version: str) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("version") == version:
            facts: dict[str, Any] = content["facts"]
            return facts
    return None


def _write(path: Path, version: str, facts: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        content = {"version": version, "facts": facts}
        partial.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
