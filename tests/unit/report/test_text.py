"""Numbers as people read them, and others' text made harmless.

Here: single values. Whole pages are in ``tests/integration/report``.
"""

import pytest

from dockml_dagster.report.text import (
    cell,
    count,
    count_text,
    counted,
    decimal_text,
    leading,
    listed,
    or_none,
    percent,
    percent_text,
    say,
    size,
    words,
)


@pytest.mark.parametrize(
    ("setter", "value", "text"),
    [
        (count_text, 30138, "30,138"),
        (count_text, 143.5, "143.5"),
        (count_text, -1, "−1"),
        (count_text, 0, "0"),
        (percent_text, 0.4187, "41.9"),
        (percent_text, 0.0, "0.0"),
        (percent_text, 1, "100.0"),
        (percent_text, 0.0625, "6.3"),
        (decimal_text, 1.17407, "1.17"),
        (decimal_text, 1234.5, "1,234.5"),
        (decimal_text, 1000.5, "1,000.5"),
        (decimal_text, 192.5, "192.5"),
        (decimal_text, 999.75, "999.8"),
        (decimal_text, 999.25, "999.3"),
        (decimal_text, -123.45, "-123.5"),
        (decimal_text, 0.00044, "0.00044"),
    ],
)
def test_number(setter, value, text):
    assert setter(value) == text


@pytest.mark.parametrize("setter", [count, percent, size])
def test_unknown_is_never_zero(setter):
    assert setter(None).markup == "–"


def test_a_number_carries_its_exact_value():
    assert percent(1 / 3).markup == '<data value="0.33333333333333331">33.3&nbsp;%</data>'


def test_others_text_is_escaped_and_ours_is_not():
    said = say("<b>{name}</b> {share}", name='<img src="x" onerror=a()>{share}', share=percent(0.5))
    assert said.markup.startswith("<b>&lt;img src=&quot;x&quot; onerror=a()&gt;{share}</b> <data")
    assert words(said) == '<img src="x" onerror=a()>{share} 50.0 %'


def test_control_characters_are_replaced():
    assert cell("a\u202eb\x1b[2Jc\x00") == "a\ufffdb\ufffd[2Jc\ufffd"


def test_a_ranking_may_be_led_by_several():
    rows = [{"n": 3, "name": "a"}, {"n": 2, "name": "b"}, {"n": 3, "name": "c"}]
    assert leading(rows, "n", "name") == ["a", "c"]
    assert leading(rows[:2], "n", "name") == ["a"]
    assert leading([], "n", "name") == []


@pytest.mark.parametrize(
    ("names", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_in_words(names, said):
    assert listed(names) == said


@pytest.mark.parametrize(("number", "said"), [(0, "none"), (1, "1"), (1200, "1,200"), (None, "–")])
def test_no_things_are_none(number, said):
    assert words(or_none(number)) == said


def test_spaces_in_numbers_break_where_asked_alone():
    assert words(percent(0.5)) == "50.0 %"
    assert words(percent(0.5), unbroken=True) == "50.0\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "repository", "1 repository"),
        (407, "repository", "407 repositories"),
        (2, "day", "2 days"),
        (3, "layer", "3 layers"),
    ],
)
def test_nouns_have_their_plural(number, noun, said):
    assert words(counted(number, noun)) == said
