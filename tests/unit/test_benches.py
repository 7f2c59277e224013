"""What ``make bench`` stands on still fits what it measures: benches run rarely, and nothing else calls this."""

from pathlib import Path

from dockml_dagster.corpora.base import STAGES
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due
from tests.bench.bench_scale import fill
from tests.synthetic import Synthetic


def test_synthetic_projects_fill_a_warehouse(tmp_path: Path) -> None:
    warehouse, corpus = Warehouse(tmp_path / "dockml.duckdb"), Synthetic(4)
    listing = corpus.listing()
    with warehouse.write() as connection:
        migrations.apply(connection, warehouse.location)
        due.record_listing(
            connection,
            corpus=corpus.name,
            fingerprint=corpus.fingerprint(),
            method_version=corpus.method_version,
            source=listing.source,
            projects=listing.projects,
            inputs={str(stage): hashes for stage, hashes in listing.inputs.items()},
            rows=listing.rows,
            outcomes=[],
            listed_at=due.moment(connection),
            storage=None,
        )
    fill(warehouse, corpus, corpus.keys, STAGES)
    with warehouse.read() as connection:
        assert due.due(connection, corpus.name, corpus.methods(), storage=None) == []
        assert len(due.newest(connection, "dockerfiles", corpus.keys)) == 4
