"""``dockml status``: the state of every corpus, from the warehouse itself.

Here: collecting the facts from the warehouse. Not here: what is due (``warehouse.due``), formatting
(``commands.status``). Dagster is not imported.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dockml_dagster.corpora import known, open_corpus
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.checks import failed_checks, known_checks
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.delayed import not_asked
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import built
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.versions import build_version

LOCK_SECONDS = 30.0
FAILURES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Status:
    """``coverage`` and ``passed_over``: rows of those findings as they are now. ``due``: (corpus, stage, reason, projects).

    ``listings``: (corpus, projects, listed at, source). ``failures``: newest failed runs (job, corpus, reason, when).
    ``checks``: failing checks of the current tables (severity, table, check, rows, sample).
    ``findings``: `current`, or why they are not. Times are UTC without zone.
    """

    coverage: tuple[dict[str, Any], ...]
    passed_over: tuple[dict[str, Any], ...]
    due: tuple[dict[str, Any], ...]
    listings: tuple[dict[str, Any], ...]
    failures: tuple[dict[str, Any], ...]
    checks: tuple[dict[str, Any], ...]
    findings: str
    findings_made_at: datetime | None


def status(settings: Settings, corpus: str | None = None) -> Status:
    """What is done, due and failed in every corpus, or in one.

    Raises:
        BadInputError: there is no warehouse yet.
        WarehouseBusyError: another process has been writing for longer than the timeout.
    """
    warehouse = Warehouse(settings.warehouse, lock_timeout_seconds=LOCK_SECONDS)
    if not warehouse.exists:
        raise BadInputError(f"there is no warehouse at {settings.warehouse} yet; run: dockml study")
    storage = storage_of(settings)
    with warehouse.write() as connection:
        migrations.apply(connection, warehouse.location)

        def rows(sql: str, parameters: tuple[object, ...] = ()) -> list[dict[str, Any]]:
            result = connection.execute(sql, list(parameters))
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

        corpora = [name for name in due_query.followed(connection) if corpus in (None, name)]
        coverage, passed_over = (
            [row for row in rows(f"FROM ({load().by_name[name].sql})") if row["corpus"] in corpora]
            for name in ("findings.coverage", "findings.passed_over")
        )
        due: list[dict[str, Any]] = []
        for name in known(corpora):
            how = open_corpus(name, settings).methods()
            found = Counter(
                (item.stage, item.reason) for item in due_query.due(connection, name, how, storage=storage)
            )
            due += [
                {"corpus": name, "stage": stage, "reason": reason, "projects": number}
                for (stage, reason), number in sorted(found.items())
            ]
            if unasked := not_asked(connection, name):
                due.append(
                    {"corpus": name, "stage": "repo_list", "reason": "not asked yet", "projects": unasked}
                )
        listings = rows(
            "SELECT corpus, arg_max(projects, listed_at) AS projects, max(listed_at) AS listed_at, "
            "arg_max(source, listed_at) AS source FROM raw.listings GROUP BY corpus ORDER BY corpus"
        )
        failures = rows(
            "SELECT job, corpus, reason, failed_at FROM raw.run_failures "
            "WHERE ? IS NULL OR corpus = ? ORDER BY failed_at DESC LIMIT ?",
            (corpus, corpus, FAILURES_SHOWN),
        )
        newest = connection.execute(
            "SELECT max(built_at), arg_max(version, built_at) FROM raw.builds"
        ).fetchone()
        checks = failed_checks(connection, lambda: known_checks(load()))
        current = built(connection, build_version(settings), storage=storage)
    made_at, version = newest or (None, None)
    if made_at is None:
        findings = "never made"
    elif current:
        findings = "current"
    else:
        findings = (
            "older than what was collected" if version == build_version(settings) else "made by other SQL"
        )
    if any(one.severity == "error" for one in checks):
        findings = "not published: a check fails"
    if findings == "current" and not settings.published.exists():
        findings = "not published"
    return Status(
        tuple(coverage),
        tuple(passed_over),
        tuple(due),
        tuple(row for row in listings if row["corpus"] in corpora),
        tuple(failures),
        tuple(asdict(one) for one in checks),
        findings,
        made_at,
    )
