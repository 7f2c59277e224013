"""What the labellers get from a project as it was collected."""

from collections.abc import Mapping
from typing import Any

import pytest

from dockml_dagster.study.labels.machine import Labeller
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.warehouse.due.derivations import LABELS
from dockml_dagster.warehouse.models import seed_texts

FILES = {
    "README.md": (b"# A model \xff\n", 12),
    "data/big.bin": (None, 1 << 30),
    "data/unknown": (None, None),
    "model/train.py": (b"pass\n", 5),
}
SIZES = {"README.md": 12, "data/big.bin": 1 << 30, "data/unknown": None, "model/train.py": 5}


@pytest.fixture
def labeller() -> Labeller:
    return Labeller(seed_texts(LABELS.seeds))


@pytest.mark.parametrize(("whole", "sizes"), [(True, SIZES), (False, None)])
def test_paths_are_a_layout_only_where_all_were_seen(
    labeller: Labeller, monkeypatch: pytest.MonkeyPatch, whole: bool, sizes: dict[str, int | None] | None
) -> None:
    given: dict[str, Any] = {}

    def rows(*arguments: object, **more: object) -> list[object]:
        given.update(more, dockerfiles=arguments[2])
        return []

    monkeypatch.setattr(labeller, "rows", rows)
    metadata = ProjectMetadata("a/b", None, (), None)
    found: Mapping[str, bytes] = {"Dockerfile": b"FROM a\n"}
    assert list(labeller.rows_of_files("x/a/b", metadata, found, FILES, whole=whole)) == []
    assert given["sizes"] == sizes
    assert given["texts"] == {"README.md": "# A model \ufffd\n", "model/train.py": "pass\n"}
    assert [len(reading.stages) for reading in given["dockerfiles"].values()] == [1]
