"""The examples of every rule: the bad one triggers the rule, the good one does not, and a fix removes only that advice."""

import pytest

from dockml_dagster.commands.advise.targets import advice_rules
from dockml_dagster.commands.read_dockerfile.read import reading_rules
from dockml_dagster.study.advice.dockerfile import advise_dockerfile
from dockml_dagster.study.advice.fixes import FIXES, fix_dockerfile
from dockml_dagster.study.advice.model import Recommendation, Rule
from dockml_dagster.study.dockerfile.checks import CheckOptions
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps

BASE_RULES, TASK_RULES = reading_rules()
SHOWN = [rule for rule in advice_rules().all if rule.bad]


def advised(text: str) -> dict[str, Recommendation]:
    reading = read_dockerfile(text.encode())
    assert reading.valid, reading.reason
    steps = read_steps(reading)
    found = advise_dockerfile(
        "Dockerfile",
        reading,
        judge_practices(reading, base_rules=BASE_RULES, steps=steps),
        steps,
        advice_rules(),
        base_rules=BASE_RULES,
        task_rules=TASK_RULES,
        experimental=CheckOptions(experimental_all=True),
    )
    return {item.rule.recommendation: item for item in found}


DIGESTS = {
    ("docker.io", "library/python", "3.12-slim"): f"sha256:{'0' * 64}",
    ("ghcr.io", "astral-sh/uv", "latest"): f"sha256:{'1' * 64}",
}


def by_name(rule: Rule) -> str:
    return rule.recommendation


@pytest.mark.parametrize("rule", SHOWN, ids=by_name)
def test_the_bad_example_asks_for_it_and_the_good_one_does_not(rule: Rule) -> None:
    assert rule.recommendation in advised(rule.bad)
    assert rule.recommendation not in advised(rule.good)


@pytest.mark.parametrize("rule", [rule for rule in SHOWN if rule.fix], ids=by_name)
def test_the_fix_takes_it_away_and_twice_is_once(rule: Rule) -> None:
    assert rule.fix_note
    wanted = {
        rule.recommendation: {
            place.line for place in advised(rule.bad)[rule.recommendation].evidence if place.line
        }
    }
    fixed = fix_dockerfile(rule.bad.encode(), wanted, DIGESTS)
    assert fixed.applied
    assert rule.recommendation not in advised(fixed.data.decode())
    assert fix_dockerfile(fixed.data, wanted, DIGESTS).data == fixed.data


def test_every_fix_has_a_rule_and_every_rule_with_a_fix_has_one() -> None:
    assert {rule.recommendation for rule in advice_rules().all if rule.fix} == set(FIXES)
