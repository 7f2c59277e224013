"""Tables of cases in ``cases/*.json``, one row for each case. A new case needs no Python."""

import json
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.study.dockerfile.base_images import classify_base_image, parse_base_image_rules
from dockml_dagster.study.dockerfile.checks import CHECKS, run_checks
from dockml_dagster.study.dockerfile.checks.checking import BuildContext
from dockml_dagster.study.dockerfile.checks.ignored_paths import IgnoredPaths
from dockml_dagster.study.dockerfile.model import Missing
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.dockerfile.practices import PRACTICES, judge_practices
from dockml_dagster.study.dockerfile.reading.base_reference import known_parts, split_reference
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.reading.scopes import History
from dockml_dagster.study.dockerfile.reading.variables import expand
from dockml_dagster.study.dockerfile.run.packages import installation
from dockml_dagster.study.dockerfile.run.tasks import classify_program, parse_task_rules
from dockml_dagster.study.dockerfile.shell.programs import program_of
from dockml_dagster.study.dockerfile.shell.scripts import read_script, unaccounted

HERE = Path(__file__).parent
SEEDS = next(
    folder / "dbt_like_sql" / "seeds"
    for folder in HERE.parents
    if (folder / "dbt_like_sql" / "seeds").is_dir()
)
TASK_RULES = parse_task_rules(
    (SEEDS / "run_task_commands.csv").read_text("utf-8"), (SEEDS / "run_tasks.csv").read_text("utf-8")
)
BASE_RULES = parse_base_image_rules((SEEDS / "base_image_rules.csv").read_text("utf-8"))


def table(name: str) -> Any:
    rows = json.loads((HERE / "cases" / name).read_text("utf-8"))
    label = ["check", "word", "run", "command", "reference", "partial", "image", "path", "practice"]
    ids = [f"{at}-{next(str(row[key]) for key in label if key in row)[:40]}" for at, row in enumerate(rows)]
    return pytest.mark.parametrize("row", rows, ids=ids)


@table("expansion.json")
def test_expansion(row: dict[str, Any]) -> None:
    history = History(row["scope"])
    for name, value in row["variables"].items():
        history.bind(name, value)
    result = expand(row["word"], history.now(), row.get("escape", "\\"))
    assert [missing.name for missing in result.missing] == row.get("missing", [])
    assert (result.error is not None) == row.get("error", False)
    assert result.text == row.get("text")
    assert list(result.assumed_unset) == row.get("assumed_unset", [])


@table("shell.json")
def test_shell(row: dict[str, Any]) -> None:
    script = read_script(row["run"], "sh")
    assert script.parse_error == row.get("parse_error", False)
    assert unaccounted(script) == ()
    assert len(script.commands) == len(row["commands"]), script.commands
    for command, expected in zip(script.commands, row["commands"], strict=True):
        assert list(command.words) == expected["words"]
        for name in expected.keys() - {"words"}:
            actual = getattr(command, name)
            assert (list(actual) if isinstance(actual, tuple) else actual) == expected[name], name


@table("packages.json")
def test_packages(row: dict[str, Any]) -> None:
    command = read_script(row["command"], "sh").commands[0]
    found = installation(program_of(command, row.get("scope", {})))
    if row["manager"] is None:
        assert found is None
        return
    assert found is not None
    assert found.manager == row["manager"]
    for package, expected in zip(found.packages, row["packages"], strict=True):
        assert {name: getattr(package, name) for name in expected} == expected
    for name in ("no_recommends", "no_cache", "locked"):
        if name in row:
            assert getattr(found, name) == row[name]
    assert list(found.requirement_files) == row.get("requirement_files", [])
    assert list(found.index) == row.get("index", [])


@table("references.json")
def test_references(row: dict[str, Any]) -> None:
    if "partial" in row:
        parts = known_parts(row["partial"])
        assert (parts.repository, parts.tag) == (row["repository"], row["tag"])
    elif row.get("error"):
        with pytest.raises(ValueError):
            split_reference(row["reference"])
    else:
        parts = split_reference(row["reference"])
        expected = (row["registry"], row["repository"], row["name"], row["tag"])
        assert (parts.registry, parts.repository, parts.name, parts.tag) == expected


@table("base_images.json")
def test_base_images(row: dict[str, Any]) -> None:
    reading = read_dockerfile(f"FROM {row['image']}\n".encode())
    found = classify_base_image(reading.stages[0].base, BASE_RULES)
    assert {name: getattr(found, name) for name in row["class"]} == row["class"]
    given = {evidence.attribute: evidence.value for evidence in found.evidence}
    for attribute, value in given.items():
        assert getattr(found, attribute) == value
    assert all(evidence.rule and evidence.matched for evidence in found.evidence)


@table("names.json")
def test_names(row: dict[str, Any]) -> None:
    found = classify_file_name(row["path"])
    assert found.kind == row["kind"]
    assert found.reason
    assert found.mentions_dockerfile == (
        "dockerfile" in row["path"].lower().replace("\\", "/").rsplit("/", 1)[-1]
    )


def test_of_what_a_practice_finds_the_first_places_are_told() -> None:
    names = " ".join(f"package{number}" for number in range(50))
    text = f"FROM a\nRUN pip install {names}\n" + "RUN apt-get update && apt-get install -y x\n" * 50
    evidence = {
        finding.practice: len(finding.evidence)
        for finding in judge_practices(read_dockerfile(text.encode()), base_rules=BASE_RULES)
        if finding.evidence
    }
    assert max(evidence.values()) == 40, evidence
    assert list(evidence.values()).count(40) == 4, evidence


@table("practices.json")
def test_practices(row: dict[str, Any]) -> None:
    findings = judge_practices(
        read_dockerfile(row["dockerfile"].encode()),
        base_rules=BASE_RULES,
        path=row.get("path"),
        repository_paths=row.get("paths"),
    )
    by_id = {finding.practice: finding for finding in findings}
    assert list(by_id) == [practice.id for practice in PRACTICES]
    finding = by_id[row["practice"]]
    assert finding.verdict == row["verdict"], finding
    if "lines" in row:
        assert [line.line for line in finding.evidence] == row["lines"]
    if "note" in row:
        assert finding.note == row["note"]
    assert "hunter2" not in repr(findings)


@table("checks.json")
def test_checks(row: dict[str, Any]) -> None:
    context = BuildContext(
        ignored=IgnoredPaths(row["ignored"]) if "ignored" in row else None, platforms=row.get("platforms", {})
    )
    found = run_checks(read_dockerfile(row["dockerfile"].encode()), context)
    assert [item.line for item in found if item.check == row["check"]] == row["lines"]


def test_every_check_has_a_good_and_a_bad_case() -> None:
    rows = json.loads((HERE / "cases/checks.json").read_text())
    for name, check in CHECKS.items():
        assert check.asks
        assert {bool(row["lines"]) for row in rows if row["check"] == name} == {True, False}, name


@table("run_tasks.json")
def test_run_tasks(row: dict[str, Any]) -> None:
    command = read_script(row["command"], "sh").commands[0]
    program = program_of(command, row.get("scope", {}))
    found = classify_program(program, TASK_RULES, assigns=bool(command.assignments))
    assert (found.task, found.published_class) == (row["task"], row["class"]), found


def test_seeds_are_refused_with_their_fault() -> None:
    head = "rule,attribute,attribute_value,repository,tag,source\n"
    with pytest.raises(ValueError, match="unknown attribute"):
        parse_base_image_rules(head + "a,colour,x,y,,\n")
    with pytest.raises(ValueError, match="twice"):
        parse_base_image_rules(head + "a,os,x,y,,\na,os,x,y,,\n")
    with pytest.raises(ValueError, match="undefined task"):
        parse_task_rules(
            "rule,commands,arguments_pattern,task,note\na,b,,c,\n", "task,published_class,definition,source\n"
        )


def test_a_template_or_a_missing_default_names_its_variable() -> None:
    reading = read_dockerfile(b"ARG A\nFROM ${A}-x:1\n")
    assert reading.stages[0].base.missing == (Missing("A", "no default"),)


def test_a_written_default_is_no_assumption_where_the_variable_is_declared() -> None:
    platform = read_dockerfile(b"ARG A\nFROM --platform=${A:-linux/arm64} b\n").stages[0].platform
    assert platform is not None
    assert (platform.text, platform.assumed_unset) == ("linux/arm64", ())
