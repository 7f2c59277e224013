"""Text as people read it: sizes, and others' text made harmless."""

import pytest

from dockml_dagster.text import counted, printable, size_text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1024, "1.02 kB"),
        (10326, "10.3 kB"),
        (123_456_789, "123 MB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (999_700, "1 MB"),
        (1_207_243_694, "1.21 GB"),
        (1_087_392_866_802, "1.09 TB"),
        (2_500 * 10**15, "2,500 PB"),
        (-1500, "-1.5 kB"),
        (0.4, "0.4 B"),
    ],
)
def test_size(count: float, text: str) -> None:
    assert size_text(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1_000, "1,000 files")]
)
def test_a_count_has_its_noun_in_the_right_number(count: int, text: str) -> None:
    assert counted(count, "file") == text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain – ümlaut 漢字", "plain – ümlaut 漢字"),
        ("two\nlines\tand\ra return", "two lines and a return"),
        ("\x1b]0;title\x07\x1b[31mred", "\ufffd]0;title\ufffd\ufffd[31mred"),
        ("\u202etxt.exe", "\ufffdtxt.exe"),
        ("\u2066a\u2069", "\ufffda\ufffd"),
        ("name\udcff", "name\ufffd"),
        ("no\u00a0break\u2028line", "no break line"),
        ("", ""),
    ],
)
def test_what_does_not_print_is_replaced(given: str, shown: str) -> None:
    assert printable(given) == shown
    printable(given).encode()
