"""The reader of YAML: its results, and its refusals before a text becomes expensive."""

import pytest

from dockml_dagster.study.formats.errors import RefusedTextError
from dockml_dagster.study.formats.yaml import MAX_BYTES, MAX_DEPTH, MAX_NODES, Text, load, load_or_none


def test_texts_know_their_lines():
    read = load("a: 1\nb:\n  - true\n  - |\n    x\n    y\n")
    assert read == {"a": "1", "b": ["true", "x\ny\n"]}
    block = read["b"][1]
    assert (block.line, block.block, read["b"][0].line) == (4, True, 3)
    assert [key.line for key in read] == [1, 2]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", None),
        ("---\na: 1\n---\nb: 2\n", {"a": "1"}),
        ("a: &x {k: 1}\nb: *x\n", {"a": {"k": "1"}, "b": {"k": "1"}}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: own}\n", {"a": {"k": "1", "l": "2"}, "b": {"k": "own", "l": "2"}}),
        ("a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}\n", "c of the first"),
        ("? [a, b]\n: 1\nc: 2\n", {"c": "2"}),
        ("a: 1\nb: 2\na: 3\n", {"b": "2", "a": "3"}),
        ("<<: scalar\na: 1\n", {"a": "1"}),
        ("!!python/object/apply:os.system [id]\n", ["id"]),
    ],
)  # fmt: skip
def test_what_a_document_says(text, read):
    found = load(text)
    if read == "c of the first":
        assert found["c"] == {"k": "1", "l": "3"}
    else:
        assert found == read


def test_of_a_key_given_twice_the_last_is_meant_with_its_line():
    assert [(key, key.line) for key in load("a: 1\nb: 2\na: 3\n")] == [("b", 2), ("a", 3)]


_LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
_MERGES = "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: *a{n - 1}}}\n" for n in range(1, 30))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("jobs: &j\n  a: *j\n", "an alias of what it is in", id="recursive mapping"),
        pytest.param("build: &b\n  - *b\n", "an alias of what it is in", id="recursive sequence"),
        pytest.param("a: &a {<<: *a}\n", "an alias of what it is in", id="recursive merge"),
        pytest.param("a: *b\n", "an alias of nothing", id="unknown alias"),
        pytest.param("a0: &a0 x\n" + _LAUGHS, f"more than {MAX_NODES} nodes", id="billion laughs"),
        pytest.param("a0: &a0 {x: 1}\n" + _MERGES, f"more than {MAX_NODES} nodes", id="merge bomb"),
        pytest.param("[" * 10_000, f"deeper than {MAX_DEPTH}", id="deep flow"),
        pytest.param("- " * 10_000, f"deeper than {MAX_DEPTH}", id="deep dashes"),
        pytest.param(
            "".join(" " * n + "a:\n" for n in range(500)), f"deeper than {MAX_DEPTH}", id="deep indents"
        ),
        pytest.param("? " * 10_000, f"deeper than {MAX_DEPTH}", id="deep keys"),
        pytest.param("- a\n" * (MAX_NODES + 1), f"more than {MAX_NODES} nodes", id="many nodes"),
        pytest.param("a" * (MAX_BYTES + 1), f"longer than {MAX_BYTES}", id="long"),
        pytest.param("a: [\n", "no YAML", id="unclosed"),
        pytest.param("a: \x1b[31m\n", "no YAML", id="control character"),
        pytest.param("a: \ud800\n", "no YAML", id="lone surrogate"),
    ],
)
def test_what_is_refused_says_why_in_one_line(text, reason):
    with pytest.raises(RefusedTextError, match=reason) as refused:
        load(text)
    assert "\n" not in str(refused.value)
    assert load_or_none(text) is None


def test_at_the_bounds_it_is_read():
    assert len(load("- a\n" * (MAX_NODES - 1))) == MAX_NODES - 1
    nested = load("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        (nested,) = nested
    assert nested == []


def test_what_is_merged_many_times_is_merged_once():
    many = ", ".join(f"k{number}: 1" for number in range(1000))
    read = load(f"x: &x {{{many}}}\nservices: {{<<: [{', '.join(['*x'] * 5000)}], image: a}}\n")
    assert len(read["services"]) == 1001
    assert all(isinstance(key, Text) for key in read["services"])


def test_an_alias_counts_as_often_as_it_is_named():
    """So that a walk over the result meets no more nodes than the cap."""
    item = "x: &x [" + "a, " * 999 + "a]\n"
    names = MAX_NODES // 1001 - 1
    load(item + "y: [" + ", ".join(["*x"] * names) + "]\n")
    with pytest.raises(RefusedTextError):
        load(item + "y: [" + ", ".join(["*x"] * (names + 2)) + "]\n")
