"""Corpora compared with each other: ``findings.corpus_differences``.

Here: which shares of any two corpora are compared, and the rows. Not here: the shares (``core.share_intervals``), the
interval and the test of a difference (``study.statistics.independent``).

Every project weighs 1. Each pair of corpora has rows in both directions, so that the table can be queried from either; all
measures of two corpora are one family of tests. The compared packages are chosen by how often either corpus installs them,
so their shares are descriptive; they count in the family of tests too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from dockml_dagster.study.statistics.families import holm
from dockml_dagster.study.statistics.independent import Share, difference
from dockml_dagster.study.statistics.intervals import proportion
from dockml_dagster.warehouse.build import write_computed
from dockml_dagster.warehouse.models import Project
from dockml_dagster.warehouse.rows import Row

if TYPE_CHECKING:
    import duckdb

TABLE = "findings.corpus_differences"
READS = ("core.dockerfiles", "core.packages", "core.projects", "core.share_intervals")
PACKAGES = 30
"""Most packages in which two corpora are compared: those with the largest share of projects in either corpus."""
LEAST_SHARE = 0.01
"""A package is compared only if at least this share of projects installs it in one of the corpora."""

COLUMNS = {
    "corpus": "VARCHAR",
    "other_corpus": "VARCHAR",
    "topic": "VARCHAR",
    "measure": "VARCHAR",
    "unit_of_analysis": "VARCHAR",
    "share": "DOUBLE",
    "share_low": "DOUBLE",
    "share_high": "DOUBLE",
    "n": "BIGINT",
    "clusters": "BIGINT",
    "other_share": "DOUBLE",
    "other_low": "DOUBLE",
    "other_high": "DOUBLE",
    "other_n": "BIGINT",
    "other_clusters": "BIGINT",
    "difference": "DOUBLE",
    "difference_low": "DOUBLE",
    "difference_high": "DOUBLE",
    "p": "DOUBLE",
    "family_tests": "BIGINT",
    "p_holm": "DOUBLE",
    "note": "VARCHAR",
}
"""Columns of the table, with their DuckDB types."""

_SHARES = """
    SELECT
        corpus,
        CASE
            WHEN starts_with(measure, 'follows_') THEN 'practice'
            WHEN starts_with(measure, 'instruction ') THEN 'instruction'
            WHEN starts_with(measure, 'RUN task ') THEN 'RUN task'
            WHEN starts_with(measure, 'uses_base_image_') THEN 'base image type'
            WHEN measure = 'multi_stage' THEN 'stages'
            WHEN starts_with(measure, 'rule ') THEN 'rule'
        END AS topic,
        measure,
        unit_of_analysis,
        share,
        low,
        high,
        n_effective,
        n,
        clusters
    FROM core.share_intervals
    WHERE category = 'All' AND weighting = 'project' AND topic IS NOT NULL
    ORDER BY ALL
"""
# A project has a package if one of its valid Dockerfiles installs it with a manager; names are normalised as the index does.
_PACKAGES = """
    WITH
        placed AS (
            SELECT files.corpus, files.project
            FROM core.dockerfiles AS files
            JOIN core.projects AS projects ON projects.project = files.project
            WHERE files.valid AND projects.cohort IS DISTINCT FROM 'control'
            GROUP BY ALL
        ),
        totals AS (
            SELECT corpus, count(*) AS projects FROM placed GROUP BY corpus
        ),
        installed AS (
            SELECT DISTINCT
                found.corpus,
                found.project,
                unnest(['package manager', 'package']) AS topic,
                unnest([found.manager, found.manager || ' ' || lower(found.name)]) AS measure
            FROM core.packages AS found
            JOIN placed ON placed.project = found.project
            WHERE found.dockerfile_valid AND found.kind = 'package' AND found.manager IS NOT NULL
        )
    SELECT installed.corpus, installed.topic, installed.measure, count(*) AS counted, any_value(totals.projects) AS projects
    FROM installed
    JOIN totals ON totals.corpus = installed.corpus
    WHERE installed.measure IS NOT NULL
    GROUP BY ALL
    ORDER BY ALL
"""
_FILLED = frozenset({"instruction", "RUN task", "package", "package manager"})
"""Topics in which a missing row of a corpus means that none of its projects uses the item: the share is 0."""

Key = tuple[str, str, str]
"""Topic, measure and unit of analysis."""


@dataclass(frozen=True, slots=True)
class Said:
    """A share in one corpus, and its number of units."""

    share: Share
    n: int


Corpus = tuple[str, Mapping[Key, Said]]
"""A corpus by name, and its shares."""


def write_corpus_differences(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Compute the table from those of ``READS``; returns the number of rows by table."""
    said = _said(connection)
    rows: list[Row] = []
    for corpus, other in permutations(sorted(said), 2):
        rows.extend(_compared((corpus, said[corpus]), (other, said[other])))
    return {TABLE: write_computed(connection, project.by_name[TABLE], COLUMNS, rows)}


def _said(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[Key, Said]]:
    """Every share of every corpus that has Dockerfiles."""
    said: dict[str, dict[Key, Said]] = defaultdict(dict)
    for corpus, topic, measure, unit, value, low, high, effective, n, clusters in connection.execute(
        _SHARES
    ).fetchall():
        said[corpus][topic, measure, unit] = Said(Share(value, low, high, effective, clusters), n)
    for corpus, topic, measure, counted, projects in connection.execute(_PACKAGES).fetchall():
        said[corpus][topic, measure, "project"] = Said(_share(counted, projects), projects)
    return dict(said)


def _compared(first: Corpus, second: Corpus) -> Sequence[Row]:
    """The rows that compare one corpus with another."""
    rows = []
    for key in _keys(first[1], second[1]):
        one, two = _of(key, first[1]), _of(key, second[1])
        if one is not None and two is not None:
            names = {"corpus": first[0], "other_corpus": second[0]}
            rows.append({**names, **_row(key, one, two)})
    tested = [row for row in rows if row["p"] is not None]
    for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row |= {"family_tests": len(tested), "p_holm": p}
    return rows


def _keys(first: Mapping[Key, Said], second: Mapping[Key, Said]) -> list[Key]:
    """The keys to compare: all keys of either corpus, but of packages only the most installed."""

    def most(key: Key) -> float:
        return max(said[key].share.value for said in (first, second) if key in said)

    every = sorted({*first, *second})
    packages = [key for key in every if key[0] == "package" and most(key) >= LEAST_SHARE]
    kept = set(sorted(packages, key=most, reverse=True)[:PACKAGES])
    return [key for key in every if key[0] != "package" or key in kept]


def _of(key: Key, said: Mapping[Key, Said]) -> Said | None:
    """The share in a corpus: 0 if it has the topic but not this item; ``None`` if it is unknown."""
    if key in said or key[0] not in _FILLED:
        return said.get(key)
    alike = [one for (topic, _, unit), one in said.items() if topic == key[0] and unit == key[2]]
    if not alike:
        return None
    return Said(_share(0, alike[0].share.clusters), alike[0].n)


def _share(counted: int, projects: int) -> Share:
    """A share of projects, each of which is one unit."""
    found = proportion(counted, projects)
    return Share(counted / projects, found.low, found.high, float(projects), projects)


def _row(key: Key, one: Said, two: Said) -> Row:
    topic, measure, unit = key
    found = difference(one.share, two.share)
    return {
        "topic": topic,
        "measure": measure,
        "unit_of_analysis": unit,
        "share": one.share.value,
        "share_low": one.share.low,
        "share_high": one.share.high,
        "n": one.n,
        "clusters": one.share.clusters,
        "other_share": two.share.value,
        "other_low": two.share.low,
        "other_high": two.share.high,
        "other_n": two.n,
        "other_clusters": two.share.clusters,
        "difference": found.value,
        "difference_low": found.low,
        "difference_high": found.high,
        "p": found.p,
        "note": found.reason,
    }
