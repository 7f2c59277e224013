"""Every SQL model on small tables: a folder ``<schema>.<model>/<case>/`` with ``input.yaml`` and ``expect.yaml`` a case.

``input.yaml``: table → rows, of the tables the model itself reads; a table left out is empty (seeds: as they are), a
column left out is NULL. ``expect.yaml``: ``rows``, with any of the model's columns; ``where``, a condition that picks the
rows compared; ``in_order: true`` where the order of the rows matters. Adding a case needs no Python. Each case is run twice,
the second time with a twin of every corpus beside it, since no corpus counts in another; ``alone: true`` where the model
compares corpora.

``rows_said.json`` has a digest of all rows of each case, with every column and in the model's order: what no ``expect.yaml``
asks for changes seen all the same. ``python -m tests.sql.test_cases`` writes it after a change that is meant; with a case's
name it prints the rows.
"""

import json
import sys
from pathlib import Path

import pytest

from tests.sql.cases import CASES, NOTED, Case, Types, name_of, read_types


def test_every_model_has_a_case(types: Types) -> None:
    models = {model.name for model in types.project.models}
    cases = {path.parent.name for path in CASES}
    assert models - cases == set(), "these models have no folder of cases"
    assert cases - models == set(), "these folders name no model"
    assert [path for path in CASES if not (path / "expect.yaml").is_file()] == []


@pytest.mark.parametrize("with_twin", [False, True], ids=["alone", "beside another corpus"])
@pytest.mark.parametrize("folder", CASES, ids=name_of)
def test_model(folder: Path, types: Types, with_twin: bool) -> None:
    with Case(folder, types, with_twin=with_twin) as case:
        case.check()


if __name__ == "__main__":
    types_of_all = read_types()
    if sys.argv[1:]:
        with Case(CASES[[name_of(path) for path in CASES].index(sys.argv[1])], types_of_all) as asked:
            print(*asked.said(), sep="\n")
    else:
        digests = {}
        for path in CASES:
            with Case(path, types_of_all) as each:
                digests[each.name] = each.digest()
        NOTED.write_text(json.dumps(digests, indent=0, sort_keys=True) + "\n", encoding="utf-8")
