"""Failing checks of the current tables: the rows of ``raw.failed_checks``.

Here: storing the results, and whether one forbids publishing. Not here: running checks (``build``), showing
them (``defs``, ``commands``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dockml_dagster.errors import DockmlError
from dockml_dagster.text import printable
from dockml_dagster.warehouse.build import Tested, generic_tests
from dockml_dagster.warehouse.due.query import moment
from dockml_dagster.warehouse.models import Project
from dockml_dagster.warehouse.rows import insert

if TYPE_CHECKING:
    import duckdb

LONGEST_SAMPLE = 300

Severity = Literal["error", "warning"]


class ChecksFailedError(DockmlError):
    """A check of severity error fails: a bug of dockml, not of any project. Nothing is published until it is fixed."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A failing check. ``table``: the table that shows it; ``sample``: some of the rows, in one line."""

    table: str
    check: str
    severity: Severity
    rows: int
    sample: str

    @property
    def text(self) -> str:
        """The check, the number of rows that break it, and the first of them."""
        number = f"{self.rows} row{'' if self.rows == 1 else 's'}"
        return f"{self.check} of {self.table} ({number}, such as {self.sample})"


def shown_at(project: Project) -> dict[str, str]:
    """Check of ``checks/`` → the model that shows it: the one it names, else the last one that it reads."""
    known = {model.name for model in project.models}
    shown = {}
    for one in project.checks:
        last_read = next((name for name in reversed(one.references) if name in known), None)
        if target := one.shown_at or last_read:
            shown[one.name] = target
    return shown


def known_checks(project: Project) -> set[tuple[str, str]]:
    """(table, check) of every check in this version."""
    generic = {
        (model.name, test.name)
        for model in (*project.models, *project.computed)
        for test in generic_tests(model)
    }
    return generic | {(table, name) for name, table in shown_at(project).items()}


def failed_check(table: str, tested: Tested) -> FailedCheck:
    """The record of a failing test. ``table``: the table that shows it."""
    sample = printable("; ".join(str(row) for row in tested.sample))
    return FailedCheck(
        table,
        tested.name,
        "warning" if tested.warn_only else "error",
        tested.failing,
        sample if len(sample) <= LONGEST_SAMPLE else sample[: LONGEST_SAMPLE - 1] + "…",
    )


def record(
    connection: duckdb.DuckDBPyConnection, ran: Collection[tuple[str, str]], failed: Sequence[FailedCheck]
) -> None:
    """Record which of the checks that ``ran`` (table, check) fail; earlier results of other checks stay."""
    connection.execute(
        "DELETE FROM raw.failed_checks "
        "WHERE (table_name, check_name) IN (SELECT (unnest($tables), unnest($checks)))",
        {"tables": [table for table, _ in ran], "checks": [check for _, check in ran]},
    )
    checked_at = moment(connection)
    insert(
        connection,
        "raw.failed_checks",
        [
            {
                "table_name": one.table,
                "check_name": one.check,
                "severity": one.severity,
                "failing_rows": one.rows,
                "sample": one.sample,
                "checked_at": checked_at,
            }
            for one in failed
        ],
    )


def failed_checks(
    connection: duckdb.DuckDBPyConnection, known: Callable[[], Collection[tuple[str, str]]]
) -> list[FailedCheck]:
    """The failing checks of the current tables, errors first.

    ``known``: (table, check) of this version. Called only if a check fails, because it reads all models.
    """
    rows = connection.execute(
        "SELECT table_name, check_name, severity, failing_rows, sample FROM raw.failed_checks "
        "ORDER BY severity, table_name, check_name"
    ).fetchall()
    if not rows:
        return []
    checks = known()
    return [FailedCheck(*row) for row in rows if (row[0], row[1]) in checks]


def require_passed(failed: Sequence[FailedCheck]) -> None:
    """Raise if a check of severity error is among them.

    Raises:
        ChecksFailedError: there is one; the text names the first and the number of others.
    """
    errors = [one for one in failed if one.severity == "error"]
    if not errors:
        return
    more = f"; {len(errors) - 1} more fail, see: dockml doctor" if len(errors) > 1 else ""
    raise ChecksFailedError(f"nothing is published: the check {errors[0].text} fails{more}")
