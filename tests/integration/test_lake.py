"""The same study on a DuckLake: what comes out is what comes out of a file.

Belongs here: the command with ``DOCKML_WAREHOUSE=ducklake:…`` and a catalog that is a file. Does not: catalogs and stores
that are services.
"""

from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse

pytestmark = pytest.mark.skipif(
    find_spec("duckdb_extension_ducklake") is None
    or not any(
        Path(find_spec("duckdb_extension_ducklake").origin).parent.glob(f"extensions/v{duckdb.__version__}")
    ),
    reason="no DuckLake extension for this DuckDB as a package here",
)

CLOCK = {
    "first_seen", "last_seen", "observed_at", "listed_at", "built_at", "read_at", "labelled_at", "asked_at", "linked_at",
}  # fmt: skip


def differing(one: Path, other: Path) -> dict[str, tuple[int, int]]:
    """Tables of core and findings whose rows differ, clocks and the last digits of sums apart."""
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{one}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{other}' AS other (READ_ONLY)")
        tables = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE database_name = 'one' AND schema_name IN ('core', 'findings')"
        ).fetchall()
        assert len(tables) > 50
        for (name,) in tables:
            columns = ", ".join(
                f"printf('%.11g', \"{column}\")" if kind == "DOUBLE" else f'"{column}"'
                for column, kind, *_ in connection.execute(f"DESCRIBE one.{name}").fetchall()
                if column not in CLOCK
            )
            counts = [
                connection.execute(
                    f"SELECT count(*) FROM (SELECT {columns} FROM {a}.{name} EXCEPT ALL SELECT {columns} FROM {b}.{name})"
                ).fetchone()[0]
                for a, b in (("one", "other"), ("other", "one"))
            ]
            if any(counts):
                found[name] = tuple(counts)
    return found


def test_the_study_on_a_lake_equals_the_study_on_a_file(finished, home, dockml, tmp_path):
    where = {"DOCKML_WAREHOUSE": f"ducklake:{tmp_path / 'catalog.ducklake'}"}
    done = dockml(home, "study", "--corpus", "sample", **where)
    assert done.returncode == 0, done.stderr
    assert differing(*(at / "published" / "dockml.duckdb" for at in (finished[0], home))) == {}
    assert not (home / "warehouse" / "dockml.duckdb").exists()

    again = dockml(home, "study", "--corpus", "sample", **where)
    assert "nothing is due (14 projects" in again.stderr

    doctor = dockml(home, "doctor", "--compact", **where)
    assert f"{where['DOCKML_WAREHOUSE']}; nobody is writing" in doctor.stdout, doctor.stderr
    settings = Settings.from_environment({"DOCKML_HOME": str(home), **where})
    with Warehouse(settings.warehouse).read() as connection:
        states = connection.execute("SELECT count(*) FROM ducklake_snapshots('warehouse')").df().iloc[0, 0]
        assert states > 3, "a lake keeps its earlier states"
        assert (
            connection.execute("SELECT count(DISTINCT layer_digest) FROM raw.layer_files").fetchone()[0] > 20
        )
