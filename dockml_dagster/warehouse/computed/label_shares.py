"""The share of projects with each code, from people's and machine labels together: ``findings.label_shares``.

Here: combining people's labels of some projects and machine labels of all into one estimate per code. Not here: the labels
(``core.purposes``, ``core.categories``), the estimator itself (``study.statistics.calibrated``).
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from dockml_dagster.study.statistics.calibrated import (
    Stratum,
    calibrated_share,
    informedness,
    share_if_as_measured,
)
from dockml_dagster.study.statistics.intervals import proportion
from dockml_dagster.warehouse.build import write_computed
from dockml_dagster.warehouse.models import Project
from dockml_dagster.warehouse.rows import Row

if TYPE_CHECKING:
    import duckdb

TABLE = "findings.label_shares"
READS = ("core.categories", "core.projects", "core.purposes")
_AT_ONCE = 50_000
"""Labels fetched at a time."""
LEARNT_FROM = "ease2022"
"""The corpus with whose labels the machine was trained."""
LEAST_INFORMED = 0.2
"""Least informedness (sensitivity plus specificity minus one) at which the machine can tell a code."""

COLUMNS = {
    "corpus": "VARCHAR",
    "code_system": "VARCHAR",
    "code": "VARCHAR",
    "unit_of_analysis": "VARCHAR",
    "n": "BIGINT",
    "n_people": "BIGINT",
    "n_machine": "BIGINT",
    "share_people": "DOUBLE",
    "people_low": "DOUBLE",
    "people_high": "DOUBLE",
    "share_machine": "DOUBLE",
    "share_calibrated": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "finite_low": "DOUBLE",
    "finite_high": "DOUBLE",
    "n_unseen": "BIGINT",
    "share_cross_fitted": "DOUBLE",
    "cross_fitted_low": "DOUBLE",
    "cross_fitted_high": "DOUBLE",
    "share_if_as_measured": "DOUBLE",
    "machine_informedness": "DOUBLE",
    "label_source": "VARCHAR",
    "note": "VARCHAR",
}
"""Columns of the table, with their DuckDB types."""

Labels = Mapping[str, AbstractSet[str]]
"""Project → its codes. A project without an entry was not labelled."""

_SAID = """
    SELECT purposes.corpus, 'purpose' AS code_system, purposes.source, purposes.unit AS project, purposes.purpose AS code
    FROM core.purposes AS purposes
    JOIN core.projects AS projects ON projects.project = purposes.unit
    WHERE purposes.unit_kind = 'project' AND purposes.source <> 'final' AND projects.cohort IS DISTINCT FROM 'control'
    UNION ALL
    SELECT categories.corpus, 'category', said.source, categories.project, said.code
    FROM core.categories AS categories
    JOIN core.projects AS projects ON projects.project = categories.project
    CROSS JOIN LATERAL (
        SELECT 'people' AS source, coalesce(categories.category_adjudicated, categories.category_of_people) AS code
        UNION ALL
        SELECT 'machine', coalesce(categories.category_of_machine, 'cannot tell')
    ) AS said
    WHERE said.code IS NOT NULL AND projects.cohort IS DISTINCT FROM 'control'
"""
_CODES = """
    SELECT 'category' AS code_system, name AS code FROM seeds.categories
    UNION ALL
    SELECT 'purpose', name FROM seeds.purposes
"""


def write_label_shares(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Compute the table from those of ``READS``; returns the number of rows by table."""
    labels: dict[tuple[str, str], dict[str, dict[str, set[str]]]] = defaultdict(
        lambda: {"people": defaultdict(set), "machine": defaultdict(set)}
    )
    said = connection.execute(_SAID)
    while some := said.fetchmany(_AT_ONCE):
        for corpus, system, source, unit, code in some:
            # One string object per code instead of one per label, which would fill the memory.
            labels[corpus, system][source][unit].add(sys.intern(code))
    codes = connection.execute(f"SELECT code_system, code FROM ({_CODES}) ORDER BY ALL").fetchall()
    measured = {
        (system, code): (Stratum(given, right, 0), Stratum(other, missed, 0))
        for system, code, given, right, other, missed in connection.execute(
            "SELECT code_system, code, given, given_right, not_given, not_given_missed FROM seeds.machine_reliability"
        ).fetchall()
    }
    (salt,) = connection.execute(
        "SELECT salt FROM seeds.evaluation_split WHERE split = 'purposes'"
    ).fetchone() or ("",)
    rows = [
        {
            "corpus": corpus,
            "code_system": system,
            **_row(
                code,
                said["people"],
                said["machine"],
                measured.get((system, code)),
                {unit for unit in said["people"] if unseen_by_machine(corpus, system, unit, salt)},
            ),
        }
        for (corpus, system), said in sorted(labels.items())
        for of, code in codes
        if of == system
    ]
    return {TABLE: write_computed(connection, project.by_name[TABLE], COLUMNS, rows)}


def unseen_by_machine(corpus: str, system: str, project: str, salt: str) -> bool:
    """Whether the machine was not trained on a project's labels (``corpus/owner/name``).

    The purpose rules were made and weighted with the owners of one half (``seeds.evaluation_split``) of ``ease2022``, the
    category classifier with all of it. Another corpus has other projects, or the same ones coded again.
    """
    if corpus != LEARNT_FROM:
        return True
    owner = project.split("/")[1].lower()
    return system == "purpose" and hashlib.sha256(f"{salt}:{owner}".encode()).digest()[0] % 2 == 1


def _row(
    code: str,
    people: Labels,
    machine: Labels,
    measured: tuple[Stratum, Stratum] | None,
    unseen: AbstractSet[str],
) -> Row:
    units = people.keys() | machine.keys()
    row = {"code": code, "unit_of_analysis": "project", "n": len(units), "n_people": len(people)}
    said = proportion(sum(code in codes for codes in people.values()), len(people))
    given = proportion(sum(code in codes for codes in machine.values()), len(machine))
    row |= {"n_machine": len(machine), "share_machine": given.share}
    if measured is not None:
        row["machine_informedness"] = informedness(*measured)
    if not people:
        told = _told(informedness(*measured) if measured else None)
        if given.share is not None and measured is not None:
            row["share_if_as_measured"] = share_if_as_measured(given.share, *measured)
        return {**row, "label_source": "machine", "note": told}
    row |= {"share_people": said.share, "people_low": said.low, "people_high": said.high}
    groups = strata(code, people, machine)
    found = calibrated_share(groups)
    if found is None:
        return {**row, "label_source": "people", "note": "too few projects are coded for an estimate of all"}
    uncoded = found.n - found.n_people
    if uncoded and len(unseen) < len(people):
        known = {unit: people[unit] for unit in unseen}
        fitted = calibrated_share(
            groups, strata(code, known, {unit: machine[unit] for unit in unseen & machine.keys()})
        )
        row["n_unseen"] = len(unseen)
        if fitted is not None:
            row |= {
                "share_cross_fitted": fitted.share,
                "cross_fitted_low": fitted.low,
                "cross_fitted_high": fitted.high,
            }
    return {
        **row,
        "share_calibrated": found.share,
        "low": found.low,
        "high": found.high,
        "finite_low": found.finite_low,
        "finite_high": found.finite_high,
        "label_source": "calibrated" if uncoded else "people",
        "note": "if uncoded projects with the same machine label are like coded ones" if uncoded else None,
    }


def _told(informed: float | None) -> str:
    if informed is not None and informed < LEAST_INFORMED:
        return "nobody was coded here, and the machine cannot tell this code"
    return "nobody was coded here"


def strata(code: str, people: Labels, machine: Labels) -> dict[str, Stratum]:
    """The projects grouped by whether the machine assigns the code; projects without machine labels are a third group."""
    groups: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(people.keys() | machine.keys()):
        groups[str(code in machine[unit]) if unit in machine else "not seen"].append(unit)
    return {
        label: Stratum(
            sum(unit in people for unit in units),
            sum(code in people.get(unit, ()) for unit in units),
            sum(unit not in people for unit in units),
        )
        for label, units in groups.items()
    }
