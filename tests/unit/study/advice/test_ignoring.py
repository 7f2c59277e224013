"""Comments that switch advice off. The cases are in ``ignoring_cases.toml``."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.commands.advise.targets import advice_rules, rule_names
from dockml_dagster.study.advice.ignoring import RuleNames, apply_ignores, read_ignores
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.readings import Reader
from dockml_dagster.warehouse.models import folder
from tests.unit.study.advice.test_rule_examples import advised

CASES = tomllib.loads(Path(__file__).with_name("ignoring_cases.toml").read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    reading = read_dockerfile(case["text"].encode())
    ignored = apply_ignores(tuple(advised(case["text"]).values()), read_ignores(reading), rule_names())
    left = {
        item.rule.recommendation: [place.line for place in item.evidence] for item in ignored.recommendations
    }
    for rule, lines in case["places"].items():
        assert left.get(rule, []) == lines
    assert not set(case.get("absent", [])) & left.keys()
    said = case.get("said", [])
    assert [line for line, _ in ignored.unused] == [line for line, _ in said]
    assert all(part in sentence for (_, sentence), (_, part) in zip(ignored.unused, said, strict=True))


def test_an_alias_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown trigger"):
        RuleNames(advice_rules(), "alias,tool,trigger\nDL1,hadolint,practice:moon\n")


def test_ignores_move_no_number_of_a_study() -> None:
    reader = Reader(
        {
            name: (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8")
            for name in ("base_image_rules", "run_task_commands", "run_tasks", "recommendations")
        }
    )
    plain = "# a\nFROM a:1\n# b\nENV A_KEY=x\nWORKDIR x\nRUN pip install a\nCMD b\n"
    quiet = plain.replace("# a", "# dockml ignore=all x").replace("# b", "# check=skip=all")

    def rows(text: str) -> list[Any]:
        return [(table, {**row, "sha256": ""}) for table, row in reader.rows(text.encode())]

    assert rows(plain) == rows(quiet)


def test_of_many_ignores_of_the_same_lines_the_first_are_obeyed() -> None:
    lines = "".join(f"# dockml ignore=rule{n} because\n" for n in range(60))
    ignores = read_ignores(
        read_dockerfile(f"FROM a\n{lines}RUN b\n# dockml ignore=other because\nRUN c\n".encode())
    )
    assert len(ignores) == 61
    assert [ignore.names[0] for ignore in ignores if ignore.fault] == [f"rule{n}" for n in range(50, 60)]
    assert all("more than 50" in ignore.fault for ignore in ignores if ignore.fault)
