"""The paper's claims, each answered: ``findings.claims``.

Here: running the query of each claim in ``seeds.claims`` for every corpus, and the verdict. Not here: the claims, the
intervals (``study.statistics``). A claim is a row of the seed: its sentence in our own words, the page, what is measured,
and one query over ``core`` that returns the rows behind the number.

``kind`` says what the query returns. ``share`` and ``median``: project, unit, value. ``ratio``: project, counted, units.
``first``: project, item, value, where the claim is that ``item`` is the largest. ``groups``: project, unit, item (ml or
control), value. ``number``: value and n. ``relation`` says what is claimed about the number: see ``verdict_of``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics.clusters import Units, cluster_effect
from dockml_dagster.study.statistics.intervals import Interval, mean_interval, median_interval, share_interval
from dockml_dagster.warehouse.build import write_computed
from dockml_dagster.warehouse.models import Project
from dockml_dagster.warehouse.rows import Row, literal

if TYPE_CHECKING:
    import duckdb
    import numpy as np

    Array = np.ndarray[Any, Any]

TABLE = "findings.claims"
READS = (
    "core.base_image_uses",
    "core.image_file_totals",
    "core.image_layers",
    "core.images",
    "core.layers",
    "core.project_image_configs",
    "core.project_shares",
    "core.projects",
    "core.purposes",
    "core.unit_measures",
    "findings.measures",
)
"""The tables that the seed's queries and the paper's own computation read."""

HOLDS, FAILS, OPEN = "holds", "does not hold", "cannot be told here"
ABOUT = 0.1
"""A number within this relative distance of the claimed one counts as about equal."""
LEAST_PROJECTS = 2
"""With fewer projects there is no interval, and nothing can be concluded about others."""

COLUMNS = {
    "corpus": "VARCHAR",
    "claim": "VARCHAR",
    "rq": "VARCHAR",
    "page": "VARCHAR",
    "statement": "VARCHAR",
    "reading": "VARCHAR",
    "unit_of_analysis": "VARCHAR",
    "measured": "VARCHAR",
    "number_unit": "VARCHAR",
    "relation": "VARCHAR",
    "threshold": "DOUBLE",
    "value": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "n": "BIGINT",
    "clusters": "BIGINT",
    "per_project": "DOUBLE",
    "per_project_low": "DOUBLE",
    "per_project_high": "DOUBLE",
    "verdict": "VARCHAR",
    "why": "VARCHAR",
    "query": "VARCHAR",
    "position": "BIGINT",
}
"""Columns of the table, with their DuckDB types."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The measured number. ``value`` is ``None`` if the corpus has no rows; ``n`` counts distinct units."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    clusters: int = 0
    per_project: Interval | None = None
    why: str | None = None


def write_claims(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Answer every claim for every corpus; returns the number of rows by table."""
    result = connection.execute("SELECT row_number() OVER () AS position, * FROM seeds.claims")
    names = [column[0] for column in result.description]
    claims = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    corpora = connection.execute("SELECT DISTINCT corpus FROM core.projects ORDER BY 1").fetchall()
    rows = [row for (corpus,) in corpora for claim in claims for row in _rows(connection, claim, corpus)]
    return {TABLE: write_computed(connection, project.by_name[TABLE], COLUMNS, rows)}


def _rows(connection: duckdb.DuckDBPyConnection, claim: Row, corpus: str) -> list[Row]:
    query = claim["query"].replace("$corpus", literal(corpus))
    answer = measure(connection, claim["kind"], claim["item"], query)
    common = {
        **{
            name: claim[name] for name in ("claim", "rq", "page", "statement", "unit_of_analysis", "measured")
        },
        **{name: claim[name] for name in ("number_unit", "relation", "threshold", "position")},
        "corpus": corpus,
    }
    verdict, why = verdict_of(claim["relation"], claim["threshold"], answer)
    rows: list[Row] = [
        {
            **common,
            "reading": "corrected",
            "value": answer.value,
            "low": answer.low,
            "high": answer.high,
            "n": answer.n,
            "clusters": answer.clusters,
            **_per_project(answer.per_project),
            "verdict": verdict,
            "why": claim["without"] if answer.value is None else why,
            "query": query,
        }
    ]
    # Only for the paper's own projects: its computation was never published for others.
    own = connection.execute(
        "SELECT value, n FROM findings.measures "
        "WHERE corpus = $corpus AND reading = 'as_published' AND rq = $rq AND metric = $metric AND category = $category "
        "AND corpus IN (SELECT corpus FROM core.projects WHERE category_as_published IS NOT NULL)",
        {**{name: claim[name] for name in ("rq", "metric", "category")}, "corpus": corpus},
    ).fetchone()
    if own is not None:
        value = own[0] / 100 if claim["kind"] in ("share", "ratio") else own[0]
        said = Answer(value, n=own[1], clusters=own[1])
        verdict, why = verdict_of(claim["relation"], claim["threshold"], said)
        rows.append(
            {**common, "reading": "as_published", "value": value, "n": own[1], "clusters": own[1]}
            | {"verdict": verdict, "why": why}
        )
    return rows


def _per_project(interval: Interval | None) -> Row:
    if interval is None:
        return {}
    return {
        "per_project": interval.value,
        "per_project_low": interval.low,
        "per_project_high": interval.high,
    }


def measure(connection: duckdb.DuckDBPyConnection, kind: str, item: str | None, query: str) -> Answer:
    """Run the query of a claim, and compute the number from its rows."""
    import numpy as np

    if kind == "number":
        row = connection.execute(query).fetchone()
        if row is None or not row[1]:
            return Answer()
        return Answer(float(row[0]), n=int(row[1]), clusters=int(row[1]))
    found: dict[str, Any] = connection.execute(f"SELECT * FROM ({query}) ORDER BY ALL").fetchnumpy()
    owners, projects = np.unique(found["project"].astype(str), return_inverse=True)
    if not len(owners):
        return Answer()
    if kind == "ratio":
        counts = np.ma.filled(found["counted"].astype(float), 0.0)
        sizes = found["units"].astype(np.int64)
        pooled = share_interval(counts, sizes, "unit")
        return Answer(
            pooled.value, pooled.low, pooled.high, pooled.n, pooled.clusters, share_interval(counts, sizes)
        )
    values = found["value"].astype(float)
    if kind == "first":
        return _first(found["item"].astype(str), values, projects, str(item))
    units = Units(values, projects)
    if kind == "groups":
        ml = found["item"].astype(str) == "ml"
        effect = cluster_effect(units.of(ml), units.of(~ml))
        if effect is None:
            return Answer()
        return Answer(effect.delta, effect.low, effect.high, units.n, units.clusters)
    _, once, numbers = np.unique(found["unit"].astype(str), return_index=True, return_inverse=True)
    if kind == "median":
        pooled, per_project = median_interval(units, "unit"), median_interval(units)
        value = float(np.median(values[once]))
    else:
        # A unit of two projects counts half in each, so that every unit counts once.
        part = 1 / np.bincount(numbers)[numbers]
        counts, sizes = np.bincount(projects, values * part), np.bincount(projects, part)
        pooled, per_project = share_interval(counts, sizes, "unit"), share_interval(counts, sizes)
        value = float(values[once].mean())
    return Answer(value, pooled.low, pooled.high, len(once), pooled.clusters, per_project)


def _first(items: Array, values: Array, projects: Array, named: str) -> Answer:
    """The lead of the named item over the next, or its lag behind the first, in mean shares over projects."""
    import numpy as np

    clusters = int(projects.max()) + 1
    names, numbers = np.unique(items, return_inverse=True)
    # Shares by project only of the two that matter: there may be as many items (base images) as projects.
    sums = np.bincount(numbers, values)
    sums[names == named] = -1.0
    ours = np.bincount(projects, values * (items == named), clusters)
    first = int(sums.argmax())
    if sums[first] < 0:
        return Answer(float(ours.mean()), n=clusters, clusters=clusters, why=f"nothing but {named} is there")
    other, theirs = str(names[first]), np.bincount(projects, values * (numbers == first), clusters)
    low, high = mean_interval(ours - theirs)
    why = f"{named} {100 * ours.mean():.1f} %, {other} {100 * theirs.mean():.1f} %"
    return Answer(float((ours - theirs).mean()), low, high, clusters, clusters, why=why)


def verdict_of(relation: str, threshold: float | None, answer: Answer) -> tuple[str, str | None]:
    """Whether a claim about a number holds, and why.

    ``equals``: it is the threshold. ``about``: it is within a tenth of it; if it is further away but its wide interval
    contains the threshold, the corpus cannot tell. ``at least``, ``above``, ``first``: the whole interval is at or above the
    threshold (0 for ``first``); if the interval lies on both sides, the corpus cannot tell. ``some``: it is not 0.
    ``all``: it is 1.
    """
    if answer.value is None:
        return OPEN, None
    if relation in ("equals", "some", "all"):
        held = {"equals": answer.value == threshold, "some": answer.value > 0, "all": answer.value == 1}[
            relation
        ]
        return (HOLDS if held else FAILS), answer.why
    bound = 0.0 if threshold is None else threshold
    low = answer.value if answer.low is None else answer.low
    high = answer.value if answer.high is None else answer.high
    if answer.low is None and answer.clusters < LEAST_PROJECTS:
        return OPEN, f"of {answer.clusters} projects there is no interval"
    if relation == "about":
        if abs(answer.value - bound) <= ABOUT * bound:
            return HOLDS, answer.why
        if low <= bound <= high:
            return OPEN, "more than a tenth away, but the interval is wide enough to hold it"
        return FAILS, answer.why
    if low >= bound:
        return HOLDS, answer.why
    if high < bound:
        return FAILS, answer.why
    both = "the interval lies on both sides"
    return OPEN, f"{answer.why}; {both}" if answer.why else both
