"""Advice on Compose files and workflows. A case is a folder of files under ``cases/`` with the advice in ``expect.toml``.

``expect.toml``: ``[[advice]]`` with ``recommendation`` and ``places`` (`path:line what`), in order. A new case needs no
Python.
"""

import tomllib
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.advice.project import advise_project

SEEDS = Path(dockml_dagster.__file__).parents[1] / "dbt_like_sql" / "seeds"
RULES = parse_recommendation_rules((SEEDS / "recommendations.csv").read_text(encoding="utf-8"))
CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/expect.toml"))


def test_there_are_cases() -> None:
    assert CASES


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path) -> None:
    files = {
        path.relative_to(case).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(case.rglob("*"))
        if path.is_file() and path.name != "expect.toml"
    }
    expected = tomllib.loads((case / "expect.toml").read_text(encoding="utf-8")).get("advice", [])
    found = [
        {
            "recommendation": item.rule.recommendation,
            "places": [f"{place.path}:{place.line} {place.what}" for place in item.evidence],
        }
        for item in advise_project("x", files, RULES)
    ]
    assert found == expected


@pytest.mark.parametrize(
    "text", ["", "\0", "services: [", "services:\n  a: &a {build: ., <<: *a}\n", "- " * 5000, "a: 1"]
)
def test_what_is_no_compose_file_says_nothing(text: str) -> None:
    found = advise_project("x", {"compose.yaml": text}, RULES)
    assert [item.rule.recommendation for item in found] in ([], ["read-only-root"])
