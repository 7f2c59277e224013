"""The one rule for computed tables: a unit is due unless its row was made from its present input by this version.

Here: what a derivation is, which of its units are due, and computing them in batches. Not here: the list of derivations
(``derivations``), where a version comes from (``warehouse.versions``), what is due to be collected (``query``).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from dockml_dagster.errors import DockmlError
from dockml_dagster.study.cuts import noted_cuts
from dockml_dagster.study.deadline import time_limit
from dockml_dagster.warehouse.apart import reason_of, together_or_apart
from dockml_dagster.warehouse.due.query import moment, record_outcomes
from dockml_dagster.warehouse.due.visits import make_visits
from dockml_dagster.warehouse.rows import Row, combined_hash, has_rows, insert, qualified, quote, replace

if TYPE_CHECKING:
    import duckdb

_LONGEST = 300
Unit = Mapping[str, Any]
"""The unit of computation: a row of a derivation's ``inputs``."""
Found = Mapping[str, list[Any]]
"""Name of one of ``contents`` → its rows, for some units."""
Rows = Mapping[str, Sequence[Row]]
"""Table → the rows computed for some units."""
Attempt = Callable[[Unit], AbstractContextManager[None]]
"""A context for the work on one unit, given by its key columns: an error inside fails that unit only."""
Compute = Callable[[Sequence[Unit], Found, Attempt], Rows]
"""Computes the rows of some units. A unit's rows are added after its attempt, so that a failed unit leaves none."""
Start = Callable[[Compute, Sequence[Unit], Found], Callable[[Attempt], Rows]]
"""Begins the work on some units, perhaps in other processes, and returns a function that ends it."""
_TURNS = 8
"""Least number of transactions: while the rows of one are stored, the next are computed."""
_LEAST_AT_ONCE = 200
"""Least units of a transaction: fewer are not worth the processes that compute them."""
UNIT_SECONDS = 30.0
"""Processor time for one unit. The largest unit of the study takes a second or two."""
Connect = Callable[[], "AbstractContextManager[duckdb.DuckDBPyConnection]"]


@dataclass(frozen=True, slots=True, eq=False)
class Derivation:
    """Tables that are computed from other tables, unit by unit.

    ``name``: of its asset. ``tables``: the tables that it fills. In the first, every unit has at least one row, with the
    version that made it in the column ``version`` and the moment in ``made_at``. ``key``: the columns that identify a unit,
    in all tables. ``marks``: further columns of the first table that must equal the inputs' (a hash of all that is read);
    none if the key is such a hash itself. ``inputs``: a SELECT with a row for each wanted unit: key, marks and whatever else
    the computation needs. ``contents``: name → SELECT of the data for some units; its parameters are the columns of their
    keys, as lists. ``module``: computes the rows; a name below the package. ``seeds``: the seeds that it uses.
    ``at_once``: units that are computed and stored together, which bounds the memory and the loss by an
    interruption. ``seconds``: processor time for one unit; None: ``UNIT_SECONDS``.
    """

    name: str
    tables: tuple[str, ...]
    key: tuple[str, ...]
    version: str
    made_at: str
    inputs: str
    contents: Mapping[str, str]
    module: str
    at_once: int
    seconds: float | None = None
    marks: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()

    def due(self, connection: duckdb.DuckDBPyConnection, version: str) -> list[Unit]:
        """The units that this version has not computed from their present input, in the order of their keys.

        A failed unit is due again only when its input or the version changes.
        """
        make_visits(connection)
        same = " AND ".join(
            f"known.{quote(column)} = wanted.{quote(column)}" for column in (*self.key, *self.marks)
        )
        result = connection.execute(
            f"""
            SELECT wanted.*
            FROM ({self.inputs}) AS wanted
            WHERE NOT EXISTS (
                SELECT 1 FROM {qualified(self.tables[0])} AS known
                WHERE {same} AND known.{quote(self.version)} = $version
            )
            ORDER BY {", ".join(map(quote, self.key))}
            """,
            {"version": version},
        )
        names = [column[0] for column in result.description]
        units = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        held = connection.execute(
            "SELECT input_hash FROM raw.outcomes WHERE stage = $stage AND status = 'failed' AND method_version = $version",
            {"stage": self.name, "version": version},
        ).fetchall()
        inputs = {row[0] for row in held}
        return [unit for unit in units if not inputs or self.input_of(unit) not in inputs]

    def input_of(self, unit: Unit) -> str:
        """A hash of a unit's input."""
        return combined_hash(str(unit[column]) for column in (*self.key, *self.marks))

    def subject_of(self, unit: Unit) -> str:
        """The subject of a unit in outcomes: '' if the unit is the project itself."""
        return " ".join(str(unit[column]) for column in self.key if column != "project")

    def read(self, connection: duckdb.DuckDBPyConnection, units: Sequence[Unit]) -> Found:
        """The data of these units. One query of each kind: a query per unit would read the tables again and again."""
        make_visits(connection)
        keys = self._keys(units)
        return {
            name: connection.execute(statement, keys).fetchall() for name, statement in self.contents.items()
        }

    def store(
        self, connection: duckdb.DuckDBPyConnection, version: str, units: Sequence[Unit], rows: Rows
    ) -> int:
        """Replace the rows of these units by the computed ones; returns the number of rows stored."""
        made = {self.version: version, self.made_at: moment(connection)}
        stamps = {
            self.key_of(unit): {**made, **{column: unit[column] for column in self.marks}} for unit in units
        }
        first, *others = self.tables
        stamped = [{**row, **stamps[self.key_of(row)]} for row in rows.get(first, ())]
        keys = self._keys(units)
        if not has_rows(connection, first, keys):
            # Then the other tables have none either, and need not be searched for rows to replace.
            return insert(connection, first, stamped) + sum(
                insert(connection, table, rows.get(table, ())) for table in others
            )
        return replace(connection, first, keys, stamped) + sum(
            replace(connection, table, keys, rows.get(table, ())) for table in others
        )

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """The values that identify the unit of a row."""
        return tuple(row[column] for column in self.key)

    def _keys(self, units: Sequence[Unit]) -> dict[str, list[Any]]:
        """Column of the key → its values, unit by unit."""
        return {column: [unit[column] for unit in units] for column in self.key}


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that was not computed, and the reason in one line."""

    unit: Unit
    reason: str


@dataclass(frozen=True, slots=True)
class _Said:
    """A remark on a unit in one line: that it failed, or what was left out of its input."""

    status: Literal["failed", "collected"]
    reason: str


@dataclass(frozen=True, slots=True)
class Derived:
    """The result: number of ``units`` that were due, number of ``rows`` stored, and the failed units."""

    units: int
    rows: int
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the due units, by a hash of their key: part ``number``, from 0, of ``parts``. Processes that compute
    different parts need no coordination.
    """

    number: int
    parts: int

    def has(self, key: Sequence[Any]) -> bool:
        """Whether the unit with this key is in the part."""
        return zlib.crc32(repr(key).encode()) % self.parts == self.number


WHOLE = Part(0, 1)
"""All units."""


def in_turn(compute: Compute, units: Sequence[Unit], found: Found) -> Callable[[Attempt], Rows]:
    """A ``Start`` that does the work in this process, when its result is asked for."""
    return partial(compute, units, found)


def derive(
    connect: Connect,
    derivation: Derivation,
    version: str,
    compute: Compute,
    *,
    start: Start = in_turn,
    part: Part = WHOLE,
) -> Derived:
    """Compute what is due, at most ``at_once`` units per transaction; connected only while reading and storing.

    ``connect``: returns a connection in its own transaction, under the writer's lock. The work on a batch begins before the
    rows of the batch before it are stored.
    """
    with connect() as connection:
        due = [unit for unit in derivation.due(connection, version) if part.has(derivation.key_of(unit))]
    done: list[Derived] = []
    before: Callable[[], Derived] | None = None
    size = min(derivation.at_once, max(_LEAST_AT_ONCE, math.ceil(len(due) / _TURNS)))
    for at in range(0, len(due), size):
        some = due[at : at + size]
        with connect() as connection:
            found = derivation.read(connection, some)
        work = start(compute, some, found)
        if before is not None:
            done.append(before())
        before = partial(_end, connect, derivation, version, some, work)
    if before is not None:
        done.append(before())
    failures = tuple(failure for one in done for failure in one.failures)
    return Derived(len(due), sum(one.rows for one in done), failures)


def _end(
    connect: Connect,
    derivation: Derivation,
    version: str,
    some: Sequence[Unit],
    work: Callable[[Attempt], Rows],
) -> Derived:
    """End the work on some units, and store the results."""
    units = {derivation.key_of(unit): unit for unit in some}
    said: dict[tuple[Any, ...], _Said] = {}
    rows = work(_attempts(derivation, said))
    stored = 0

    def store(keys: Sequence[tuple[Any, ...]]) -> None:
        nonlocal stored
        of_them = rows if len(keys) == len(units) else _rows_of(derivation, rows, frozenset(keys))
        with connect() as connection:
            new = derivation.store(connection, version, [units[key] for key in keys], of_them)
        stored += new

    def refused(key: tuple[Any, ...], error: Exception) -> None:
        said[key] = _Said("failed", reason_of(error))

    together_or_apart(list(units), store, refused)
    with connect() as connection:
        _record(connection, derivation, version, units, said)
    failures = tuple(Failure(units[key], one.reason) for key, one in said.items() if one.status == "failed")
    return Derived(len(some), stored, failures)


def _rows_of(derivation: Derivation, rows: Rows, keys: frozenset[tuple[Any, ...]]) -> Rows:
    return {table: [row for row in some if derivation.key_of(row) in keys] for table, some in rows.items()}


def _attempts(derivation: Derivation, said: dict[tuple[Any, ...], _Said]) -> Attempt:
    """An ``Attempt`` that records, by the unit's key, errors and input that was left out."""

    @contextmanager
    def attempt(named: Unit) -> Iterator[None]:
        key = derivation.key_of(named)
        try:
            with time_limit(derivation.seconds or UNIT_SECONDS), noted_cuts() as cuts:
                yield
        except DockmlError:
            raise
        except Exception as error:  # a bug that one unit triggers must not stop the others
            said[key] = _Said("failed", f"{type(error).__name__}: {error}"[:_LONGEST])
        else:
            if cuts:
                said[key] = _Said("collected", f"censored: {'; '.join(sorted(cuts))}")

    return attempt


def _record(
    connection: duckdb.DuckDBPyConnection,
    derivation: Derivation,
    version: str,
    units: Mapping[tuple[Any, ...], Unit],
    said: Mapping[tuple[Any, ...], _Said],
) -> None:
    """Record an outcome for each unit with a remark, for every project that has the unit (it is a project, or a text of
    projects), and for each unit whose earlier remark no longer holds.
    """
    stamp = {"stage": derivation.name, "retryable": False, "observed_at": moment(connection)}
    rows: list[Row] = []
    owners = _projects_of(connection, [units[key] for key in said])
    for (key, one), of_unit in zip(said.items(), owners, strict=True):
        about = {
            **stamp,
            "subject": derivation.subject_of(units[key]),
            "status": one.status,
            "reason": one.reason,
            "input_hash": derivation.input_of(units[key]),
            "method_version": version,
        }
        rows += [{**about, "project": project, "corpus": corpus} for project, corpus in of_unit]
    of_project = "project" in derivation.key
    mended = {
        (unit["project"] if of_project else None, derivation.subject_of(unit))
        for key, unit in units.items()
        if key not in said
    }
    rows += [
        {**stamp, "project": project, "corpus": corpus, "subject": subject, "status": "collected"}
        for project, corpus, subject in _remarked(connection, derivation)
        if (project if of_project else None, subject) in mended
    ]
    record_outcomes(connection, rows)


def _remarked(
    connection: duckdb.DuckDBPyConnection, derivation: Derivation
) -> list[tuple[str | None, str, str]]:
    """(project, corpus, subject) whose newest outcome has a reason."""
    return connection.execute(
        "SELECT project, corpus, subject FROM raw.outcomes WHERE stage = $stage "
        "GROUP BY ALL HAVING arg_max_null(reason, observed_at) IS NOT NULL",
        {"stage": derivation.name},
    ).fetchall()


def _projects_of(
    connection: duckdb.DuckDBPyConnection, units: Sequence[Unit]
) -> list[list[tuple[str | None, str]]]:
    """(project, corpus) of every unit: its own, or those with its text. One query for all texts."""
    of_text: dict[str, list[tuple[str | None, str]]] = {}
    texts = [unit["sha256"] for unit in units if "corpus" not in unit]
    if texts:
        for sha256, project, corpus in connection.execute(
            "SELECT sha256, project, corpus FROM raw.dockerfiles WHERE sha256 IN (SELECT unnest($texts)) "
            "UNION SELECT sha256, project, corpus FROM raw.repository_files WHERE sha256 IN (SELECT unnest($texts)) "
            "UNION SELECT sha256, project, corpus FROM raw.history_texts WHERE sha256 IN (SELECT unnest($texts)) "
            "ORDER BY ALL",
            {"texts": texts},
        ).fetchall():
            of_text.setdefault(sha256, []).append((project, corpus))
    return [
        [(unit.get("project"), unit["corpus"])] if "corpus" in unit else of_text.get(unit["sha256"], [])
        for unit in units
    ]
