"""core.share_intervals and core.median_intervals give what study.statistics.intervals gives, on random units of projects."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

from dockml_dagster.study.statistics.clusters import Units
from dockml_dagster.study.statistics.intervals import Interval, median_interval, share_interval
from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.models import load

GENERATOR = np.random.default_rng(20220613)
CATEGORIES = ("Toolkit", "Model", None)
PROJECTS = 120
"""More than the seed of t has degrees of freedom, so that its expansion is tried too."""


def _units() -> list[tuple[str, str, str, str | None, float]]:
    """(measure, kind, project, category, value): few projects, many, one, single units, shares of none and of all."""
    rows = []
    measures = (
        ("many", PROJECTS, 6),
        ("few", 7, 9),
        ("one", 1, 5),
        ("single", 40, 1),
        ("none", 9, 4),
        ("all", 9, 4),
    )
    for measure, projects, most in measures:
        for project in range(projects):
            for _ in range(int(GENERATOR.integers(1, most + 1))):
                share = {"none": 0.0, "all": 1.0}.get(measure, project % 5 / 4)
                yes = float(GENERATOR.random() < share)
                key = f"c/o/{project}"
                rows.append((measure, "yes or no", key, CATEGORIES[project % 3], yes))
                number = float(GENERATOR.integers(0, 12) + project % 4)
                rows.append((f"{measure} number", "number", key, CATEGORIES[project % 3], number))
    return rows


UNITS = _units()


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    models = load()
    with duckdb.connect() as opened:
        opened.execute("CREATE SCHEMA seeds; CREATE SCHEMA core; CREATE SCHEMA staging")
        build.load_seeds(opened, models)
        opened.execute(
            "CREATE TABLE core.projects AS SELECT 'c' AS corpus, 'c/o/' || range AS project, "
            f"['Toolkit', 'Model', NULL][range % 3 + 1] AS category, 'ml' AS cohort FROM range({PROJECTS})"
        )
        opened.execute(
            "CREATE TABLE core.unit_measures (corpus VARCHAR, measure VARCHAR, kind VARCHAR, unit_of_analysis VARCHAR, "
            "project VARCHAR, category VARCHAR, value DOUBLE, cohort VARCHAR DEFAULT 'ml', link_grade VARCHAR, unit VARCHAR)"
        )
        opened.executemany(
            "INSERT INTO core.unit_measures VALUES ('c', ?, ?, 'Dockerfile', ?, ?, ?, 'ml', NULL, NULL)",
            UNITS,
        )
        for empty in (
            "project_shares (what VARCHAR, corpus VARCHAR, reading VARCHAR, project VARCHAR, category VARCHAR, "
            "item VARCHAR, occurrences BIGINT)",
            "project_image_configs (corpus VARCHAR, project VARCHAR, config_digest VARCHAR, platform VARCHAR)",
            "purposes (corpus VARCHAR, source VARCHAR, project VARCHAR, unit_kind VARCHAR, unit VARCHAR, purpose VARCHAR)",
            "dockerfiles (corpus VARCHAR, project VARCHAR, differences VARCHAR[])",
            "image_concentration (corpus VARCHAR, config_digest VARCHAR, is_censored BOOLEAN, gini DOUBLE)",
            "rule_matches (corpus VARCHAR, project VARCHAR, rule VARCHAR, violations BIGINT, matches BIGINT)",
            "history_parts (corpus VARCHAR, measure VARCHAR, unit_of_analysis VARCHAR, project VARCHAR, counted BIGINT, "
            "units BIGINT)",
        ):
            opened.execute(f"CREATE TABLE core.{empty}")
        names = ("critical_values", "share_parts", "share_intervals", "median_intervals")
        for name in names:
            build.make(opened, models.by_name[f"core.{name}"], models.by_name[f"core.{name}"].sql)
        yield opened


def _of(measure: str, category: str) -> Units:
    chosen = [row for row in UNITS if row[0] == measure and category in ("All", row[3] or "unlabelled")]
    _, projects = np.unique([row[2] for row in chosen], return_inverse=True)
    return Units(np.array([row[4] for row in chosen]), projects)


def _same(found: Interval, *row: float | None) -> None:
    value, low, high, n, clusters, effective, largest = row
    assert (n, clusters) == (found.n, found.clusters)
    for ours, theirs in (
        (value, found.value),
        (low, found.low),
        (high, found.high),
        (effective, found.effective),
    ):
        assert ours == (None if theirs is None else pytest.approx(theirs, abs=1e-7))
    assert largest == pytest.approx(found.largest)


def test_shares(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT measure, category, weighting, share, low, high, n, clusters, n_effective, largest_cluster_share "
        "FROM core.share_intervals"
    ).fetchall()
    # All and three categories, "one" having one category; by project and by unit.
    assert len(rows) == (5 * 4 + 2) * 2
    for measure, category, weighting, *row in rows:
        units = _of(measure, category)
        _same(share_interval(np.bincount(units.projects, units.values), units.sizes, weighting), *row)


def test_medians(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT measure, category, weighting, median, low, high, n, clusters, n_effective, largest_cluster_share "
        "FROM core.median_intervals"
    ).fetchall()
    assert len(rows) == (5 * 4 + 2) * 2
    for measure, category, weighting, *row in rows:
        _same(median_interval(_of(measure, category), weighting), *row)
