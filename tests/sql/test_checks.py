"""Every check of ``checks/`` on tables that break it: ``checks.<name>/<case>/``, as ``test_cases`` has them for models.

``expect.yaml`` has ``failing``: how many rows the check returns. Every check has a case with none and one with some.
"""

from pathlib import Path

import duckdb
import pytest
import yaml

from dockml_dagster.warehouse.models import load
from tests.sql.cases import Types, fill

CASES = sorted(path for path in (Path(__file__).parent / "check_cases").glob("*.yaml"))
CHECKS = {check.name: check for check in load().checks}


def test_every_check_has_its_cases() -> None:
    assert {path.stem for path in CASES} == CHECKS.keys()
    for path in CASES:
        numbers = [case["failing"] for case in yaml.safe_load(path.read_text(encoding="utf-8"))]
        assert 0 in numbers and max(numbers) > 0, f"{path.name}: a case that passes and one that does not"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_check(path: Path, types: Types) -> None:
    check = CHECKS[path.stem]
    for case in yaml.safe_load(path.read_text(encoding="utf-8")):
        with duckdb.connect() as connection:
            for table in check.references:
                fill(connection, table, types.columns[table], case.get("given", {}).get(table, ()))
            for statement in case.get("run", ()):
                connection.execute(statement)
            found = connection.execute(check.sql).fetchall()
        assert len(found) == case["failing"], (case, found)
