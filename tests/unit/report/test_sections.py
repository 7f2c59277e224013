"""The list of sections: every finding is in the report, anchors are unique, every printed number has its explanation.

Here: what can be told without a published file.
"""

import csv
import re

from dockml_dagster.report.sections import SECTIONS
from dockml_dagster.warehouse.models import folder, load

READ = {table for section in SECTIONS for part in section.parts for table in part.reads}


def _seed(name):
    with (folder() / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _rerun():
    """Numbers of the paper that is rerun; of others each has its own note."""
    return [row for row in _seed("published_values") if row["paper"] == "ease2022"]


def test_every_finding_is_in_the_report():
    made = [*load().models, *load().computed]
    findings = {model.name for model in made if model.schema == "findings"}
    assert sorted(findings - READ) == [], "give it a part in the section of its question (report/sections)"


def test_anchors_are_unique():
    names = [section.name for section in SECTIONS]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def test_every_printed_number_is_of_one_family():
    families = _seed("comparison_families")
    wrong = {}
    for row in _rerun():
        found = [
            family["title"]
            for family in families
            if family["rq"] == row["rq"] and re.fullmatch(family["metrics"], row["metric"])
        ]
        if len(found) != 1:
            wrong[row["metric"]] = found
    assert wrong == {}


def test_every_family_has_a_number():
    metrics = [(row["rq"], row["metric"]) for row in _rerun()]
    empty = [
        family["title"]
        for family in _seed("comparison_families")
        if not any(rq == family["rq"] and re.fullmatch(family["metrics"], metric) for rq, metric in metrics)
    ]
    assert empty == []
