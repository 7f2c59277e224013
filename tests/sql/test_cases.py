"""Every SQL model on small tables: a folder ``<schema>.<model>/<case>/`` with ``input.yaml`` and ``expect.yaml`` a case.

``input.yaml``: table → rows, of the tables the model itself reads; a table left out is empty (seeds: as they are), a
column left out is NULL. ``expect.yaml``: ``rows``, with any of the model's columns; ``where``, a condition that picks the
rows compared; ``in_order: true`` where the order of the rows matters. Adding a case needs no Python.
"""

from pathlib import Path

import pytest

from tests.sql.cases import CASES, Types, check


def test_every_model_has_a_case(types: Types) -> None:
    models = {model.name for model in types.project.models}
    cases = {path.parent.name for path in CASES}
    assert models - cases == set(), "these models have no folder of cases"
    assert cases - models == set(), "these folders name no model"
    assert [path for path in CASES if not (path / "expect.yaml").is_file()] == []


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_model(case: Path, types: Types) -> None:
    check(case, types)
