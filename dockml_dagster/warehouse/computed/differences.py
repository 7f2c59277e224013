"""Differences as tables: ``category_differences``, ``cohort_differences``, ``moment_differences`` of ``findings``.

Here: which groups are compared in which measures, and the rows that hold the answers. Not here: the measures
(``core.unit_measures``, ``core.moment_states``), the tests themselves (``study.statistics``, ``study.paired``). SQL has
neither the tests nor the bootstrap, so these findings are computed in Python from core tables and written as a whole; they
are documented beside the SQL models.

A comparison is told in three kinds of rows: ``group`` (a group's n, median or share with its interval), ``overall`` (the
test over all groups) and ``pair`` (two groups: test, Holm's correction, effect size). Two moments of the same units are a
pair without ``overall``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics.groups import (
    Comparison,
    Sample,
    compare,
    holm,
    median_interval,
    proportion,
)
from dockml_dagster.study.statistics.paired import shift
from dockml_dagster.warehouse.build import write_computed
from dockml_dagster.warehouse.models import Project

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

TABLES = ("findings.category_differences", "findings.cohort_differences", "findings.moment_differences")
READS = ("core.unit_measures", "core.categories", "core.moment_states")
"""The tables that all of this is computed from."""

Row = dict[str, Any]
Known = dict[tuple[bool, tuple[tuple[str, Sample], ...]], list[Row]]
"""Comparisons that were made already, by what was compared."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to part units into groups.

    ``column`` names the group: a column of ``core.unit_measures`` (``measures``) or ``core.categories`` (``categories``).
    ``where`` limits the units: a condition on the columns of the former. ``label_source`` says whose category counts,
    ``link_grade`` how firmly an image must be tied to its project.
    """

    table: str
    name: str
    column: str
    label_source: str
    link_grade: str
    where: str


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
    ),
    Grouping(TABLES[1], "cohort", "measures.cohort", "none", "any", "true"),
)
"""Everything that is compared between groups. Two kinds of repetition say how far the comparison of categories rests on
something: labels of people alone and of the machine alone (measures of projects), and images whose tie to the project is
at least likely, or confirmed (measures of images and layers)."""

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
    "n_censored": "BIGINT",
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
    "p_holm": "DOUBLE",
    "epsilon_squared": "DOUBLE",
    "cliffs_delta": "DOUBLE",
    "delta_least": "DOUBLE",
    "delta_most": "DOUBLE",
    "magnitude": "VARCHAR",
    "note": "VARCHAR",
}
"""Columns of all of these tables, with their DuckDB types."""


def write_differences(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Compute the tables from those of ``READS``; returns the rows of each."""
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    known: Known = {}
    with _little_garbage():
        for grouping in GROUPINGS:
            rows[grouping.table].extend(_rows(connection, grouping, known))
        rows[TABLES[2]].extend(_moments(connection))
    return {
        table: write_computed(connection, project.by_name[table], COLUMNS, found)
        for table, found in rows.items()
    }


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Leave what exists already out of garbage collection: statsmodels' Holm collects at every call, 0.1 s each."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _rows(connection: duckdb.DuckDBPyConnection, grouping: Grouping, known: Known) -> Iterator[Row]:
    # Group and order are part of the query, so that equal data give equal draws. A layer or image counts once in each
    # group, whichever projects of the group name it.
    found = connection.execute(
        f"""
        SELECT corpus, rq, measure, kind, unit_of_analysis, "group",
            list(value ORDER BY value, censored),
            list(censored ORDER BY value, censored)
        FROM (
            SELECT DISTINCT measures.corpus, measures.rq, measures.measure, measures.kind, measures.unit_of_analysis,
                measures.unit, {grouping.column} AS "group", measures.value, measures.is_censored AS censored
            FROM core.unit_measures AS measures
            LEFT JOIN core.categories AS categories ON categories.project = measures.project
            WHERE {grouping.where}
        )
        WHERE "group" IS NOT NULL
        GROUP BY ALL
        ORDER BY corpus, rq, measure, "group"
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
            "link_grade": grouping.link_grade,
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


def _moments(connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """Two moments of the same units, measure by measure."""
    # Two visits of one day are told apart by the time.
    found = connection.execute(
        """
        SELECT corpus, metric, unit_of_analysis, corpus_before || ' ' || left(strftime(earliest, '%Y-%m-%d %H:%M:%S'), long)
            AS first, corpus || ' ' || left(strftime(latest, '%Y-%m-%d %H:%M:%S'), long) AS second,
            list(before ORDER BY unit), list(after ORDER BY unit)
        FROM (
            SELECT *, if(corpus = corpus_before AND CAST(earliest AS DATE) = CAST(latest AS DATE), 19, 10) AS long
            FROM core.moment_states
        )
        GROUP BY ALL
        ORDER BY corpus, first, metric
        """
    ).fetchall()
    shifts = [shift(before, after) for *_, before, after in found]
    corrected = _over_measures([(row[0], row[3], row[4]) for row in found], [moved.p for moved in shifts])
    for row, moved, p_holm in zip(found, shifts, corrected, strict=True):
        corpus, metric, unit, first, second, before, after = row
        common = {
            "corpus": corpus,
            "grouping": "moment",
            "label_source": "none",
            "link_grade": "any",
            "rq": "rq4" if unit == "image reference" else "rq3",
            "measure": metric,
            "kind": "number",
            "unit_of_analysis": unit,
        }
        for name, other, values in ((first, second, before), (second, first, after)):
            median = median_interval(Sample(tuple(values)), draws=DRAWS, seed=SEED)
            yield {
                **common,
                "row_kind": "group",
                "first": name,
                # One moment may be compared with two others, over other units each time.
                "second": other,
                "n": median.n,
                "n_first": median.n,
                "n_censored": 0,
                "median": median.median,
                "median_low": median.low,
                "median_high": median.high,
            }
        yield {
            **common,
            "row_kind": "pair",
            "first": first,
            "second": second,
            "n": moved.n,
            "n_first": moved.n,
            "n_second": moved.n,
            "n_censored": 0,
            "test": "Wilcoxon signed-rank",
            "statistic": moved.statistic,
            "p": moved.p,
            "p_holm": p_holm,
            "cliffs_delta": moved.delta,
            "delta_least": moved.delta,
            "delta_most": moved.delta,
            "magnitude": moved.size,
            "note": moved.reason,
        }


def _over_measures(
    moments: Sequence[tuple[str, ...]], p_values: Sequence[float | None]
) -> list[float | None]:
    """Holm's correction over all measures of the same two moments; what has no p keeps none."""
    families: dict[tuple[str, ...], list[tuple[int, float]]] = {}
    for place, (pair, p) in enumerate(zip(moments, p_values, strict=True)):
        if p is not None:
            families.setdefault(pair, []).append((place, p))
    corrected: list[float | None] = [None] * len(p_values)
    for family in families.values():
        for (place, _), p in zip(family, holm([p for _, p in family]), strict=True):
            corrected[place] = p
    return corrected


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
                "magnitude": pair.effect.size,
            }
        yield row
