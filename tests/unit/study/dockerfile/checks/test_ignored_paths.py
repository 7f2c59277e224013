"""Patterns of a .dockerignore against paths."""

import pytest

from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths


@pytest.mark.parametrize(
    ("pattern", "path", "excluded"),
    [
        ("data", "data/a/b", True),
        ("data", "other/data", False),
        ("*.csv", "a.csv", True),
        ("*.csv", "a/b.csv", False),
        ("**/*.csv", "a/b.csv", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].txt", "a.txt", True),
        ("[ab].txt", "c.txt", False),
        ("[ab].txt", "a].txt", False),
        ("x.y", "xzy", False),
    ],
)
def test_a_pattern_excludes(pattern: str, path: str, excluded: bool) -> None:
    assert IgnoredPaths(pattern + "\n").excludes(path) is excluded
