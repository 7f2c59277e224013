"""The readers of JSON and TOML: their results up to their caps, and their refusals beyond."""

import pytest

from dockml_dagster.study.formats import json, toml
from dockml_dagster.study.formats.errors import RefusedTextError


def _nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": [1, "x"]}', {"a": [1, "x"]}), (b"3", 3), (b'"' + b"[" * 500 + b'"', "[" * 500)],
)  # fmt: skip
def test_json_is_read(body, value):
    assert json.load(body, 1000) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}" * 600, "more than the 1000"), (_nested(65).encode(), "nested too deeply"), (b"[", "no JSON"),
        (b"\xff", "no JSON"),
        (b"NaN", "no JSON"), (b"1" * 900 + b"x", "no JSON"), (b'{"a": Infinity}', "no JSON"),
    ],
)  # fmt: skip
def test_json_is_refused(body, reason):
    with pytest.raises(RefusedTextError, match=reason) as refused:
        json.load(body, 1000)
    assert "\n" not in str(refused.value)
    assert json.load_or_none(body, 1000) is None


def test_json_at_its_bounds():
    assert json.load(_nested(json.MAX_DEPTH), 1000)
    assert len(json.load("[" + "1," * (json.MAX_NODES - 2) + "1]", 1 << 22)) == json.MAX_NODES - 1
    with pytest.raises(RefusedTextError, match="values"):
        json.load("[" + "1," * json.MAX_NODES + "1]", 1 << 22)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a = "x"\n[b]\nc = [1, {d = 2}]\n', {"a": "x", "b": {"c": [1, {"d": 2}]}}),
        ('a = "' + "[" * 500 + '"\n', {"a": "[" * 500}),
        ("a = '''" + "[\n" * 100 + "'''\n", {"a": "[\n" * 100}),
        ("# " + "[" * 500 + "\na = 1\n", {"a": 1}),
    ],
)
def test_toml_is_read(text, value):
    assert toml.load(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = " + _nested(toml.MAX_DEPTH + 1), "nested deeper"),
        ("a = " + "{b=" * 100 + "1" + "}" * 100, "nested deeper"),
        (".".join(["a"] * (toml.MAX_PARTS + 1)) + " = 1\n", "a key of more than"),
        ("[" + " . ".join(['"a"'] * (toml.MAX_PARTS + 1)) + "]\n", "a key of more than"),
        ("#" * (toml.MAX_BYTES + 1), "longer than"),
        ("a = \n", "no TOML"),
        ("a = " + "1" * 5000 + "\n", "no TOML"),
        ("a = 1\na = 2\n", "no TOML"),
    ],
)
def test_toml_is_refused(text, reason):
    with pytest.raises(RefusedTextError, match=reason) as refused:
        toml.load(text)
    assert "\n" not in str(refused.value)


def test_toml_at_its_bounds():
    assert toml.load("a = " + _nested(toml.MAX_DEPTH))
    assert toml.load(".".join(["a"] * toml.MAX_PARTS) + " = 1\n")
