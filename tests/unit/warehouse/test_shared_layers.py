"""Layers of all machines that share a catalog: what is asked of its database, with a stand-in for that.

Not here: PostgreSQL itself, and machines that meet there (``tests/distributed``).
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dockml_dagster.catalog import lock_key
from dockml_dagster.errors import UnreachableError
from dockml_dagster.settings import Location
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import entry_of, line_of
from dockml_dagster.warehouse import migrations, shared_layers
from dockml_dagster.warehouse.layer_files import LayerFiles
from dockml_dagster.warehouse.shared_layers import SharedClaims, SharedLayerFiles, open_layer_files

ONE, TWO, THREE = (f"sha256:{letter * 64}" for letter in "abc")
ENTRY = LayerEntry("a.py", "file", 5, 5, 0o644, 0, 0, 0, 0, None, "xxh3-128:00", None, "py", "text", None)


class FakeSession:
    """The catalog's database: notes what is asked, and gives the answers that are laid ready by a word of the question."""

    def __init__(self, catalog: Any, *, tables: str = "") -> None:
        self.tables = tables
        self.asked: list[tuple[str, list[Any]]] = []
        self.answers: dict[str, list[tuple[Any, ...]]] = {}
        self.closed = False

    def run(self, statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
        self.asked.append((statement, values))
        return next((rows for word, rows in self.answers.items() if word in statement), [])

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedLayerFiles:
    monkeypatch.setattr(shared_layers, "Session", FakeSession)
    monkeypatch.setattr(shared_layers, "PATIENCE_SECONDS", 0.0)
    opened = open_layer_files(
        Location("ducklake:postgres:dbname=c", tmp_path / "here", str(tmp_path / "lake") + "/")
    )
    assert isinstance(opened, SharedLayerFiles)
    return opened


def facts_of(files: SharedLayerFiles) -> FakeSession:
    session: Any = files._facts
    assert isinstance(session, FakeSession)
    return session


def test_a_file_is_one_machines(tmp_path: Path) -> None:
    assert type(open_layer_files(Location.of_file(tmp_path / "x.duckdb"))) is LayerFiles


def test_what_is_known_is_of_one_version(files: SharedLayerFiles) -> None:
    session = facts_of(files)
    assert "CREATE TABLE IF NOT EXISTS dockml.layers" in session.tables
    assert files.layer(ONE, "7") is None
    assert files.image(ONE, "7") is None
    session.answers = {"dockml.layers": [('{"entries": 1}',)], "dockml.images": [('{"bytes": 2}',)]}
    assert files.layer(ONE, "7") == {"entries": 1}
    assert files.image(TWO, "8") == {"bytes": 2}
    wanted = "SELECT facts FROM dockml.{} WHERE digest = %s AND version = %s"
    assert session.asked[-2:] == [
        (wanted.format("layers"), [ONE, "7"]),
        (wanted.format("images"), [TWO, "8"]),
    ]


def keep(files: SharedLayerFiles, tmp_path: Path, digest: str = ONE) -> None:
    spool = tmp_path / "spool"
    spool.write_bytes(line_of(ENTRY))
    files.keep_layer(digest, "7", spool, "content", {"b": "é", "a": 1})


def test_a_layer_is_kept_for_everybody(files: SharedLayerFiles, tmp_path: Path) -> None:
    keep(files, tmp_path)
    (asked,) = facts_of(files).asked
    assert asked[0].startswith("INSERT INTO dockml.layers (digest, version, facts)")
    assert "SET scans = dockml.layers.scans + 1" in asked[0]
    assert asked[1] == [ONE, "7", '{"b":"\\u00e9","a":1}']
    lines = files.spool(ONE, tmp_path / "back").read_bytes().splitlines(keepends=True)
    assert [entry_of(line) for line in lines] == [ENTRY]
    (parquet,) = [path for path in (tmp_path / "lake.layers").rglob("*") if path.is_file()]
    assert str(parquet) == files._rows_of(ONE)


def test_an_image_is_kept_once(files: SharedLayerFiles) -> None:
    files.keep_image(ONE, "8", {"bytes": 2})
    (asked,) = facts_of(files).asked
    assert asked[0].endswith("ON CONFLICT DO NOTHING")
    assert asked[1] == [ONE, "8", json.dumps({"bytes": 2}, separators=(",", ":"))]


class Alone:
    """A warehouse in memory."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        migrations.apply(self.connection)
        self.held: list[list[str]] = []

    def holding(self, names: list[str]) -> "Alone":
        self.held.append(names)
        return self

    def __enter__(self) -> None:
        """A name is held."""

    def __exit__(self, *_: object) -> None:
        """No longer."""

    def commit(self, unit: Any) -> Any:
        return unit(self.connection)


def test_layers_reach_the_lake_once(
    files: SharedLayerFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse: Any = Alone()
    inserted: list[list[str]] = []
    monkeypatch.setattr(shared_layers, "insert_rows", lambda connection, rows: inserted.append(rows))
    files.add_to(warehouse, [])
    assert (facts_of(files).asked, warehouse.held) == ([], [])
    files.add_to(warehouse, {TWO, ONE})
    assert warehouse.held == [["layer_files"]]
    assert facts_of(files).asked[0][1] == [[ONE, TWO]], "none of them is due"
    assert (len(facts_of(files).asked), inserted) == (1, [])

    warehouse.connection.execute("CREATE OR REPLACE TABLE raw.layer_files (layer_digest VARCHAR)")
    warehouse.connection.executemany("INSERT INTO raw.layer_files VALUES (?)", [[ONE], [TWO], [THREE]])
    facts_of(files).answers = {"bool_and": [(ONE, True), (TWO, False)]}
    facts_of(files).asked.clear()
    files.add_to(warehouse, {ONE, TWO, THREE})
    assert inserted == [[files._rows_of(ONE), files._rows_of(TWO)]]
    left = warehouse.connection.execute("SELECT layer_digest FROM raw.layer_files ORDER BY 1").fetchall()
    assert left == [(ONE,), (THREE,)], "what may be there from a run that broke off is written anew"
    assert [values for _, values in facts_of(files).asked[1:]] == [["begun", [ONE, TWO]], ["yes", [ONE, TWO]]]


def test_a_store_that_does_not_answer_is_unreachable(files: SharedLayerFiles, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"lake\.layers: IO Error: "):
        files.spool(TWO, tmp_path / "back")


def test_claims_are_names_in_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_layers, "Session", FakeSession)
    claims = SharedClaims("catalog")  # type: ignore[arg-type]
    session: Any = claims._session
    keys = [lock_key(f"layer {digest}") for digest in (ONE, TWO)]
    session.answers = {"pg_try_advisory_lock": [(True,), (False,)]}
    assert claims.take({TWO, ONE}) == {ONE}
    assert session.asked == [("SELECT pg_try_advisory_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])]
    session.answers = {"pg_try_advisory_lock": [(False,), (False,)]}
    assert claims.take({TWO, ONE}) == {ONE}, "whoever gets none waits for the first"
    assert session.asked[-1] == ("SELECT pg_advisory_lock(%s)", [keys[0]])
    session.answers = {}
    assert claims.take(set()) == set()
    claims.give_back(TWO)
    assert session.asked[-1] == ("SELECT pg_advisory_unlock(%s)", [keys[1]])
    claims.close()
    assert session.closed
