"""Files that another version of DuckDB wrote, as the warehouse: they are used, or refused in one line, and never changed.

``other_duckdb/VERSION.duckdb.gz``: made by that version (about 3 kB each), by

    CREATE SCHEMA mine;
    CREATE TABLE mine.notes (id INTEGER PRIMARY KEY, said VARCHAR, made TIMESTAMP);
    INSERT INTO mine.notes
    SELECT i, 'note ' || i, TIMESTAMP '2023-01-01' + INTERVAL (i) HOUR FROM range(100) t(i);
    CREATE VIEW mine.newest AS SELECT * FROM mine.notes ORDER BY id DESC LIMIT 1;
    CHECKPOINT;

Kept as files, because no package index is asked by a test, and two versions cannot be imported into one process.
"""

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.errors import BadInputError
from dockml_dagster.warehouse import maintenance, migrations
from dockml_dagster.warehouse.connection import Warehouse

FILES = Path(__file__).parent / "other_duckdb"
READS_2 = int(duckdb.__version__.split(".")[0]) >= 2


@pytest.fixture
def written_by(tmp_path: Path) -> Callable[[str], Path]:
    """``written_by("1.1.3")``: a copy of what that version wrote."""

    def unpacked(version: str) -> Path:
        path = tmp_path / "warehouse" / "dockml.duckdb"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.decompress((FILES / f"{version}.duckdb.gz").read_bytes()))
        return path

    return unpacked


def _notes(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    count = "SELECT count(*), min(said), max(made)::VARCHAR FROM mine.notes"
    return connection.execute(count).fetchall() + connection.execute("SELECT id FROM mine.newest").fetchall()


NOTES = [(100, "note 0", "2023-01-05 03:00:00"), (99,)]


@pytest.mark.parametrize(
    "version", ["1.1.3", pytest.param("2.0.0", marks=pytest.mark.skipif(not READS_2, reason="newer"))]
)
def test_a_file_that_can_be_read_is_used_and_keeps_what_is_in_it(written_by, version):
    warehouse = Warehouse(written_by(version))
    with warehouse.write() as connection:
        assert migrations.apply(connection) == list(migrations.available())
    with warehouse.write() as connection:
        assert migrations.apply(connection) == []
        assert _notes(connection) == NOTES
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO mine.notes VALUES (1, 'twice', NULL)")
    maintenance.compact(warehouse)
    with warehouse.read() as connection:
        assert _notes(connection) == NOTES


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.8.1", ["v0.8.0 or v0.8.1", "EXPORT DATABASE", "IMPORT DATABASE"]),
        pytest.param(
            "2.0.0",
            ["newer DuckDB", "use that version"],
            marks=pytest.mark.skipif(READS_2, reason="reads it"),
        ),
    ],
)
@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_file_that_cannot_be_read_is_refused_in_one_line_and_left_alone(written_by, version, said, mode):
    path = written_by(version)
    before = path.read_bytes()
    with pytest.raises(BadInputError) as caught, getattr(Warehouse(path), mode)():
        pass
    text = str(caught.value)
    assert "\n" not in text
    for part in (str(path), *said):
        assert part in text
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir() if found != path] == ["dockml.duckdb.lock"]


@pytest.mark.parametrize(
    "version", ["0.8.1", pytest.param("2.0.0", marks=pytest.mark.skipif(READS_2, reason="reads it"))]
)
@pytest.mark.parametrize(
    "command", [["study", "--quiet"], ["status"], ["doctor"]], ids=lambda words: words[0]
)
def test_every_command_says_so(
    written_by, dockml: Callable[..., subprocess.CompletedProcess[str]], version, command
):
    path = written_by(version)
    done = dockml(path.parent.parent, *command)
    assert done.returncode in {1, 2}
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "was written by" in said
