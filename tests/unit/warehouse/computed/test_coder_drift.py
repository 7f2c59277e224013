"""Every number of ``findings.coder_drift``, by a direct call of scipy (and statsmodels for Holm) on a small table."""

import duckdb
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dockml_dagster.study.labels.coder_drift import Halves, coder_drift
from dockml_dagster.warehouse.computed.coder_drift import COLUMNS, TABLE, write_coder_drift
from dockml_dagster.warehouse.models import load

PURPOSES = {
    "Environment variables": (40, 41, 3, 19),
    "Hosting": (40, 41, 12, 10),
    "CI/CD": (40, 41, 9, 1),
    "Security": (40, 41, 0, 0),
    "Build and packaging": (40, 41, 40, 41),
}
MACHINES = {
    "Environment variables": (12, 8, 2, 7),
    "Hosting": (11, 0, 4, 0),
    "CI/CD": (10, 10, 6, 1),
    "Security": (0, 0, 0, 0),
}
UNTESTED = {"Security": "no unit bears the code", "Build and packaging": "every unit bears the code"}


@pytest.fixture(scope="module")
def written():
    """Rows of the finding by ``among`` and code, of one order, and one of an order that the machine did not look at."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core")
        connection.execute(
            "CREATE TABLE core.label_halves (corpus VARCHAR, code_system VARCHAR, unit_of_analysis VARCHAR, rater VARCHAR, "
            "sheet VARCHAR, among VARCHAR, code VARCHAR, n_first BIGINT, n_second BIGINT, units_first BIGINT, "
            "units_second BIGINT)"
        )
        counted = [
            *(("ana", "every unit", code, *counts) for code, counts in PURPOSES.items()),
            *(("ana", "labelled so by the machine", code, *counts) for code, counts in MACHINES.items()),
            ("bea", "every unit", "Hosting", 1, 1, 1, 0),
            ("bea", "labelled so by the machine", "Hosting", None, None, None, None),
        ]
        for rater, *rest in counted:
            connection.execute(
                "INSERT INTO core.label_halves VALUES ('x', 'purpose', 'project', ?, 'sheet', ?, ?, ?, ?, ?, ?)",
                [rater, *rest],
            )
        assert write_coder_drift(connection, load()) == {TABLE: len(counted)}
        rows = [
            dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(f"FROM {TABLE}").fetchall()
        ]
    return {(row["rater"], row["among"], row["code"]): row for row in rows}


def _of(written, rater, among):
    return {key[2]: row for key, row in written.items() if key[:2] == (rater, among)}


def test_shares_with_wilsons_interval(written):
    for code, (n_first, n_second, units_first, units_second) in PURPOSES.items():
        row = written["ana", "every unit", code]
        assert row["n"] == n_first + n_second
        for half, units, n in (("first", units_first, n_first), ("second", units_second, n_second)):
            again = stats.binomtest(units, n).proportion_ci(method="wilson")
            assert (row[f"n_{half}"], row[f"units_{half}"], row[f"share_{half}"]) == (n, units, units / n)
            assert row[f"share_{half}_low"] == pytest.approx(again.low)
            assert row[f"share_{half}_high"] == pytest.approx(again.high)
        assert row["difference"] == pytest.approx(units_second / n_second - units_first / n_first)


@pytest.mark.parametrize(
    ("among", "counts", "tested"),
    [
        ("every unit", PURPOSES, ["CI/CD", "Environment variables", "Hosting"]),
        ("labelled so by the machine", MACHINES, ["CI/CD", "Environment variables"]),
    ],
)
def test_fishers_exact_test_with_holm_over_what_is_tested(written, among, counts, tested):
    rows = _of(written, "ana", among)
    assert sorted(code for code, row in rows.items() if row["p"] is not None) == tested
    raw = []
    for code in tested:
        n_first, n_second, first, second = counts[code]
        raw.append(stats.fisher_exact([[first, second], [n_first - first, n_second - second]]).pvalue)
        assert rows[code]["p"] == pytest.approx(raw[-1])
    corrected = multipletests(raw, method="holm")[1]
    assert [rows[code]["p_holm"] for code in tested] == pytest.approx(list(corrected))
    assert all(row["p_holm"] is None for row in rows.values() if row["p"] is None)


def test_what_could_not_have_differed_says_so(written):
    notes = {code: row["note"] for code, row in _of(written, "ana", "every unit").items()}
    assert notes == dict.fromkeys(PURPOSES) | UNTESTED


def test_few_units_are_noted_and_no_unit_has_no_share(written):
    rows = _of(written, "ana", "labelled so by the machine")
    assert rows["CI/CD"]["note"] is None
    assert rows["Environment variables"]["note"] == "fewer than 10 units in a half"
    assert rows["Hosting"]["note"] == "one half has no unit; fewer than 10 units in a half"
    assert (rows["Hosting"]["share_second"], rows["Hosting"]["difference"]) == (None, None)
    assert rows["Security"]["n"] == 0
    assert rows["Security"]["share_first"] is None


def test_where_the_machine_did_not_look_nothing_is_known(written):
    row = written["bea", "labelled so by the machine", "Hosting"]
    assert row["note"] == "the machine looked at none of these units"
    assert {row[name] for name in COLUMNS if name.startswith(("n", "units", "share")) and name != "note"} == {
        None
    }
    assert written["bea", "every unit", "Hosting"]["p"] == 1


def test_more_units_with_a_code_than_units_is_refused():
    with pytest.raises(ValueError, match="no proportion"):
        coder_drift({"Hosting": Halves(2, 2, 3, 1)})
