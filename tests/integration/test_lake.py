"""The same study on a DuckLake: what comes out is what comes out of a file.

Here: the command with ``DOCKML_WAREHOUSE=ducklake:…`` and a catalog that is a file. Not here: catalogs and stores
that are services.
"""

import pytest

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.lake import packaged
from tests.integration.kills import differences

pytestmark = pytest.mark.skipif(
    packaged("ducklake") is None, reason="no DuckLake extension for this DuckDB as a package here"
)


def test_the_study_on_a_lake_equals_the_study_on_a_file(finished, home, dockml, tmp_path):
    where = {"DOCKML_WAREHOUSE": f"ducklake:{tmp_path / 'catalog.ducklake'}"}
    done = dockml(home, "study", "--corpus", "sample", **where)
    assert done.returncode == 0, done.stderr
    assert differences(finished[0], home) == []
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
