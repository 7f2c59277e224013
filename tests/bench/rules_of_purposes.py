"""Every rule of the purposes, how often it fires and how often rightly: writes ``labelled/rules.csv``.

    PYTHONPATH=. python tests/bench/rules_of_purposes.py HOME

HOME is a home in which ``dockml study --corpus ease2022`` was run. On the half ``develop`` the firing rules are those of
``labelled/evidence.csv``. On ``ease2022`` only the coded projects count on which no rule was made (``label_shares``).
"""

import csv
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.codebook import parse_codebook
from dockml_dagster.study.labels.evidence_rules import by_place, rule_set
from dockml_dagster.study.labels.purpose import PurposeRules, parse_purpose_rules
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.warehouse.computed.label_shares import unseen_by_machine
from dockml_dagster.warehouse.due.derivations import LABELS
from dockml_dagster.warehouse.due.visits import make_visits

LABELLED = Path(__file__).parent / "labelled"
SEEDS = Path(__file__).parents[2] / "dbt_like_sql" / "seeds"


@dataclass(frozen=True)
class Coded:
    """A project's purposes as people gave them, and the rules that fire."""

    purposes: Set[str]
    fires: Set[str]


def of_develop() -> list[Coded]:
    """The projects of the half ``develop``."""
    with (LABELLED / "evidence.csv").open(newline="") as stream:
        fires = {row["repository"]: frozenset(row["rules"].split("|")) for row in csv.DictReader(stream)}
    with (LABELLED / "projects.csv").open(newline="") as stream:
        return [
            Coded(frozenset(row["purposes"].split(";")), fires[row["repository"]])
            for row in csv.DictReader(stream)
            if row["half"] == "develop"
        ]


def of_ease2022(home: Path, rules: PurposeRules) -> list[Coded]:
    """The coded projects of ``ease2022`` that no rule was made on."""
    every = rule_set(tuple(rule.rule for rule in rules.rules))
    with duckdb.connect(str(home / "published" / "dockml.duckdb"), read_only=True) as connection:
        make_visits(connection)
        (salt,) = connection.execute(
            "SELECT salt FROM seeds.evaluation_split WHERE split = 'purposes'"
        ).fetchone() or ("",)
        people: dict[str, set[str]] = {}
        for project, purpose in connection.execute(
            "SELECT project, purpose FROM core.purposes "
            "WHERE corpus = 'ease2022' AND unit_kind = 'project' AND source = 'people'"
        ).fetchall():
            if unseen_by_machine("ease2022", "purpose", project, salt):
                people.setdefault(project, set()).add(purpose)
        keys = {"project": sorted(people)}
        named = dict(
            connection.execute(
                f"SELECT project, struct_pack(name, description, topics, language) FROM ({LABELS.inputs})"
            ).fetchall()
        )
        dockerfiles: dict[str, dict[str, bytes]] = {project: {} for project in people}
        for project, path, content in connection.execute(LABELS.contents["dockerfiles"], keys).fetchall():
            dockerfiles[project][path] = content
        texts: dict[str, dict[str, str]] = {project: {} for project in people}
        for project, path, content, _ in connection.execute(LABELS.contents["files"], keys).fetchall():
            if content is not None:
                texts[project][path] = content.decode("utf-8", "replace")
    found = []
    for project, purposes in people.items():
        about = named[project]
        facts = facts_of_project(
            ProjectMetadata(
                about["name"], about["description"], tuple(about["topics"] or ()), about["language"]
            ),
            {path: read_dockerfile(content) for path, content in dockerfiles[project].items()},
            texts=texts[project],
        )
        fires = zip(rules.rules, every.found(by_place(facts)), strict=True)
        found.append(Coded(purposes, {rule.rule.rule for rule, facts_of_it in fires if facts_of_it}))
    return found


def counted(projects: list[Coded], rule: str, purpose: str, set_name: str) -> dict[str, str]:
    """How often a rule fires and is right in some projects, and the share of them that bear its purpose."""
    fires = [project for project in projects if rule in project.fires]
    return {
        f"{set_name}_fires": str(len(fires)),
        f"{set_name}_rightly": str(sum(purpose in project.purposes for project in fires)),
        f"{set_name}_bear_it": f"{sum(purpose in one.purposes for one in projects) / len(projects):.2f}",
    }


def main(home: Path) -> None:
    """Write the table."""
    seeds: Mapping[str, str] = {path.stem: path.read_text() for path in SEEDS.glob("*.csv")}
    codebook = parse_codebook(seeds["categories"], seeds["purposes"], seeds["sub_purposes"])
    rules = parse_purpose_rules(seeds["purpose_rules"], codebook.allowed)
    develop, ease2022 = of_develop(), of_ease2022(home, rules)
    print(f"develop: {len(develop)} projects; ease2022: {len(ease2022)}")
    rows = [
        {
            "rule": rule.rule.rule,
            **counted(develop, rule.rule.rule, rule.purpose, "develop"),
            **counted(ease2022, rule.rule.rule, rule.purpose, "ease2022"),
        }
        for rule in rules.rules
    ]
    with (LABELLED / "rules.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
