"""The asset that runs hadolint: ``dockerfile_lint``. Optional; ``dockml study`` runs it only with ``--lint``.

Here: passing it the due texts, and the outcome if hadolint is absent. Not here: which are due (``warehouse.due``),
running it (``clients.hadolint``). The job ``lint_dockerfiles`` runs the asset and then
the models that read it; it takes minutes where the rest of the study takes seconds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from dockml_dagster.clients import hadolint
from dockml_dagster.corpora.base import Outcome
from dockml_dagster.defs.assets.repo_list import outcome_rows
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import saw_own_change, step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.derivation import Attempt, Found, Rows, Unit, derive
from dockml_dagster.warehouse.due.derivations import LINT
from dockml_dagster.warehouse.due.work import seen
from dockml_dagster.warehouse.versions import lint_version, version_of

STAGE = "dockerfile_lint"
JOB = "lint_dockerfiles"


@dg.definitions
def lint_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="lint",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles"],
        code_version=version_of(LINT, Settings.from_environment()),
    )
    def dockerfile_lint(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Findings of hadolint in every distinct Dockerfile text: codes, lines and severities, without messages.

        Fills `raw.dockerfile_lint`. A text is linted once by each version of hadolint. Where hadolint is not installed
        (extra `lint`), the outcome says so.
        """
        with step_of_findings(context, warehouse):
            return _lint_unseen(context, warehouse)

    return dg.Definitions(assets=[dockerfile_lint], jobs=[lint_dockerfiles])


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
    rules: Counter[str] = Counter()

    def lint(_: Sequence[Unit], found: Found, _attempt: Attempt) -> Rows:
        rows = []
        for sha256, remarks in hadolint.lint(program, dict(found["texts"])):
            rows += [{"sha256": sha256, **asdict(remark)} for remark in remarks]
            advance("texts linted")
        rules.update(row["rule"] for row in rows)
        return {"raw.dockerfile_lint": rows}

    stamp = lint_version(version, Settings.from_environment())
    done = derive(warehouse.get_connection, LINT, stamp, lint)
    _record(context, warehouse, Outcome(STAGE, "", "collected"))
    return filled(
        warehouse,
        STAGE,
        {
            "outcome": "collected",
            "hadolint": version,
            "texts linted": done.units,
            "texts refused": rules[hadolint.REFUSED],
            "findings": done.rows - done.units,
        },
    )


def _unavailable(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, reason: str
) -> dg.MaterializeResult[None]:
    context.log.warning("dockerfile_lint: %s", reason)
    _record(context, warehouse, Outcome(STAGE, "", "not_available", reason))
    return dg.MaterializeResult(metadata={"outcome": "not_available", "reason": reason})


def _record(context: dg.AssetExecutionContext, warehouse: WarehouseResource, outcome: Outcome) -> None:
    """Store the outcome for every corpus that it concerns."""
    with warehouse.get_connection() as connection:
        before = seen(connection)
        observed_at = due_query.moment(connection)
        for corpus in due_query.with_dockerfiles(connection):
            due_query.record_outcomes(
                connection, outcome_rows([outcome], corpus=corpus, project=None, observed_at=observed_at)
            )
        after = seen(connection)
    # Only the whole job is known to remake all tables that read the remarks.
    if context.run.job_name == JOB and not context.run.asset_selection:
        saw_own_change(context, before, after)


lint_dockerfiles = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(STAGE).downstream(),
    description="Ask hadolint about the Dockerfiles it did not see yet, then make what reads its answers, and publish.",
)
