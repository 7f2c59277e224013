"""Path patterns: what they match, and that no pattern takes long."""

import pytest

from dockml_dagster.study.rebuilds.ignore_list import IgnoreList
from dockml_dagster.study.rebuilds.path_patterns import glob_expression


@pytest.mark.parametrize(
    ("pattern", "path", "ignored", "copied"),
    [
        ("**/*.csv", "a/b.csv", True, True),
        ("**/*.csv", "b.csv", True, False),
        ("**/*.csv", "a/b/c.csv", True, False),
        ("a/**", "a/b/c", True, False),
        ("a/**/c", "a/c", True, False),
        ("a/**/c", "a/x/y/c", True, False),
        ("a**b", "ax/yb", False, False),
        ("*", "a/b", True, False),
        ("a*b*c", "aXbbXc", True, True),
        ("*.a.b", "x.a.a.b", True, True),
        ("**/a*b", "aXa/aab", True, True),
        ("[^a]x", "bx", True, True),
        ("[^a]x", "ax", False, False),
        ("[a-c]", "b", True, True),
        (r"\*x", "*x", True, True),
        (r"\*x", "ax", False, False),
        ("[", "[", False, True),
        ("a.b", "axb", False, False),
        ("a?c", "a/c", False, False),
    ],
)
def test_a_pattern(pattern: str, path: str, ignored: bool, copied: bool) -> None:
    assert IgnoreList(pattern).excludes(path) is ignored
    assert (glob_expression(pattern).fullmatch(path) is not None) is copied


def test_a_source_that_is_longer_than_any_path_is_its_text() -> None:
    # As a pattern it takes half a minute.
    longest = "[a" * 32_768
    assert glob_expression(longest).fullmatch(longest) is not None
    assert glob_expression("?" * 4_096).fullmatch("a" * 4_096) is not None


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**a" * 40 + "b", "**/a*" * 20 + "b"])
def test_wildcards_do_not_try_every_division_of_a_path(pattern: str) -> None:
    # With ordinary groups this would not end.
    assert not IgnoreList(pattern).excludes("a" * 300)
