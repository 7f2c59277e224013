"""The asset that asks hadolint: ``dockerfile_lint``. Optional, and in no job that ``dockml study`` runs.

Here: choosing the texts that this version of hadolint did not see yet, storing what it says, the outcome where
it is absent. Not here: running it (``clients.hadolint``). The job ``lint_dockerfiles`` runs the asset and then
the models that read it; it takes minutes where the rest of the study takes seconds. ``dockml study --lint`` runs that job.
"""

from pathlib import Path

import dagster as dg

from dockml_dagster.clients import hadolint
from dockml_dagster.corpora.base import Outcome
from dockml_dagster.defs.assets.repo_list import outcome_rows
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import saw_own_change, step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.contents import texts_to_lint
from dockml_dagster.warehouse.rows import insert

STAGE = "dockerfile_lint"
JOB = "lint_dockerfiles"
TABLE = "raw.dockerfile_lint"
STORED_AT_ONCE = 200
"""Texts a transaction: what an interrupted run loses, about ten seconds of work."""

_CONTENT = """
    SELECT sha256, any_value(content) FROM raw.dockerfiles
    WHERE sha256 IN (SELECT unnest($digests))
    GROUP BY sha256
"""


@dg.asset(group_name="lint", kinds={"duckdb", "docker"}, deps=["dockerfiles"])
def dockerfile_lint(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> dg.MaterializeResult[None]:
    """What hadolint says of every distinct Dockerfile text: codes, lines and severities, without its messages.

    Fills `raw.dockerfile_lint`. A text is linted once by each version of hadolint. Where hadolint is not installed
    (extra `lint`), the outcome says so.
    """
    with step_of_findings(context, warehouse):
        return _lint_unseen(context, warehouse)


def _lint_unseen(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> dg.MaterializeResult[None]:
    program = hadolint.find()
    if program is None:
        return _unavailable(context, warehouse, hadolint.ABSENT)
    try:
        version = hadolint.version(program)
    except hadolint.HadolintError as error:
        return _unavailable(context, warehouse, str(error))
    with warehouse.get_connection() as connection:
        unseen = texts_to_lint(connection, version)
    refused = remarks = 0
    for start in range(0, len(unseen), STORED_AT_ONCE):
        found = _lint(warehouse, program, version, unseen[start : start + STORED_AT_ONCE])
        refused += found[0]
        remarks += found[1]
    _record(context, warehouse, Outcome(STAGE, "", "collected"))
    return dg.MaterializeResult(
        metadata={
            "outcome": "collected",
            "hadolint": version,
            "texts linted": len(unseen),
            "texts refused": refused,
            "findings": remarks,
        }
    )


def _lint(warehouse: WarehouseResource, program: Path, version: str, digests: list[str]) -> tuple[int, int]:
    """Lint and store some texts, holding the writer's lock only to read and to write; (refused, findings)."""
    with warehouse.get_connection() as connection:
        texts = dict(connection.execute(_CONTENT, {"digests": digests}).fetchall())
    rows = []
    for sha256, remarks in hadolint.lint(program, texts):
        rows += [
            {
                "sha256": sha256,
                "rule": remark.rule,
                "severity": remark.severity,
                "line": remark.line,
                "reason": remark.reason,
                "tool_version": version,
            }
            for remark in remarks
        ]
        advance("texts linted")
    with warehouse.get_connection() as connection:
        linted_at = due_query.moment(connection)
        insert(connection, TABLE, [{**row, "linted_at": linted_at} for row in rows])
    refused = sum(row["rule"] == hadolint.REFUSED for row in rows)
    return refused, len(rows) - len(texts)


def _unavailable(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, reason: str
) -> dg.MaterializeResult[None]:
    context.log.warning("dockerfile_lint: %s", reason)
    _record(context, warehouse, Outcome(STAGE, "", "not_available", reason))
    return dg.MaterializeResult(metadata={"outcome": "not_available", "reason": reason})


def _record(context: dg.AssetExecutionContext, warehouse: WarehouseResource, outcome: Outcome) -> None:
    """The outcome for every corpus whose texts it concerns."""
    with warehouse.get_connection() as connection:
        before = due_query.seen(connection)
        observed_at = due_query.moment(connection)
        corpora = connection.execute("SELECT DISTINCT corpus FROM raw.dockerfiles ORDER BY corpus").fetchall()
        for (corpus,) in corpora:
            due_query.record_outcomes(
                connection, outcome_rows([outcome], corpus=corpus, project=None, observed_at=observed_at)
            )
        after = due_query.seen(connection)
    # Only the whole job is known to make all that reads the answers.
    if context.run.job_name == JOB and not context.run.asset_selection:
        saw_own_change(context, before, after)


lint_dockerfiles = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(STAGE).downstream(),
    description="Ask hadolint about the Dockerfiles it did not see yet, then make what reads its answers, and publish.",
)
