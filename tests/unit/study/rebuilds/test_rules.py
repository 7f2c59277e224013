"""BuildKit's cache rules, one case for each rule: ``rules.toml``."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.study.rebuilds.repository import Repository, shown

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("rules.toml").read_text(encoding="utf-8")
)["case"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_rule(case: dict[str, Any]) -> None:
    repository = Repository()
    first = repository.commit({"Dockerfile": case["before"], **case.get("files", {})})
    assert [file.first for file in first] == [True]
    dockerfile = {"Dockerfile": case["after"]} if "after" in case else {}
    assert shown(repository.commit({**dockerfile, **case.get("then", {})})) == case["misses"]
