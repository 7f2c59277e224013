"""Every fuzzed parser is called as in production: a wrong call would look like refused input.

Here: whether each parser reads one of its shapes. Not here: fuzzing (``tests/fuzz``).
"""

import runpy
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz"


@pytest.fixture(scope="module")
def parsers(monkeypatch_module: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch_module.syspath_prepend(str(FUZZ))
    found: dict[str, Any] = runpy.run_path(str(FUZZ / "parsers.py"))["PARSERS"]
    return found


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_each_reads_one_of_its_shapes(parsers: dict[str, Any]) -> None:
    refusing = {}
    for name, parser in parsers.items():
        for make in parser.shapes.values():
            try:
                parser.read(make(1500))
            except Exception as error:
                refusing[name] = f"{type(error).__name__}: {error}"
            else:
                refusing.pop(name, None)
                break
    assert refusing == {}
