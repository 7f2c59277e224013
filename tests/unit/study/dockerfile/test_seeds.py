"""The seed that explains kinds of differences agrees with the code."""

import csv
from pathlib import Path

from dockml_dagster.study.dockerfile.as_published.difference import KINDS
from dockml_dagster.warehouse.models import folder


def rows(seed: str) -> list[dict[str, str]]:
    path: Path = folder() / "seeds" / f"{seed}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_kinds_of_difference() -> None:
    found = {row["kind"]: row["meaning"] for row in rows("reading_difference_kinds")}
    assert found.pop("any")
    assert found == KINDS
