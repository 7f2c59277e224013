"""Shares of labels: whose they are, and what each row says of it."""

import duckdb
import pytest

from dockml_dagster.study.statistics.calibrated import Stratum
from dockml_dagster.warehouse.computed.label_shares import (
    COLUMNS,
    strata,
    unseen_by_machine,
    write_label_shares,
)
from dockml_dagster.warehouse.models import load


def _written(purposes, categories=(), corpus="local"):
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core; CREATE SCHEMA findings; CREATE SCHEMA seeds")
        connection.execute(
            "CREATE TABLE seeds.purposes (name VARCHAR); CREATE TABLE seeds.categories (name VARCHAR)"
        )
        connection.execute(
            "INSERT INTO seeds.purposes VALUES ('Hosting'); INSERT INTO seeds.categories VALUES ('Model')"
        )
        connection.execute(
            "CREATE TABLE seeds.machine_reliability AS SELECT 'purpose' AS code_system, 'Hosting' AS code, 10 AS given, "
            "7 AS given_right, 10 AS not_given, 4 AS not_given_missed"
        )
        connection.execute(
            "CREATE TABLE seeds.evaluation_split AS SELECT 'purposes' AS split, 'salt' AS salt"
        )
        connection.execute(
            "CREATE TABLE core.purposes (corpus VARCHAR, source VARCHAR, unit_kind VARCHAR, unit VARCHAR, purpose VARCHAR)"
        )
        connection.execute(
            "CREATE TABLE core.categories (corpus VARCHAR, project VARCHAR, category_adjudicated VARCHAR, "
            "category_of_people VARCHAR, category_of_machine VARCHAR)"
        )
        connection.execute("CREATE TABLE core.projects (project VARCHAR, cohort VARCHAR)")
        for source, unit, purpose in purposes:
            connection.execute(
                "INSERT INTO core.purposes VALUES (?, ?, 'project', ?, ?)", [corpus, source, unit, purpose]
            )
        for row in categories:
            connection.execute("INSERT INTO core.categories VALUES ('local', ?, ?, ?, ?)", row)
        connection.execute(
            "INSERT INTO core.projects SELECT unit, NULL FROM core.purposes UNION SELECT project, NULL FROM core.categories"
        )
        write_label_shares(connection, load())
        result = connection.execute("SELECT * FROM findings.label_shares").fetchall()
        return {row["code_system"]: row for row in (dict(zip(COLUMNS, row, strict=True)) for row in result)}


def test_people_and_machine_together():
    people = [("people", f"p{i}", "Hosting" if i < 6 else "none") for i in range(10)]
    machine = [("machine", f"p{i}", "Hosting" if i % 2 else "none") for i in range(16)]
    row = _written([*people, *machine])["purpose"]
    assert (row["n"], row["n_people"], row["n_machine"]) == (16, 10, 16)
    assert (row["share_people"], row["share_machine"]) == (0.6, 0.5)
    # Of the five coded with the machine's Hosting 3 bear it, of the five without 3.
    assert row["share_calibrated"] == pytest.approx((6 + 3 * 3 / 5 + 3 * 3 / 5) / 16)
    assert row["low"] < row["finite_low"] < row["share_calibrated"] < row["finite_high"] < row["high"]
    assert row["label_source"] == "calibrated"
    assert row["note"].startswith("if uncoded projects")
    assert row["share_if_as_measured"] is None


def test_two_coded_projects_are_no_estimate_of_all():
    people = [("people", f"p{i}", ("none", "Hosting")[i]) for i in range(2)]
    machine = [("machine", f"p{i}", "Hosting") for i in range(16)]
    row = _written([*people, *machine])["purpose"]
    assert (row["n"], row["n_people"], row["n_machine"], row["share_people"]) == (16, 2, 16, 0.5)
    assert (row["share_calibrated"], row["label_source"]) == (None, "people")
    assert row["note"] == "too few projects are coded for an estimate of all"


def test_the_machine_alone_is_told_as_such():
    row = _written([("machine", f"p{i}", "Hosting") for i in range(4)])["purpose"]
    assert (row["n_people"], row["share_people"], row["share_calibrated"], row["low"]) == (
        0,
        None,
        None,
        None,
    )
    assert (row["share_machine"], row["share_if_as_measured"]) == (1, 0.7)
    assert row["machine_informedness"] == pytest.approx(7 / 11 + 6 / 9 - 1)
    assert (row["label_source"], row["note"]) == (
        "machine",
        "nobody was coded here",
    )


def test_categories_of_people_need_no_machine():
    rows = [(f"p{i}", None, "Model" if i < 2 else "Toolkit", "Toolkit") for i in range(5)]
    row = _written([], [*rows, ("p9", "Model", "Toolkit", None)])["category"]
    assert (row["n_people"], row["share_people"], row["share_calibrated"]) == (6, 0.5, 0.5)
    assert (row["label_source"], row["note"]) == ("people", None)


def test_projects_that_the_machine_never_saw_are_of_their_own():
    people = {"a": {"x"}, "b": {"y"}, "c": {"x"}}
    machine = {"a": {"x"}, "b": {"x"}, "d": {"none"}}
    assert strata("x", people, machine) == {
        "True": Stratum(2, 1, 0),
        "not seen": Stratum(1, 1, 0),
        "False": Stratum(0, 0, 1),
    }


OWNERS = [
    name
    for name in "abcdefghijklmnop"
    if unseen_by_machine("ease2022", "purpose", f"ease2022/{name}/x", "salt")
]
"""Owners of the half that the rules of purposes were not made on."""


def test_the_machine_learnt_from_half_of_one_corpus():
    assert 3 < len(OWNERS) < 13
    assert unseen_by_machine("ease2022", "purpose", f"ease2022/{OWNERS[0].upper()}/y", "salt")
    assert not unseen_by_machine("ease2022", "category", f"ease2022/{OWNERS[0]}/x", "salt")
    assert unseen_by_machine("local", "category", "local/a/x", "salt")


def test_cross_fitted_shares_learn_from_projects_that_the_machine_did_not():
    """Of the coded half that the rules saw all with the machine's Hosting bear it, of the other a quarter."""
    seen = [name for name in "abcdefghijklmnop" if name not in OWNERS]
    units = [
        (f"ease2022/{owner}/{i}", owner in OWNERS, i) for owner in [*OWNERS[:4], *seen[:4]] for i in range(4)
    ]
    people = [("people", unit, "Hosting" if not unseen or i == 0 else "none") for unit, unseen, i in units]
    machine = [("machine", unit, "Hosting") for unit, _, _ in units]
    uncoded = [("machine", f"ease2022/{OWNERS[0]}/u{i}", "Hosting") for i in range(32)]
    row = _written([*people, *machine, *uncoded], corpus="ease2022")["purpose"]
    assert row["share_calibrated"] == pytest.approx((20 + 32 * 20 / 32) / 64)
    assert row["share_cross_fitted"] == pytest.approx((20 + 32 * 4 / 16) / 64)
    assert row["n_unseen"] == 16
    assert row["cross_fitted_low"] < row["share_cross_fitted"] < row["cross_fitted_high"]
    assert row["high"] - row["low"] < row["cross_fitted_high"] - row["cross_fitted_low"]


def test_elsewhere_the_machine_learnt_from_nobody():
    people = [("people", f"local/o/{i}", "Hosting") for i in range(5)]
    machine = [("machine", f"local/o/{i}", "Hosting") for i in range(9)]
    row = _written([*people, *machine])["purpose"]
    assert (row["n_unseen"], row["share_cross_fitted"]) == (None, None)
