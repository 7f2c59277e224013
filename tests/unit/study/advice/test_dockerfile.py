"""Advice on a Dockerfile beyond its practices. The cases are in ``dockerfile_cases.toml``."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

import dockml_dagster
from dockml_dagster.study.advice.dockerfile import advise_dockerfile
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.dockerfile.base_images import parse_base_image_rules
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.run.tasks import parse_task_rules

SEEDS = Path(dockml_dagster.__file__).parents[1] / "dbt_like_sql" / "seeds"
CASES = tomllib.loads(Path(__file__).with_name("dockerfile_cases.toml").read_text(encoding="utf-8"))["case"]


def seed(name: str) -> str:
    return (SEEDS / f"{name}.csv").read_text(encoding="utf-8")


RULES = parse_recommendation_rules(seed("recommendations"))
BASE_RULES = parse_base_image_rules(seed("base_image_rules"))
TASK_RULES = parse_task_rules(seed("run_task_commands"), seed("run_tasks"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    reading = read_dockerfile(case["text"].encode())
    steps = read_steps(reading)
    practices = judge_practices(reading, base_rules=BASE_RULES, steps=steps)
    advised = advise_dockerfile(
        "Dockerfile", reading, practices, steps, RULES, base_rules=BASE_RULES, task_rules=TASK_RULES
    )
    found = {item.rule.recommendation: item for item in advised}
    assert len(found) == len(advised)
    if case.get("absent"):
        assert case["recommendation"] not in found
    else:
        places = [f"{place.line} {place.what}" for place in found[case["recommendation"]].evidence]
        assert places == case["places"]
        assert found[case["recommendation"]].saves_bytes is None
