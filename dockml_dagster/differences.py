"""Differences between groups as tables: ``findings.category_differences`` and ``findings.cohort_differences``.

Belongs here: which groups are compared in which measures, and the rows that hold the answers. Does not: the measures
(``core.unit_measures``), the tests themselves (``study.statistics``). SQL has neither the tests nor the bootstrap, so these
two findings are computed in Python from a core table and written as a whole; they are documented beside the SQL models.

A comparison is told in three kinds of rows: ``group`` (a group's n, median or share with its interval), ``overall`` (the
test over all groups) and ``pair`` (two groups: test, Holm's correction, effect size).
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics import Comparison, Sample, compare, proportion
from dockml_dagster.warehouse.build import document
from dockml_dagster.warehouse.models import Project
from dockml_dagster.warehouse.rows import insert, qualified

if TYPE_CHECKING:
    import duckdb

SEED = 20220613
"""Seed of every bootstrap: the first day of the conference at which the paper was given."""
DRAWS = 2000
"""Bootstrap draws; large groups get fewer, down to ``LEAST_DRAWS``, since their medians hardly move."""
LEAST_DRAWS = 200
DRAWN_VALUES = 20_000_000
"""Most values that are drawn for one interval."""
SMALLEST_GROUP = 2
"""A group with fewer units is described, and takes no part in tests."""

TABLES = ("findings.category_differences", "findings.cohort_differences")

Row = dict[str, Any]
Known = dict[tuple[bool, tuple[tuple[str, Sample], ...]], list[Row]]
"""Comparisons that were made already, by what was compared."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to part units into groups.

    ``column`` of ``core.unit_measures`` names the group. ``where`` limits the units: a condition on its columns.
    ``label_source`` says whose category counts.
    """

    table: str
    name: str
    column: str
    label_source: str
    where: str


_ML = "cohort <> 'control'"
GROUPINGS = (
    Grouping(TABLES[0], "category", "category", "final", _ML),
    Grouping(
        TABLES[0], "category", "category_of_people", "people", f"{_ML} AND unit_of_analysis = 'project'"
    ),
    Grouping(
        TABLES[0], "category", "category_of_machine", "machine", f"{_ML} AND unit_of_analysis = 'project'"
    ),
    Grouping(
        TABLES[0], "base image type", "base_image_type", "none", f"{_ML} AND unit_of_analysis = 'Dockerfile'"
    ),
    Grouping(TABLES[1], "cohort", "cohort", "none", "true"),
)
"""Everything that is compared. Labels of people alone and of the machine alone repeat the comparison of categories for
measures of projects: how far it rests on who labelled."""

COLUMNS = {
    "corpus": "VARCHAR",
    "grouping": "VARCHAR",
    "label_source": "VARCHAR",
    "rq": "VARCHAR",
    "measure": "VARCHAR",
    "kind": "VARCHAR",
    "unit_of_analysis": "VARCHAR",
    "row_kind": "VARCHAR",
    "first": "VARCHAR",
    "second": "VARCHAR",
    "n": "BIGINT",
    "n_first": "BIGINT",
    "n_second": "BIGINT",
    "n_censored": "BIGINT",
    "median": "DOUBLE",
    "median_low": "DOUBLE",
    "median_high": "DOUBLE",
    "share": "DOUBLE",
    "share_low": "DOUBLE",
    "share_high": "DOUBLE",
    "test": "VARCHAR",
    "statistic": "DOUBLE",
    "degrees_of_freedom": "INTEGER",
    "p": "DOUBLE",
    "p_holm": "DOUBLE",
    "epsilon_squared": "DOUBLE",
    "cliffs_delta": "DOUBLE",
    "delta_least": "DOUBLE",
    "delta_most": "DOUBLE",
    "size": "VARCHAR",
    "note": "VARCHAR",
}
"""Columns of both tables, with their DuckDB types."""


def write_differences(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Compute both tables from ``core.unit_measures`` and ``core.categories``; returns the rows of each."""
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    known: Known = {}
    with _little_garbage():
        for grouping in GROUPINGS:
            rows[grouping.table].extend(_rows(connection, grouping, known))
    body = ", ".join(f'"{name}" {type_name}' for name, type_name in COLUMNS.items())
    connection.execute("CREATE SCHEMA IF NOT EXISTS findings")
    for table, found in rows.items():
        connection.execute(f"CREATE OR REPLACE TABLE {qualified(table)} ({body})")
        insert(connection, table, found)
        document(connection, project.by_name[table], kind="TABLE")
    return {table: len(found) for table, found in rows.items()}


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Leave what exists already out of garbage collection: statsmodels' Holm collects at every call, 0.1 s each."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _rows(connection: duckdb.DuckDBPyConnection, grouping: Grouping, known: Known) -> Iterator[Row]:
    # Group and order are part of the query, so that equal data give equal draws.
    found = connection.execute(
        f"""
        SELECT units.corpus, units.rq, units.measure, units.kind, units.unit_of_analysis, {grouping.column} AS "group",
            list(units.value ORDER BY units.value, units.censored),
            list(units.censored ORDER BY units.value, units.censored)
        FROM (
            SELECT DISTINCT measures.corpus, rq, measure, kind, unit_of_analysis, unit, cohort, measures.category,
                base_image_type, category_of_people, category_of_machine, value, censored
            -- A layer or image counts once in each group, whichever projects name it.
            FROM core.unit_measures AS measures
            LEFT JOIN core.categories AS categories ON categories.project = measures.project
        ) AS units
        WHERE {grouping.where} AND {grouping.column} IS NOT NULL
        GROUP BY ALL
        ORDER BY units.corpus, units.rq, units.measure, "group"
        """
    ).fetchall()
    comparisons: dict[tuple[str, ...], dict[str, Sample]] = {}
    for *key, group, values, censored in found:
        marks = tuple(censored) if any(censored) else ()
        comparisons.setdefault(tuple(key), {})[group] = Sample(tuple(values), marks)
    for (corpus, rq, measure, kind, unit), groups in comparisons.items():
        common = {
            "corpus": corpus,
            "grouping": grouping.name,
            "label_source": grouping.label_source,
            "rq": rq,
            "measure": measure,
            "kind": kind,
            "unit_of_analysis": unit,
        }
        # Where everybody is labelled by people, the final groups and those of people are the same.
        same = (kind == "yes or no", tuple(groups.items()))
        if same not in known:
            known[same] = list(comparison_rows(groups, yes_or_no=same[0]))
        yield from ({**common, **row} for row in known[same])


def comparison_rows(groups: Mapping[str, Sample], *, yes_or_no: bool) -> Iterator[Row]:
    """The rows of one comparison, without the columns that name it. ``yes_or_no``: values are 1 and 0."""
    draws = max(LEAST_DRAWS, min(DRAWS, DRAWN_VALUES // max(sample.n for sample in groups.values())))
    comparison = compare(groups, least=SMALLEST_GROUP, draws=0 if yes_or_no else draws, seed=SEED)
    small = comparison.left_out
    for name, median in comparison.groups.items():
        row: Row = {
            "row_kind": "group",
            "first": name,
            "n": median.n,
            "n_first": median.n,
            "n_censored": median.n_censored,
        }
        if yes_or_no:
            share = proportion(round(sum(groups[name].values)), median.n)
            row |= {"share": share.share, "share_low": share.low, "share_high": share.high}
        else:
            row |= {"median": median.median, "median_low": median.low, "median_high": median.high}
        if name in small:
            row["note"] = f"fewer than {SMALLEST_GROUP} units: takes no part in tests"
        yield row
    yield _overall(comparison, small)
    yield from _pairs(comparison, groups)


def _overall(comparison: Comparison, small: Sequence[str]) -> Row:
    notes = [comparison.reason or "", f"without {', '.join(small)}" if small else ""]
    return {
        "row_kind": "overall",
        "n": comparison.n,
        "n_censored": sum(median.n_censored for median in comparison.groups.values()),
        "test": comparison.test,
        "statistic": comparison.statistic,
        "degrees_of_freedom": comparison.degrees_of_freedom,
        "p": comparison.p,
        "epsilon_squared": comparison.epsilon_squared,
        "note": "; ".join(note for note in notes if note) or None,
    }


def _pairs(comparison: Comparison, groups: Mapping[str, Sample]) -> Iterable[Row]:
    for pair in comparison.pairs:
        row: Row = {
            "row_kind": "pair",
            "first": pair.first,
            "second": pair.second,
            "n": pair.n_first + pair.n_second,
            "n_first": pair.n_first,
            "n_second": pair.n_second,
            "n_censored": groups[pair.first].n_censored + groups[pair.second].n_censored,
            "test": pair.test,
            "statistic": pair.statistic,
            "p": pair.p,
            "p_holm": pair.p_holm,
        }
        if pair.effect is not None:
            row |= {
                "cliffs_delta": pair.effect.delta,
                "delta_least": pair.effect.least,
                "delta_most": pair.effect.most,
                "size": pair.effect.size,
            }
        yield row
