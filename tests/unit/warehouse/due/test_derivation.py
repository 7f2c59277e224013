"""A unit is due unless its row was made of this input by this version; what is due is done some units at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from dockml_dagster.errors import BadInputError
from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.deadline import check_time
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.due import derivation as module
from dockml_dagster.warehouse.due.derivation import Attempt, Derivation, Derived, Found, Rows, Unit, derive
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, FACTS, LINT

LENGTHS = Derivation(
    name="lengths",
    tables=("raw.lengths", "raw.letters"),
    key=("owner", "name"),
    marks=("input_hash",),
    version="made_by",
    made_at="made_at",
    inputs="SELECT owner, name, owner AS corpus, name AS project, sha256(text) AS input_hash FROM raw.texts",
    contents={
        "texts": "SELECT owner, name, text FROM raw.texts "
        "WHERE (owner, name) IN (SELECT (unnest($owner), unnest($name)))"
    },
    module="study.lengths",
    at_once=2,
)


class Place:
    """A warehouse with texts, and what was asked of ``compute``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.batches: list[list[str]] = []
        self.open = 0
        self.breaks: Callable[[str], object] = str

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        assert self.open == 0, "connections do not nest"
        self.open += 1
        yield self.connection
        self.open -= 1

    def compute(self, units: list[Unit], found: Found, attempt: Attempt) -> Rows:
        assert self.open == 0, "nobody waits for a computation"
        self.batches.append([unit["name"] for unit in units])
        assert len(found["texts"]) == len(units)
        keyed = []
        for owner, name, text in found["texts"]:
            with attempt({"owner": owner, "name": name}):
                self.breaks(text)
                keyed.append(({"owner": owner, "name": name}, text))
        return {
            "raw.lengths": [{**key, "length": len(text)} for key, text in keyed],
            "raw.letters": [{**key, "letter": letter} for key, text in keyed for letter in text],
        }

    def run(self, version: str, derivation: Derivation = LENGTHS) -> Derived:
        self.batches.clear()
        return derive(self.connect, derivation, version, self.compute)  # type: ignore[arg-type]

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.connection.execute(sql).fetchall()


@pytest.fixture
def place() -> Iterator[Place]:
    with duckdb.connect() as connection:
        migrations.apply(connection)
        connection.execute(
            """
            CREATE TABLE raw.texts (owner VARCHAR, name VARCHAR, text VARCHAR);
            CREATE TABLE raw.lengths (
                owner VARCHAR, name VARCHAR, length INTEGER, input_hash VARCHAR, made_by VARCHAR, made_at TIMESTAMP
            );
            CREATE TABLE raw.letters (owner VARCHAR, name VARCHAR, letter VARCHAR);
            INSERT INTO raw.texts VALUES ('o', 'c', 'abc'), ('o', 'a', 'a'), ('o', 'b', 'ab'), ('p', 'a', '');
            """
        )
        yield Place(connection)


def test_each_unit_is_done_once_in_order_and_some_at_a_time(place: Place) -> None:
    assert place.run("1") == Derived(units=4, rows=10)
    assert place.batches == [["a", "b"], ["c", "a"]]
    assert place.rows("SELECT owner, name, length, made_by FROM raw.lengths ORDER BY 1, 2") == [
        ("o", "a", 1, "1"),
        ("o", "b", 2, "1"),
        ("o", "c", 3, "1"),
        ("p", "a", 0, "1"),
    ]
    assert place.run("1") == Derived(0, 0)
    assert place.batches == []


@pytest.mark.parametrize(
    ("units", "batches"),
    [(199, [199]), (200, [200]), (450, [200, 200, 50]), (2000, [250] * 8), (2401, [300] * 8 + [1])],
)
def test_rows_of_some_are_stored_while_the_next_are_computed(
    place: Place, units: int, batches: list[int]
) -> None:
    place.connection.execute(f"INSERT INTO raw.texts SELECT 'q', range, 'x' FROM range({units - 4})")
    assert place.run("1", replace(LENGTHS, at_once=300)).units == units
    assert [len(batch) for batch in place.batches] == batches


def test_a_changed_input_is_due_alone_and_its_rows_take_the_place_of_the_old(place: Place) -> None:
    place.run("1")
    place.connection.execute("UPDATE raw.texts SET text = 'xy' WHERE owner = 'o' AND name = 'a'")
    assert place.run("1").units == 1
    assert place.rows("SELECT letter FROM raw.letters WHERE name = 'a' ORDER BY 1") == [("x",), ("y",)]
    assert place.rows("SELECT count(*) FROM raw.letters WHERE name <> 'a'") == [(5,)]


def test_another_version_makes_all_due_and_replaces_them(place: Place) -> None:
    place.run("1")
    assert place.run("2").units == 4
    assert place.rows("SELECT DISTINCT made_by FROM raw.lengths") == [("2",)]
    assert place.rows("SELECT count(*) FROM raw.letters") == [(6,)]


def test_an_interruption_loses_only_what_was_not_stored(place: Place) -> None:
    computing = place.compute

    def interrupted(units: list[Unit], found: Found, attempt: Attempt) -> Rows:
        if place.batches:
            raise KeyboardInterrupt
        return computing(units, found, attempt)

    with pytest.raises(KeyboardInterrupt):
        derive(place.connect, LENGTHS, "1", interrupted)  # type: ignore[arg-type]
    assert place.run("1").units == 2


def fails_at(*texts: str) -> Callable[[str], object]:
    def breaks(text: str) -> None:
        if text in texts:
            raise ZeroDivisionError("planted")

    return breaks


def test_a_unit_that_fails_is_an_outcome_and_the_others_are_stored(place: Place) -> None:
    place.breaks = fails_at("ab")
    done = place.run("1")
    assert [(failure.unit["name"], failure.reason) for failure in done.failures] == [
        ("b", "ZeroDivisionError: planted")
    ]
    assert place.rows("SELECT name FROM raw.lengths ORDER BY 1") == [("a",), ("a",), ("c",)]
    assert place.rows("SELECT corpus, project, stage, subject, status, reason FROM raw.outcomes") == [
        ("o", "b", LENGTHS.name, "o b", "failed", "ZeroDivisionError: planted")
    ]


def test_what_failed_is_held_until_its_input_or_the_version_is_another(place: Place) -> None:
    place.breaks = fails_at("ab", "abc")
    place.run("1")
    assert place.run("1") == Derived(0, 0)
    place.connection.execute("UPDATE raw.texts SET text = 'xy' WHERE name = 'b'")
    assert place.run("1") == Derived(1, 3)
    assert place.batches == [["b"]]
    assert place.run("2").units == 4
    assert place.run("2") == Derived(0, 0)


def test_what_failed_before_is_told_to_be_mended(place: Place) -> None:
    newest = (
        "SELECT subject, arg_max(status, observed_at), count(*) FROM raw.outcomes GROUP BY ALL ORDER BY 1"
    )
    place.breaks = fails_at("ab", "a")
    place.run("1")
    assert place.rows(newest) == [("o a", "failed", 1), ("o b", "failed", 1)]
    place.breaks = fails_at("ab")
    place.run("2")
    assert place.rows(newest) == [("o a", "collected", 2), ("o b", "failed", 2)]
    # Once: what is well and was so before has no outcome.
    place.run("3")
    assert place.rows(newest) == [("o a", "collected", 2), ("o b", "failed", 3)]


def test_a_unit_that_takes_too_long_fails_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNIT_SECONDS", 0.02)

    def breaks(text: str) -> None:
        while text == "ab":
            check_time()

    place.breaks = breaks
    assert [failure.reason for failure in place.run("1").failures] == [
        "OutOfTimeError: not read within 0.02 s"
    ]


def test_what_is_left_away_of_a_unit_is_told_until_it_is_read_whole(place: Place) -> None:
    newest = (
        "SELECT subject, arg_max(status, observed_at), arg_max_null(reason, observed_at), count(*) "
        "FROM raw.outcomes GROUP BY ALL ORDER BY 1"
    )

    def cuts(text: str) -> None:
        if text == "ab":
            note_cut("more than 1 letter")
            note_cut("a letter of over 2 strokes")

    place.breaks = cuts
    assert place.run("1").failures == ()
    assert place.rows(newest) == [
        ("o b", "collected", "censored: a letter of over 2 strokes; more than 1 letter", 1)
    ]
    assert place.rows("SELECT length FROM raw.lengths WHERE name = 'b'") == [(2,)]
    assert place.run("1").units == 0
    place.breaks = str
    place.run("2")
    assert place.rows(newest) == [("o b", "collected", None, 2)]
    place.run("3")
    assert place.rows(newest) == [("o b", "collected", None, 2)]


def test_what_is_left_away_of_a_unit_that_fails_is_not_told(place: Place) -> None:
    def breaks(text: str) -> None:
        note_cut("more than 1 letter")
        raise ValueError(text)

    place.breaks = breaks
    place.run("1")
    assert {row[0] for row in place.rows("SELECT status FROM raw.outcomes")} == {"failed"}


def test_our_own_errors_are_nobodys_failure(place: Place) -> None:
    def breaks(_: str) -> None:
        raise BadInputError("the disk, say")

    place.breaks = breaks
    with pytest.raises(BadInputError):
        place.run("1")


@pytest.mark.parametrize("derivation", [*DERIVATIONS, LINT], ids=lambda one: one.name)
def test_its_statements_run(derivation: Derivation) -> None:
    with duckdb.connect() as connection:
        migrations.apply(connection)
        assert derivation.due(connection, "1") == []
        assert derivation.read(connection, []) == {name: [] for name in derivation.contents}


def test_facts_are_sought_in_files_that_have_some() -> None:
    with duckdb.connect() as connection:
        migrations.apply(connection)
        for role in ("compose", "workflow", "readme", "dependencies", None):
            connection.execute(
                "INSERT INTO raw.repository_files BY NAME SELECT 'local/a/b' AS project, 'local' AS corpus, 'p' AS path, "
                "'other' AS file_kind, 's' AS sha256, $1 AS read_as, 'x'::BLOB AS content, 'test' AS source, "
                "'h' AS row_hash, $2::TIMESTAMP AS first_seen, $2::TIMESTAMP AS last_seen".replace("?", "$1"),
                [role, datetime.now(UTC).replace(tzinfo=None)],
            )
        assert [unit["read_as"] for unit in FACTS.due(connection, "1")] == ["compose", "workflow"]
