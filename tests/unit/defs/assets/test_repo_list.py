"""Which corpora a listing is of, and what is told of several."""

import pytest

from dockml_dagster.defs.assets.repo_list import CorpusConfig, _summed
from dockml_dagster.defs.resources import WarehouseResource


@pytest.mark.parametrize(
    ("listed", "named", "meant"),
    [
        ([], "", ["sample"]),
        (["local"], "", ["local"]),
        (["local", "sample", "of a newer version"], "", ["local", "sample"]),
        (["dataset:mine", "local"], "", ["dataset:mine", "local"]),
        (["dataset:a", "dataset:b", "other:c"], "", ["dataset:a", "dataset:b"]),
        (["local"], "ease2022", ["ease2022"]),
    ],
    ids=["an empty home", "the user's own alone", "all that are known", "sets too", "sets alone", "as named"],
)
def test_which_corpora_are_listed(tmp_path, listed, named, meant):
    warehouse = WarehouseResource(database=str(tmp_path / "w.duckdb"))
    with warehouse.get_connection() as connection:
        connection.execute(
            "INSERT INTO raw.listings (corpus, fingerprint, method_version, source, projects, listed_at) "
            "SELECT unnest($1::VARCHAR[]), '', '', '', 0, now()::TIMESTAMP",
            [listed],
        )
    assert CorpusConfig(corpus=named).names(warehouse) == meant


def test_what_is_told_of_several_adds_up():
    told = [
        {"corpus": "local", "projects": 3, "new rows": {"raw.projects": 3}},
        {"corpus": "sample", "projects": 14, "new rows": {"raw.projects": 1, "raw.candidates": 20}},
    ]
    found = _summed(told)
    assert (found["corpus"], found["projects"]) == ("local, sample", 17)
    assert found["new rows"].value == {"raw.projects": 4, "raw.candidates": 20}
