"""Shell patterns of expansions: what they remove and replace, and exactly how many steps matching may take."""

import pytest

from dockml_dagster.study.dockerfile.reading import patterns
from dockml_dagster.study.dockerfile.reading.patterns import (
    ExpansionError,
    TooLongError,
    pattern_parts,
    substituted,
    trimmed,
)


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("", ()),
        ("a*b", ("a", "*", "b")),
        ("a**b***", ("a", "*", "b", "*")),
        (r"\*\?\\", (r"\*", r"\?", "\\\\")),
        (r"a\}b\/c", ("a", "}", "b", "/", "c")),
    ],
)
def test_a_pattern_taken_apart(pattern: str, parts: tuple[str, ...]) -> None:
    assert pattern_parts(pattern) == parts


@pytest.mark.parametrize("pattern", [r"a\n", "a\\"])
def test_other_escapes_are_refused(pattern: str) -> None:
    with pytest.raises(ExpansionError, match="invalid escape"):
        pattern_parts(pattern)


@pytest.mark.parametrize(
    ("value", "pattern", "operator", "left"),
    [
        ("a/b/c", "*/", "#", "b/c"),
        ("a/b/c", "#*/", "#", "c"),
        ("a/b/c", "/*", "%", "a/b"),
        ("a/b/c", "%/*", "%", "a"),
        ("abc", "x", "#", "abc"),
        ("abc", "x", "%", "abc"),
        ("abc", "", "#", "abc"),
        ("abc", "", "%", "abc"),
        ("abc", "#*", "#", ""),
        ("abc", "?", "#", "bc"),
        ("abc", "??", "%", "a"),
        ("a*c", r"a\*", "#", "c"),
        ("axc", r"a\*", "#", "axc"),
        ("a\nb", "?", "#", "\nb"),
        ("\nb", "?", "#", "\nb"),
        ("a\nb", "#a*", "#", "\nb"),
    ],
)
def test_what_is_cut_off(value: str, pattern: str, operator: str, left: str) -> None:
    assert trimmed(value, pattern, operator) == left


@pytest.mark.parametrize(
    ("value", "pattern", "every", "made"),
    [
        ("a.b.c", ".", False, "a-b.c"),
        ("a.b.c", ".", True, "a-b-c"),
        ("aaa", "a*", True, "-"),
        ("abab", "b?", True, "a-b"),
        ("abc", "x", True, "abc"),
        ("", "x", True, ""),
        ("", "*", True, "-"),
        ("abc", "", False, "-abc"),
        ("ab", "*", False, "-"),
    ],
)
def test_what_is_replaced(value: str, pattern: str, every: bool, made: str) -> None:
    assert substituted(value, pattern_parts(pattern), "-", every) == made


def test_matching_costs_pattern_times_value_and_no_more_than_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    # At each of the places 0 to 4: two parts by what is left of the value and its end.
    whole = sum(2 * left for left in (5, 4, 3, 2, 1))
    monkeypatch.setattr(patterns, "_MAX_MATCHING", whole)
    assert substituted("abcd", ("x", "y"), "-", every=True) == "abcd"
    monkeypatch.setattr(patterns, "_MAX_MATCHING", whole - 1)
    with pytest.raises(TooLongError):
        substituted("abcd", ("x", "y"), "-", every=True)
    monkeypatch.setattr(patterns, "_MAX_MATCHING", 10)
    assert trimmed("abcd", "xy", "#") == "abcd"
    monkeypatch.setattr(patterns, "_MAX_MATCHING", 9)
    with pytest.raises(TooLongError):
        trimmed("abcd", "xy", "#")
