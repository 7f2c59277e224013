"""The answers to the paper's claims: each kind of query on a few rows, and the verdicts."""

import csv
import tracemalloc
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.warehouse.computed.claims import COLUMNS, Answer, measure, verdict_of, write_claims
from dockml_dagster.warehouse.models import folder, load

SEED = Path(folder()) / "seeds" / "claims.csv"


def _claims():
    with SEED.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _asked(kind, rows, item=None):
    with duckdb.connect() as connection:
        return measure(connection, kind, item, f"SELECT * FROM (VALUES {rows}) AS rows {_NAMES[kind]}")


_NAMES = {
    "share": "(project, unit, value)",
    "median": "(project, unit, value)",
    "ratio": "(project, counted, units)",
    "first": "(project, item, value)",
    "groups": "(project, unit, item, value)",
    "number": "(value, n)",
}


def test_a_share_counts_a_unit_of_two_projects_once():
    found = _asked("share", "('a', 'i1', 1), ('b', 'i1', 1), ('b', 'i2', 0), ('c', 'i3', 0)")
    assert (found.value, found.n, found.clusters) == (pytest.approx(1 / 3), 3, 3)
    assert found.low < found.value < found.high
    # b has half of i1 and all of i2.
    assert found.per_project.value == pytest.approx((1 + 1 / 3 + 0) / 3)


def test_a_median_is_of_distinct_units():
    found = _asked("median", "('a', 'i1', 10), ('b', 'i1', 10), ('b', 'i2', 30), ('c', 'i3', 50)")
    assert (found.value, found.n, found.clusters) == (30, 3, 3)


def test_a_ratio_is_pooled():
    found = _asked("ratio", "('a', 3, 10), ('b', NULL, 10)")
    assert (found.value, found.n, found.clusters, found.per_project.value) == (3 / 20, 20, 2, 3 / 20)


def test_the_first_leads_by_the_mean_of_its_share():
    rows = "('a', 'RUN', 0.6), ('a', 'COPY', 0.4), ('b', 'RUN', 0.5), ('b', 'ENV', 0.5), ('c', 'RUN', 0.7)"
    found = _asked("first", rows, "RUN")
    assert found.value == pytest.approx(0.6 - 0.5 / 3)
    assert (found.n, found.clusters) == (3, 3)
    assert found.why == "RUN 60.0 %, ENV 16.7 %"
    assert _asked("first", rows, "COPY").value == pytest.approx(0.4 / 3 - 0.6)


def test_the_first_may_be_alone_or_not_there():
    alone = _asked("first", "('a', 'RUN', 0.6), ('b', 'RUN', 0.8)", "RUN")
    assert (alone.value, alone.low, alone.why) == (pytest.approx(0.7), None, "nothing but RUN is there")
    assert _asked("first", "('a', 'RUN', 0.6), ('b', 'RUN', 0.8)", "COPY").value == pytest.approx(-0.7)
    assert _asked("first", "('a', 'RUN', 0.6), ('b', 'ENV', 0.0)", "RUN").why == "RUN 30.0 %, ENV 0.0 %"


def test_memory_grows_with_rows_and_not_with_items_times_projects():
    query = "SELECT range::VARCHAR AS project, 'i' || range AS item, 1.0 AS value FROM range(5000)"
    with duckdb.connect() as connection:
        tracemalloc.start()
        try:
            assert measure(connection, "first", "i1", query).n == 5000
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()


def test_groups_are_compared_by_cliffs_delta():
    rows = "('a', 'i1', 'ml', 5), ('b', 'i2', 'ml', 9), ('c', 'i3', 'control', 1), ('d', 'i4', 'control', 6)"
    assert _asked("groups", rows).value == pytest.approx(2 / 4)


def test_no_rows_are_no_answer():
    for kind in ("share", "ratio", "first", "median", "groups"):
        with duckdb.connect() as connection:
            nothing = measure(connection, kind, "x", "SELECT NULL AS project WHERE false")
        assert nothing == Answer()
    assert _asked("number", "(0, 0)") == Answer()


@pytest.mark.parametrize(
    ("relation", "threshold", "answer", "verdict"),
    [
        ("equals", 6, Answer(6, n=3), "holds"),
        ("equals", 6, Answer(5, n=3), "does not hold"),
        ("some", None, Answer(0.01, 0, 0.1, 9, 9), "holds"),
        ("some", None, Answer(0, 0, 0.1, 9, 9), "does not hold"),
        ("all", None, Answer(1, 0.9, 1, 9, 9), "holds"),
        ("all", None, Answer(0.99, 0.9, 1, 9, 9), "does not hold"),
        ("at least", 0.5, Answer(0.6, 0.5, 0.7, 9, 9), "holds"),
        ("at least", 0.5, Answer(0.6, 0.49, 0.7, 9, 9), "cannot be told here"),
        ("at least", 0.5, Answer(0.4, 0.3, 0.49, 9, 9), "does not hold"),
        ("at least", 0.5, Answer(0.6, n=9, clusters=1), "cannot be told here"),
        ("about", 0.42, Answer(0.3, 0.2, 0.43, 9, 9), "cannot be told here"),
        ("about", 0.42, Answer(0.39, 0.1, 0.8, 9, 9), "holds"),
        ("about", 0.42, Answer(0.37, 0.2, 0.6, 9, 9), "cannot be told here"),
        ("about", 0.42, Answer(0.4, 0.39, 0.41, 9, 9), "holds"),
        ("about", 0.42, Answer(0.3, 0.2, 0.4, 9, 9), "does not hold"),
        ("first", None, Answer(0.1, 0.01, 0.2, 9, 9), "holds"),
        ("first", None, Answer(0.1, -0.01, 0.2, 9, 9), "cannot be told here"),
        ("above", 0, Answer(-0.1, -0.2, -0.01, 9, 9), "does not hold"),
        ("some", None, Answer(), "cannot be told here"),
    ],
)
def test_verdicts(relation, threshold, answer, verdict):
    assert verdict_of(relation, threshold, answer)[0] == verdict


def test_every_claim_says_what_it_is():
    claims = _claims()
    assert len({claim["claim"] for claim in claims}) >= 25
    keys = [(claim["claim"], claim["unit_of_analysis"]) for claim in claims]
    assert len(set(keys)) == len(keys)
    assert {claim["kind"] for claim in claims} == set(_NAMES)
    assert [
        claim for claim in claims if "$corpus" not in claim["query"] or "core." not in claim["query"]
    ] == []
    assert [claim for claim in claims if "findings." in claim["query"] or "raw." in claim["query"]] == []
    needed = {"equals", "about", "at least", "above"}
    assert [c["claim"] for c in claims if (c["relation"] in needed) == (c["threshold"] == "")] == []


def test_an_answer_comes_with_the_query_as_it_was_asked():
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core; CREATE SCHEMA findings; CREATE SCHEMA seeds")
        connection.execute(
            "CREATE TABLE core.projects AS SELECT 'local' AS corpus, 'local/o/' || range AS project, "
            "if(range < 6, 'Application System', 'Model') AS category, NULL::VARCHAR AS cohort, "
            "NULL::VARCHAR AS category_as_published "
            "FROM range(8)"
        )
        connection.execute(
            "CREATE TABLE findings.measures (corpus VARCHAR, reading VARCHAR, rq VARCHAR, metric VARCHAR, "
            "category VARCHAR, value DOUBLE, n BIGINT)"
        )
        connection.execute(f"CREATE TABLE seeds.claims AS FROM read_csv('{SEED}', all_varchar = true)")
        connection.execute(
            "ALTER TABLE seeds.claims ALTER threshold TYPE DOUBLE USING nullif(threshold, '')::DOUBLE"
        )
        connection.execute("DELETE FROM seeds.claims WHERE claim NOT IN ('applications-first', 'six-kinds')")
        write_claims(connection, load())
        result = connection.execute("SELECT * FROM findings.claims ORDER BY position")
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in result.fetchall()]
        assert [(row["claim"], row["value"], row["verdict"]) for row in rows] == [
            ("six-kinds", 2, "does not hold"),
            ("applications-first", 0.5, "cannot be told here"),
        ]
        assert connection.execute(rows[0]["query"]).fetchall() == [(2, 8)]
