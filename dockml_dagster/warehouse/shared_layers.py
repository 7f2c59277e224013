"""The content of layers for all machines that share a lake: each layer is read once in the whole fleet.

Here: the same as ``layer_files`` in a shared place: rows as Parquet files beside the lake's own (``Location.layers``), other
facts in the catalog's database, claims as locks that a session holds there. Not here:
scanning, what the rows mean.

A layer is known when its row is in ``dockml.layers``, which is written after its Parquet file. Files appear whole: an object
store shows only complete objects, in a folder files are renamed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dockml_dagster.catalog import PATIENCE_SECONDS, Session, SharedCatalog, lock_key, patiently
from dockml_dagster.errors import UnreachableError
from dockml_dagster.settings import Location
from dockml_dagster.warehouse.lake import open_store
from dockml_dagster.warehouse.layer_files import Claims, LayerFiles, insert_rows, place_of, write_by_rename

if TYPE_CHECKING:
    import duckdb

    from dockml_dagster.warehouse.connection import Warehouse

T = TypeVar("T")

TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS dockml;
CREATE TABLE IF NOT EXISTS dockml.layers (
    digest text, version text, facts text NOT NULL, scans integer NOT NULL DEFAULT 1,
    in_lake text NOT NULL DEFAULT 'no', PRIMARY KEY (digest, version)
);
CREATE TABLE IF NOT EXISTS dockml.images (
    digest text, version text, facts text NOT NULL, PRIMARY KEY (digest, version)
);
"""
"""A table in the catalog's database. ``facts``: JSON; ``scans``: how often the layer was stored, which is once unless a
reader lost its claim; ``in_lake``: no, begun, yes."""


def open_layer_files(location: Location) -> LayerFiles:
    """The store of layers, for this machine alone or for all that share the lake's catalog."""
    return LayerFiles(location.folder) if location.catalog is None else SharedLayerFiles(location)


class SharedLayerFiles(LayerFiles):
    """See the module; the methods are those of ``LayerFiles``."""

    def __init__(self, location: Location) -> None:
        assert location.catalog is not None
        super().__init__(location.folder)
        self._location = location
        self._root = location.layers
        self._catalog = SharedCatalog(location.catalog)
        self._facts = Session(self._catalog, tables=TABLES)

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return open_store(self._location)

    def layer(self, digest: str, version: str) -> dict[str, Any] | None:
        """See ``LayerFiles.layer``."""
        return self._known("layers", digest, version)

    def keep_layer(
        self, digest: str, version: str, spool: Path, verified: str, facts: Mapping[str, Any]
    ) -> None:
        """See ``LayerFiles.keep_layer``."""
        target = self._rows_of(digest)

        def copy(to: str) -> None:
            self._in_store(lambda: self._copy_rows(digest, spool, verified, to))

        if target.startswith("s3://"):
            copy(target)
        else:
            write_by_rename(Path(target), lambda partial: copy(str(partial)))
        self._facts.run(
            "INSERT INTO dockml.layers (digest, version, facts) VALUES (%s, %s, %s) "
            "ON CONFLICT (digest, version) DO UPDATE SET scans = dockml.layers.scans + 1",
            [digest, version, _json(facts)],
        )

    def claims(self) -> Claims:
        """See ``LayerFiles.claims``."""
        return SharedClaims(self._catalog)

    def spool(self, digest: str, target: Path) -> Path:
        """See ``LayerFiles.spool``."""
        return self._in_store(lambda: LayerFiles.spool(self, digest, target))

    def add_to(self, warehouse: Warehouse, digests: Collection[str]) -> None:
        """See ``LayerFiles.add_to``. The catalog's database records which layers are in the lake: searching
        ``raw.layer_files`` would read what may be billions of rows.
        """
        if not digests:
            return
        with warehouse.holding(["layer_files"]):
            found = self._facts.run(
                "SELECT digest, bool_and(in_lake = 'no') FROM dockml.layers WHERE digest = ANY(%s) "
                "GROUP BY digest HAVING bool_or(in_lake <> 'yes') ORDER BY digest",
                [sorted(digests)],
            )
            due = [digest for digest, _ in found]
            # Inserting was begun by a process that never reported its end, or an older version of the scan inserted rows.
            perhaps_there = [digest for digest, new in found if not new]
            if not due:
                return
            self._mark(due, "begun")

            def unit(connection: duckdb.DuckDBPyConnection) -> None:
                if perhaps_there:
                    connection.execute(
                        "DELETE FROM raw.layer_files WHERE layer_digest IN (SELECT unnest($digests))",
                        {"digests": perhaps_there},
                    )
                insert_rows(connection, [self._rows_of(digest) for digest in due])

            warehouse.commit(unit)
            self._mark(due, "yes")

    def _mark(self, digests: Sequence[str], state: str) -> None:
        self._facts.run(
            "UPDATE dockml.layers SET in_lake = %s WHERE digest = ANY(%s)", [state, list(digests)]
        )

    def image(self, manifest_digest: str, version: str) -> dict[str, Any] | None:
        """See ``LayerFiles.image``."""
        return self._known("images", manifest_digest, version)

    def keep_image(self, manifest_digest: str, version: str, facts: Mapping[str, Any]) -> None:
        """See ``LayerFiles.keep_image``."""
        self._facts.run(
            "INSERT INTO dockml.images (digest, version, facts) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [manifest_digest, version, _json(facts)],
        )

    def _rows_of(self, digest: str) -> str:
        return f"{self._root}/{place_of(digest)}.parquet"

    def _known(self, table: str, digest: str, version: str) -> dict[str, Any] | None:
        found = self._facts.run(
            f"SELECT facts FROM dockml.{table} WHERE digest = %s AND version = %s", [digest, version]
        )
        facts: dict[str, Any] | None = json.loads(found[0][0]) if found else None
        return facts

    def _in_store(self, work: Callable[[], T]) -> T:
        import duckdb

        def once() -> T:
            try:
                return work()
            except duckdb.IOException as error:
                raise UnreachableError(f"{self._root}: {str(error).strip().splitlines()[0]}") from error

        return patiently(once, PATIENCE_SECONDS)


class SharedClaims:
    """Claims as locks held by one session. If it breaks, they are lost: a layer may be read twice but is stored once."""

    def __init__(self, catalog: SharedCatalog) -> None:
        self._session = Session(catalog)

    def take(self, digests: Collection[str]) -> set[str]:
        """See ``Claims.take``."""
        wanted = sorted(digests)
        keys = [lock_key(_name(digest)) for digest in wanted]
        rows = self._session.run("SELECT pg_try_advisory_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])
        taken = {digest for digest, (got,) in zip(wanted, rows, strict=True) if got}
        if not taken and wanted:
            self._session.run("SELECT pg_advisory_lock(%s)", [keys[0]])
            taken = {wanted[0]}
        return taken

    def give_back(self, digest: str) -> None:
        """See ``Claims.give_back``."""
        self._session.run("SELECT pg_advisory_unlock(%s)", [lock_key(_name(digest))])

    def close(self) -> None:
        """See ``Claims.close``."""
        self._session.close()


def _name(digest: str) -> str:
    return f"layer {digest}"


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":"))
