"""Limits, sizes and thresholds have the values that are recorded in ``numbers.toml``.

Here: every named number of the package, and every numeric default of a parameter or field. A number decides what is read
to its end, how long something may take, or what counts as evidence, and few other tests notice a change from 2,000 to
2,001. After a change run ``python tests/conventions/test_numbers.py``. Not here: what happens at a limit.
"""

import ast
import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import dockml_dagster

PACKAGE = Path(dockml_dagster.__file__).parent
NOTED = Path(__file__).with_name("numbers.toml")
_CALLS = {"range": range, "slice": slice, "timedelta": timedelta}
_PARTS = (
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.Tuple,
    ast.Dict,
    ast.Call,
    ast.keyword,
    ast.Load,
)


def _value(node: ast.expr | None, known: Mapping[str, Any]) -> Any:
    """The value of an expression of numbers and ``known`` names; None for any other expression."""
    parts = list(ast.walk(node)) if node else []
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    if (
        not parts
        or not names <= known.keys()
        or not all(isinstance(part, (*_PARTS, ast.Name)) for part in parts)
    ):
        return None
    return _plain(eval(compile(ast.Expression(node), "", "eval"), {}, dict(known)))


def _plain(value: Any) -> Any:
    """The value in TOML's types; None if it is not made of numbers."""
    if type(value) in {int, float}:
        return value
    if type(value) in {range, slice, timedelta}:
        return repr(value)
    if type(value) is tuple:
        numbers = [_plain(item) for item in value]
        return numbers if numbers and None not in numbers else None
    if type(value) is dict:
        named = {str(name): _plain(item) for name, item in value.items()}
        return named if named and None not in named.values() else None
    return None


def _named(node: ast.AST, known: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names of a module or fields of a class, with their values."""
    for statement in ast.iter_child_nodes(node):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name) and (value := _value(statement.value, known)) is not None:
                if not prefix and type(value) in {int, float}:
                    known[target.id] = value
                yield prefix + target.id, value
        elif isinstance(statement, ast.ClassDef):
            yield from _named(statement, known, f"{prefix}{statement.name}.")
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            given = statement.args
            ordered = [*given.posonlyargs, *given.args][::-1]
            pairs = [
                *zip(ordered, given.defaults[::-1], strict=False),
                *zip(given.kwonlyargs, given.kw_defaults, strict=True),
            ]
            for parameter, default in pairs:
                if (value := _value(default, known)) is not None:
                    yield f"{prefix}{statement.name}.{parameter.arg}", value


def numbers() -> dict[str, dict[str, Any]]:
    """Module → name → value."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "projects" not in path.parts:
            name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            found[name] = dict(_named(ast.parse(path.read_text(encoding="utf-8")), dict(_CALLS)))
    return {name: values for name, values in found.items() if values}


FOUND = numbers()
WRITTEN = tomllib.loads(NOTED.read_text(encoding="utf-8")) if NOTED.exists() else {}


@pytest.mark.parametrize("module", sorted(FOUND.keys() | WRITTEN.keys()))
def test_numbers(module: str) -> None:
    assert FOUND.get(module) == WRITTEN.get(module), (
        "is it meant? then: python tests/conventions/test_numbers.py"
    )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_text(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return (
        f"{value:_}"
        if isinstance(value, int)
        else json.dumps(value)
        if isinstance(value, str)
        else repr(value)
    )


if __name__ == "__main__":
    text = "# What test_numbers.py compares with the code, and writes.\n"
    for module, values in FOUND.items():
        text += f'\n["{module}"]\n'
        text += "".join(
            f"{json.dumps(key) if '.' in key else key} = {_text(value)}\n" for key, value in values.items()
        )
    NOTED.write_text(text, encoding="utf-8")
