"""Which paths the patterns of a ``.dockerignore`` exclude."""

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
        ("**/a", "a", True),
        ("**/a", "x/y/a", True),
        ("**/a", ".aa", False),
        ("x/**/a", "x/ba", False),
        ("**/?", "b..", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].txt", "a.txt", True),
        ("[ab].txt", "c.txt", False),
        ("[ab].txt", "a].txt", False),
        ("x.y", "xzy", False),
        ("**", "a/b", True),
        ("a/**/c", "a/c", True),
        ("a/**/c", "a/b/b/c/d", True),
        ("a/**/c", "abc", False),
        ("a**c", "ab/c", True),
        ("*a*b", "xaxb", True),
        ("*a*b", "xa/b", False),
        ("**/a*b/**/c?", "x/y/ab/z/cd", True),
        ("**/a*b/**/c?", "x/y/ab/z/c", False),
        ("[^a]b", "cb", True),
        ("[", "[", False),
        ("]b", "]b/c", True),
        ("**/" * 40 + "x", "a/" * 200 + "y", False),
        ("*a" * 300, "a" * 900 + "b", False),
        ("a" * 1_001, "a" * 1_001, False),
    ],
)
def test_a_pattern_excludes(pattern: str, path: str, excluded: bool) -> None:
    assert IgnoredPaths(pattern + "\n").excludes(path) is excluded


def test_many_patterns_and_paths_end_without_an_answer() -> None:
    ignored = IgnoredPaths("b*\n" + "".join(f"**/*a*{n}*\n" for n in range(1_000)))
    answers = [ignored.excludes("b" * 100) for _ in range(20)]
    assert answers[0]
    assert not answers[-1]


def test_what_stands_after_the_patterns_that_are_read_may_be_an_exception() -> None:
    assert not IgnoredPaths("a\n" * 2_000).exceptions
    assert IgnoredPaths("a\n" * 2_001).exceptions
