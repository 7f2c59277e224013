"""Both matchers of a ``.dockerignore`` compared with moby/patternmatcher."""

import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths
from dockml_dagster.study.rebuilds.ignore_list import IgnoreList

CASES = tomllib.loads(Path(__file__).with_name("ignore_pattern_cases.toml").read_text(encoding="utf-8"))[
    "cases"
]


@pytest.mark.parametrize("matcher", [IgnoredPaths, IgnoreList])
@pytest.mark.parametrize(("text", "path", "excluded"), CASES)
def test_a_path_is_excluded_as_moby_does(
    matcher: type[IgnoredPaths | IgnoreList], text: str, path: str, excluded: bool
) -> None:
    assert matcher(text).excludes(path) is excluded
