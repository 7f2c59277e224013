"""Ignore lists with exceptions."""

import pytest

from dockml_dagster.study.rebuilds.ignore_list import IgnoreList


def test_a_pattern_that_is_longer_than_any_path_matches_nothing() -> None:
    assert IgnoreList("?" * 4_096).excludes("a" * 4_096)
    assert not IgnoreList("?" * 4_097).excludes("a" * 4_097)


@pytest.mark.parametrize(
    ("text", "path", "excluded"),
    [
        ("d\n!d/keep", "d/keep", False),
        ("d\n!d/keep", "d/a", True),
        ("!d/keep\nd", "d/keep", True),
        ("*\n!d/**\nd/x", "d/x/y", True),
        ("*\n!d/**\nd/x", "d/z/y", False),
        ("# d\n\n  e  \n", "d", False),
        ("# d\n\n  e  \n", "e", True),
        ("/d/", "d/a", True),
        ("./d/../e", "e/a", True),
    ],
)
def test_the_last_pattern_that_matches_decides(text: str, path: str, excluded: bool) -> None:
    assert IgnoreList(text).excludes(path) is excluded
