"""BuildKit's cache rules, one case a rule: ``rules.toml``."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.study.rebuilds.history import RebuildHistory
from dockml_dagster.study.rebuilds.model import Change, Entry, FileRebuild

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("rules.toml").read_text(encoding="utf-8")
)["case"]


class Repository:
    """Commits of texts by path; a path that ends in ``+x`` is executable, an empty text is a file that is gone."""

    def __init__(self, **options: Any) -> None:
        self.blobs: dict[str, bytes] = {}
        self.history = RebuildHistory(self.blobs.get, {}, **options)

    def commit(self, files: dict[str, str]) -> list[FileRebuild]:
        changes = []
        for path, text in files.items():
            self.blobs[text] = text.encode()
            mode = "100755" if path.endswith("+x") else "100644"
            changes.append(Change(path.removesuffix("+x"), Entry(mode, text) if text else None))
        return self.history.commit(changes)


def shown(rebuilt: list[FileRebuild]) -> list[str]:
    return [f"{miss.keyword} {', '.join(miss.causes)}" for file in rebuilt for miss in file.misses]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_rule(case: dict[str, Any]) -> None:
    repository = Repository()
    first = repository.commit({"Dockerfile": case["before"], **case.get("files", {})})
    assert [file.first for file in first] == [True]
    dockerfile = {"Dockerfile": case["after"]} if "after" in case else {}
    assert shown(repository.commit({**dockerfile, **case.get("then", {})})) == case["misses"]
