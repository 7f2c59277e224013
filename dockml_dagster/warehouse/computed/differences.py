"""Differences as tables: ``category_differences``, ``cohort_differences``, ``moment_differences`` of ``findings``.

Here: which groups and moments are compared in which measures, and the columns of the tables. Not here: the measures
(``core.unit_measures``, ``core.moment_states``), the rows of a comparison (``comparisons``), the tests
(``study.statistics``). SQL has no permutations, so these findings are computed in Python from core tables and written as a
whole; they are documented beside the SQL models.

Two moments of the same units are a pair without ``overall``; all measures of the same two moments are one family.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics.clusters import Units
from dockml_dagster.study.statistics.intervals import median_interval
from dockml_dagster.study.statistics.paired import shift
from dockml_dagster.warehouse.build import write_computed
from dockml_dagster.warehouse.computed.comparisons import SEED, Known, Measured, Row, comparison_rows, correct
from dockml_dagster.warehouse.models import Project

if TYPE_CHECKING:
    import duckdb
    import numpy as np

    Array = np.ndarray[Any, Any]

TABLES = ("findings.category_differences", "findings.cohort_differences", "findings.moment_differences")
READS = ("core.unit_measures", "core.categories", "core.moment_states")
"""The tables from which everything here is computed."""
FLIPPED = "signed ranks, projects flipped"
"""The test between two moments, as the table names it."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to divide units into groups.

    ``column`` names the group: a column of ``core.unit_measures`` (``measures``) or ``core.categories`` (``categories``).
    ``where`` limits the units: a condition on the columns of the former. ``label_source`` says whose category counts,
    ``link_grade`` the least grade of an image's link. ``mixed``: a project may have units in several groups.
    """

    table: str
    name: str
    column: str
    label_source: str
    link_grade: str
    where: str
    mixed: bool = False


_ML = "measures.cohort <> 'control'"
_BY_PEOPLE_OR_MACHINE = f"{_ML} AND measures.unit_of_analysis = 'project'"
GROUPINGS = (
    Grouping(TABLES[0], "category", "measures.category", "final", "any", _ML),
    Grouping(TABLES[0], "category", "categories.category_of_people", "people", "any", _BY_PEOPLE_OR_MACHINE),
    Grouping(
        TABLES[0], "category", "categories.category_of_machine", "machine", "any", _BY_PEOPLE_OR_MACHINE
    ),
    Grouping(
        TABLES[0],
        "category",
        "measures.category",
        "final",
        "likely",
        f"{_ML} AND measures.link_grade IN ('confirmed', 'likely')",
    ),
    Grouping(
        TABLES[0],
        "category",
        "measures.category",
        "final",
        "confirmed",
        f"{_ML} AND measures.link_grade = 'confirmed'",
    ),
    Grouping(
        TABLES[0],
        "base image type",
        "measures.base_image_type",
        "none",
        "any",
        f"{_ML} AND measures.unit_of_analysis = 'Dockerfile'",
        mixed=True,
    ),
    Grouping(TABLES[1], "cohort", "measures.cohort", "none", "any", "true"),
)
"""All comparisons between groups. Two kinds of repetition show how much the comparison of categories depends on its input:
only labels of people and only labels of the machine (measures of projects), and only images whose link to the project is at
least likely, or confirmed (measures of images and layers)."""

COLUMNS = {
    "corpus": "VARCHAR",
    "grouping": "VARCHAR",
    "label_source": "VARCHAR",
    "link_grade": "VARCHAR",
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
    "clusters": "BIGINT",
    "clusters_first": "BIGINT",
    "clusters_second": "BIGINT",
    "n_censored": "BIGINT",
    "largest_cluster_share": "DOUBLE",
    "n_effective": "DOUBLE",
    "median": "DOUBLE",
    "median_low": "DOUBLE",
    "median_high": "DOUBLE",
    "share": "DOUBLE",
    "share_low": "DOUBLE",
    "share_high": "DOUBLE",
    "test": "VARCHAR",
    "statistic": "DOUBLE",
    "degrees_of_freedom": "BIGINT",
    "p": "DOUBLE",
    "draws": "BIGINT",
    "family": "VARCHAR",
    "family_tests": "BIGINT",
    "p_holm": "DOUBLE",
    "epsilon_squared": "DOUBLE",
    "cliffs_delta": "DOUBLE",
    "delta_low": "DOUBLE",
    "delta_high": "DOUBLE",
    "delta_least": "DOUBLE",
    "delta_most": "DOUBLE",
    "magnitude": "VARCHAR",
    "note": "VARCHAR",
}
"""Columns of all of these tables, with their DuckDB types."""


def write_differences(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Compute the tables from those of ``READS``; returns the number of rows of each."""
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    known: Known = {}
    owners = _number_owners(connection)
    for grouping in GROUPINGS:
        rows[grouping.table].extend(_rows(connection, grouping, owners, known))
    rows[TABLES[2]].extend(_moments(connection))
    return {
        table: write_computed(connection, project.by_name[table], COLUMNS, found)
        for table, found in rows.items()
    }


def _rows(
    connection: duckdb.DuckDBPyConnection, grouping: Grouping, owners: Array, known: Known
) -> Iterator[Row]:
    by_corpus: dict[str, list[Measured]] = {}
    for measured in _read(connection, grouping, owners):
        by_corpus.setdefault(measured.common["corpus"], []).append(measured)
    for measures in by_corpus.values():
        yield from comparison_rows(measures, known)


def _read(connection: duckdb.DuckDBPyConnection, grouping: Grouping, owners: Array) -> Iterator[Measured]:
    """Read the measures one by one: all of a large corpus would not fit into memory."""
    import numpy as np

    # A unit that two projects share counts once in each. The rows are ordered, so that equal data give equal draws.
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE chosen AS
        SELECT * EXCLUDE (unit)
        FROM (
            SELECT DISTINCT measures.corpus, measures.rq, measures.measure, measures.kind, measures.unit_of_analysis,
                owners.number, measures.unit, {grouping.column} AS part, measures.value, measures.is_censored
            FROM core.unit_measures AS measures
            JOIN owners ON owners.project = measures.project
            LEFT JOIN core.categories AS categories ON categories.project = measures.project
            WHERE {grouping.where} AND {grouping.column} IS NOT NULL
        )
        ORDER BY corpus, rq, measure, kind, unit_of_analysis, number, value, unit
        """
    )
    found = connection.execute(
        """
        SELECT corpus, rq, measure, kind, unit_of_analysis, list(DISTINCT part ORDER BY part) AS names
        FROM chosen
        GROUP BY ALL
        ORDER BY corpus, rq, measure, kind, unit_of_analysis
        """
    ).fetchall()
    for corpus, rq, measure, kind, unit, names in found:
        rows: dict[str, Any] = connection.execute(
            """
            SELECT value, is_censored, number, list_position($names, part) - 1 AS part
            FROM chosen
            WHERE corpus = $corpus AND rq = $rq AND measure = $measure AND kind = $kind AND unit_of_analysis = $unit
            """,
            {"corpus": corpus, "rq": rq, "measure": measure, "kind": kind, "unit": unit, "names": names},
        ).fetchnumpy()
        common = {
            "corpus": corpus,
            "grouping": grouping.name,
            "label_source": grouping.label_source,
            "link_grade": grouping.link_grade,
            "rq": rq,
            "measure": measure,
            "kind": kind,
            "unit_of_analysis": unit,
        }
        present, projects = np.unique(rows["number"], return_inverse=True)
        marks = rows["is_censored"].astype(bool)
        yield Measured(
            common,
            Units(rows["value"], projects.astype(np.int32), marks if marks.any() else None),
            rows["part"].astype(np.int16),
            names,
            owners[present],
            grouping.mixed,
        )


def _number_owners(connection: duckdb.DuckDBPyConnection) -> Array:
    """Make the table ``owners`` of all projects, numbered by name from 0; returns the names."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE owners AS SELECT project, row_number() OVER (ORDER BY project) - 1 AS number "
        "FROM (SELECT DISTINCT project FROM core.unit_measures)"
    )
    found: dict[str, Any] = connection.execute("SELECT project FROM owners ORDER BY number").fetchnumpy()
    names: Array = found["project"]
    return names


def _moments(connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """Rows for two moments of the same units, measure by measure."""
    import numpy as np

    # Two visits on one day differ in the time. The unit of an image begins with its project's key and a space.
    found = connection.execute(
        """
        SELECT corpus, metric, unit_of_analysis,
            corpus_before || ' ' || left(strftime(earliest, '%Y-%m-%d %H:%M:%S.%f'), long) AS first,
            corpus || ' ' || left(strftime(latest, '%Y-%m-%d %H:%M:%S.%f'), long) AS second,
            list(before ORDER BY unit), list(after ORDER BY unit), list(split_part(unit, ' ', 1) ORDER BY unit)
        FROM (
            SELECT
                *,
                CASE
                    WHEN corpus <> corpus_before OR CAST(earliest AS DATE) <> CAST(latest AS DATE) THEN 10
                    WHEN date_trunc('second', earliest) <> date_trunc('second', latest) THEN 19
                    ELSE 26
                END AS long
            FROM core.moment_states
            -- Where nothing was visited again there is one moment, and nothing to compare it with.
            WHERE corpus <> corpus_before OR earliest < latest
        )
        GROUP BY ALL
        ORDER BY corpus, first, metric
        """
    ).fetchall()
    families: dict[tuple[str, ...], list[Row]] = {}
    rows: list[Row] = []
    for corpus, metric, unit, first, second, before, after, owners in found:
        _, projects = np.unique(owners, return_inverse=True)
        common = {
            "corpus": corpus,
            "grouping": "moment",
            "label_source": "none",
            "link_grade": "any",
            "rq": "rq4" if unit == "image reference" else "rq3",
            "measure": metric,
            "kind": "number",
            "unit_of_analysis": unit,
            "n_censored": 0,
        }
        for name, other, values in ((first, second, before), (second, first, after)):
            median = median_interval(Units(np.asarray(values, float), projects))
            rows.append(
                {
                    **common,
                    "row_kind": "group",
                    "first": name,
                    # One moment may be compared with two others, each time over different units.
                    "second": other,
                    "n": median.n,
                    "n_first": median.n,
                    "clusters": median.clusters,
                    "clusters_first": median.clusters,
                    "largest_cluster_share": median.largest,
                    "n_effective": median.effective,
                    "median": median.value,
                    "median_low": median.low,
                    "median_high": median.high,
                }
            )
        key = f"{corpus}/{metric}/{first}/{second}"
        moved = shift(before, after, projects.tolist(), (SEED, zlib.crc32(key.encode())))
        pair: Row = {
            **common,
            "row_kind": "pair",
            "first": first,
            "second": second,
            **dict.fromkeys(("n", "n_first", "n_second"), moved.n),
            **dict.fromkeys(("clusters", "clusters_first", "clusters_second"), moved.clusters),
            "test": FLIPPED if moved.p is not None else None,
            "statistic": moved.statistic,
            "p": moved.p,
            "draws": moved.draws,
            "cliffs_delta": moved.delta,
            "delta_least": moved.delta,
            "delta_most": moved.delta,
            "magnitude": moved.size,
            "note": moved.reason,
        }
        rows.append(pair)
        families.setdefault((corpus, first, second), []).append(pair)
    for members in families.values():
        correct(members, "all measures of the same two moments")
    yield from rows
