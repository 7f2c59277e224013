"""What of the rules makes another version of what images hold, and that words and practices make none."""

from collections.abc import Callable

import pytest

from dockml_dagster.corpora.images import versions
from dockml_dagster.study.advice.model import parse_recommendation_rules
from dockml_dagster.study.layer.content import parse_rules
from dockml_dagster.study.packages.families import parse_families
from dockml_dagster.warehouse.models import seed_texts

SEEDS = seed_texts(["layer_content_rules", "recommendations", "package_families"])


def version(content: str, advice: str, families: str = SEEDS["package_families"]) -> str:
    return versions.summary_version(
        parse_rules(content), parse_recommendation_rules(advice), parse_families(families)
    )


def test_the_version_is_of_the_seeds() -> None:
    assert versions.layers_version() == version(SEEDS["layer_content_rules"], SEEDS["recommendations"])


HEADER = SEEDS["recommendations"].splitlines()[0].split(",")
NEW = {
    "recommendation": "no-chown",
    "triggers": "practice:no-chown",
    "severity": "note",
    "min_file_bytes": "0",
}
NEW_ADVICE = (
    ",".join({**NEW, "effort": "low", "confidence": "high"}.get(column, "") for column in HEADER) + "\n"
)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda text: text + NEW_ADVICE, True),
        (lambda text: text.replace("\n", f"\n{NEW_ADVICE}", 1), True),
        (lambda text: text.replace("Remove it in the instruction", "Take it out in the instruction"), True),
        (lambda text: text.replace("hidden:opaque", ""), False),
        (lambda text: text + NEW_ADVICE.replace("practice:no-chown", "content:none_yet"), False),
    ],
)
def test_what_of_advice_counts(change: Callable[[str], str], same: bool) -> None:
    before, after = SEEDS["recommendations"], change(SEEDS["recommendations"])
    assert before != after
    content = SEEDS["layer_content_rules"]
    assert (version(content, before) == version(content, after)) is same


@pytest.mark.parametrize(("column", "counts"), [(0, True), (1, True), (2, True), (3, True), (4, False)])
def test_what_of_a_content_rule_counts(column: int, counts: bool) -> None:
    content, advice = SEEDS["layer_content_rules"], SEEDS["recommendations"]
    row = "another_rule,another_group,*.another,true,Words"
    cells = row.split(",")
    cells[column] = "false" if column == 3 else f"{cells[column]}x"
    before = version(f"{content}{row}\n", advice)
    assert (version(f"{content}{','.join(cells)}\n", advice) != before) is counts


def test_a_family_of_packages_counts() -> None:
    content, advice, families = (
        SEEDS["layer_content_rules"],
        SEEDS["recommendations"],
        SEEDS["package_families"],
    )
    assert version(content, advice, f"{families}x,cuda,pypi,x\n") != version(content, advice, families)
