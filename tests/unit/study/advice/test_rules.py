"""The seed of recommendations and the code agree: removable content and facts have a rule, and rules have a trigger."""

import csv
import re
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.study.advice.model import Rules, parse_recommendation_rules
from dockml_dagster.study.layer.content import parse_rules

ROOT = Path(dockml_dagster.__file__).parents[1]
SEEDS = ROOT / "dbt_like_sql" / "seeds"
TEXT = (SEEDS / "recommendations.csv").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rules() -> Rules:
    return parse_recommendation_rules(TEXT)


def triggers(rules: Rules, kind: str) -> set[str]:
    return {trigger.removeprefix(kind) for trigger in rules.by_trigger if trigger.startswith(kind)}


def test_everything_removable_leads_to_one_recommendation(rules: Rules) -> None:
    content = parse_rules((SEEDS / "layer_content_rules.csv").read_text(encoding="utf-8"))
    asked = triggers(rules, "content:")
    assert asked <= {rule.rule for rule in content}
    assert {rule.rule for rule in content if rule.removable} <= asked


def test_facts_are_those_that_the_code_finds(rules: Rules) -> None:
    folder = ROOT / "dockml_dagster" / "study" / "advice"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    found = {
        *re.findall(r'"fact:([a-z-]+)"', text),
        *re.findall(r'FileFact\("([a-z-]+)"', text),
        "no-image-scan",
    }
    assert triggers(rules, "fact:") == found


def test_what_hides_files_is_known(rules: Rules) -> None:
    assert triggers(rules, "hidden:") == {"whiteout", "opaque", "replaced"}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("severity", "fatal", "unknown severity"),
        ("effort", "huge", "unknown severity, effort"),
        ("triggers", "moon:full", "unknown trigger"),
        ("triggers", "content:pip_cache", "triggers two"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(column: str, value: str, reason: str) -> None:
    rows = list(csv.DictReader(TEXT.splitlines()))
    rows[0][column] = value
    lines = [",".join(rows[0])]
    lines += [",".join('"' + cell.replace('"', '""') + '"' for cell in row.values()) for row in rows]
    with pytest.raises(ValueError, match=reason):
        parse_recommendation_rules("\n".join(lines))
