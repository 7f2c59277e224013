"""The asset that walks histories: ``rebuilds``.

Here: passing the due projects to the walk, and joining its rows with those of the walk before. Not here: which are
due (``warehouse.due``), the walk (``corpora.history``).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from dockml_dagster.clients.git import GitError
from dockml_dagster.corpora.base import Corpus
from dockml_dagster.corpora.history import HistoryRows, history_rows
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.warehouse.due.derivation import Attempt, Found, Rows, Unit, derive
from dockml_dagster.warehouse.due.derivations import REBUILDS
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def rebuild_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list"],
        code_version=version_of(REBUILDS, Settings.from_environment()),
    )
    def rebuilds(
        context: dg.AssetExecutionContext, corpora: CorporaResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Which instructions each commit of a project's branch rebuilds, and how its Dockerfiles changed, from the
        git repositories that a corpus has on this machine; a walk continues where the one before ended.

        Fills `raw.rebuild_walks`, `raw.rebuilds`, `raw.rebuild_years`, `raw.rebuild_moves`, `raw.dockerfile_changes` and
        `raw.history_texts`.
        """
        with step_of_findings(context, warehouse):
            return walk_histories(corpora, warehouse)

    return dg.Definitions(assets=[rebuilds])


def walk_histories(corpora: CorporaResource, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Walk the due histories."""
    version = version_of(REBUILDS, Settings.from_environment())
    opened: dict[str, Corpus] = {}
    went_on = 0

    def walk(units: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
        nonlocal went_on
        before = {
            project: (last, state)
            for project, last, state, walked_by in found["walks"]
            if walked_by == version and state is not None
        }
        stored = {name: _by_project(found[name]) for name in ("rebuilds", "changes", "texts")}
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for unit in units:
            project, last = unit["project"], unit["last_commit"]
            key = {"project": project, "corpus": unit["corpus"]}
            if unit["corpus"] not in opened:
                opened[unit["corpus"]] = corpora.corpus(unit["corpus"])
            with attempt(unit):
                repository = opened[unit["corpus"]].repository(project)
                try:
                    if repository is None:
                        raise GitError("it is not there any more")
                    made = history_rows(repository, last, before.get(project))
                except (GitError, OutOfTimeError) as error:
                    rows["raw.rebuild_walks"].append({**key, "reason": str(error)})
                else:
                    went_on += made.goes_on
                    old = {name: of[project] if made.goes_on else [] for name, of in stored.items()}
                    for table, some in _tables(made, old).items():
                        rows[table] += [{**row, **key} for row in some]
            advance("histories walked")
        return rows

    done = derive(warehouse.get_connection, REBUILDS, version, walk)
    return filled(
        warehouse,
        REBUILDS.name,
        {"histories walked": done.units, "of these gone on with": went_on, "rows stored": done.rows},
    )


def _by_project(rows: Iterable[Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for project, row in rows:
        found[project].append(row)
    return found


def _tables(made: HistoryRows, old: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Table → its rows for one project, the earlier walk's first. Changes are numbered; each text occurs once."""
    texts = {row["sha256"]: row for row in (*old["texts"], *made.texts)}
    return {
        "raw.rebuild_walks": [
            {"commits": made.commits, "commits_censored": made.censored, "walk_state": made.state}
        ],
        "raw.rebuilds": [*old["rebuilds"], *made.rebuilds],
        "raw.rebuild_years": [*made.years],
        "raw.rebuild_moves": [*made.moves],
        "raw.dockerfile_changes": [
            {**row, "position": position}
            for position, row in enumerate((*old["changes"], *made.changes), start=1)
        ],
        "raw.history_texts": list(texts.values()),
    }
