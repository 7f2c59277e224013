"""Every folder in ``cases/reading`` is a case: ``Dockerfile`` (bytes) and ``expect.json``.

``document`` is part of the result of ``to_document``, ``published`` of the study's reading, ``difference`` of
their comparison. Expectations follow BuildKit's parser. A new case needs no Python.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.commands.read_dockerfile.document import to_document
from dockml_dagster.study.dockerfile.as_published.difference import compare
from dockml_dagster.study.dockerfile.as_published.reading import read_as_published
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.shell.scripts import read_runs, unaccounted

CASES = sorted((Path(__file__).parent / "cases" / "reading").iterdir())


def mismatches(expected: Any, actual: Any, where: str = "") -> list[str]:
    """Where ``actual`` does not contain ``expected``; lists must have the same length."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{where}: no object but {actual!r}"]
        return [
            problem
            for name, value in expected.items()
            for problem in (
                mismatches(value, actual[name], f"{where}.{name}")
                if name in actual
                else [f"{where}.{name} is missing"]
            )
        ]
    if isinstance(expected, list):
        if not isinstance(actual, list | tuple) or len(actual) != len(expected):
            return [f"{where}: {expected!r} expected, not {actual!r}"]
        return [
            problem
            for at, (one, other) in enumerate(zip(expected, actual, strict=True))
            for problem in mismatches(one, other, f"{where}[{at}]")
        ]
    return [] if expected == actual else [f"{where}: {expected!r} expected, not {actual!r}"]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Path) -> None:
    data = (case / "Dockerfile").read_bytes()
    expected = json.loads((case / "expect.json").read_text(encoding="utf-8"))
    reading, published = read_dockerfile(data), read_as_published(data)
    document = json.loads(json.dumps(to_document("Dockerfile", reading)))
    assert mismatches(expected.get("document", {}), document) == []
    study = asdict(published) | {"keywords": published.keywords}
    assert mismatches(expected.get("published", {}), study) == []
    assert mismatches(expected.get("difference", {}), asdict(compare(reading, published))) == []
    assert [unaccounted(run.script) for run in read_runs(reading) if unaccounted(run.script)] == []


def test_the_matcher_sees_a_difference() -> None:
    assert mismatches({"a": [{"b": 1}]}, {"a": [{"b": 2}], "c": 3}) == [".a[0].b: 1 expected, not 2"]
    assert mismatches({"a": [1]}, {"a": [1, 2]})
    assert mismatches({"a": 1}, {})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("LABEL " + "a=b " * 25, None),
        ("LABEL " + "a=b " * 25 + "c=d", "too long to split into words"),
        ("RUN " + "cat " * 25 + " <<E", "too long to look for here-documents"),
    ],
)
def test_a_longer_line_is_not_split_into_words(
    line: str, problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("instructions", "logical_lines"):
        monkeypatch.setattr(f"dockml_dagster.study.dockerfile.reading.{name}.MAX_LEXED", 100)
    problems = [one.message for one in read_dockerfile(f"FROM a\n{line}\nE\n".encode()).problems]
    assert [text for text in problems if text.startswith("too long")][:1] == ([problem] if problem else [])
