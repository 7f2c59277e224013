"""The asset that labels: ``machine_labels``.

Here: choosing the projects whose files, metadata or labeller changed, and storing what was said of them. Does
not: the labellers (``study.machine_labels``). It is keyed by a hash of all that is read, so that a changed rule labels
every project again without the network, and an unchanged project is left alone.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.machine import SEEDS, Labeller
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.warehouse.due.query import moment
from dockml_dagster.warehouse.due.visits import make_visits
from dockml_dagster.warehouse.models import folder
from dockml_dagster.warehouse.rows import replace
from dockml_dagster.warehouse.versions import labeller_version

TABLES = ("raw.machine_labels", "raw.machine_label_evidence")
"""Tables the asset fills."""

_CURRENT = """
    WITH
        listed AS (
            SELECT found.*
            FROM raw.projects AS found
            JOIN visits
                ON visits.corpus = found.corpus AND visits.project IS NULL AND visits.stage = 'repo_list'
                AND visits.observed_at = found.last_seen
            -- As in core.projects: the sheet that knows a project best.
            QUALIFY row_number() OVER (
                PARTITION BY found.project
                ORDER BY list_position(['filtered2', 'notarchived', 'labeling2'], sheet), source_row
            ) = 1
        ),
        files AS (
            SELECT found.project, path, sha256, content IS NOT NULL AS kept
            FROM raw.repository_files AS found
            JOIN visits
                ON visits.project = found.project AND visits.stage = 'dockerfiles'
                AND visits.observed_at = found.last_seen
        ),
        dockerfiles AS (
            SELECT found.project, path, sha256
            FROM raw.dockerfiles AS found
            JOIN visits
                ON visits.project = found.project AND visits.stage = 'dockerfiles'
                AND visits.observed_at = found.last_seen
        )
"""
"""What is known now: the staging models say the same, but are made after this asset."""

_INPUTS = (
    _CURRENT
    + """
    SELECT
        listed.project,
        listed.corpus,
        listed.name,
        listed.description,
        listed.topics,
        listed.language,
        sha256(concat_ws(
            chr(0),
            listed.name,
            coalesce(listed.description, ''),
            coalesce(listed.topics::VARCHAR, ''),
            coalesce(listed.language, ''),
            (SELECT string_agg(path || chr(0) || sha256, chr(0) ORDER BY path)
             FROM dockerfiles WHERE dockerfiles.project = listed.project),
            (SELECT string_agg(path || chr(0) || CASE WHEN kept THEN coalesce(sha256, '') ELSE '' END, chr(0) ORDER BY path)
             FROM files WHERE files.project = listed.project)
        )) AS input_hash
    FROM listed
    WHERE EXISTS (SELECT 1 FROM visits WHERE visits.project = listed.project AND visits.stage = 'dockerfiles')
"""
)
_DUE = f"""
    SELECT wanted.*
    FROM ({_INPUTS}) AS wanted
    WHERE NOT EXISTS (
        SELECT 1 FROM raw.machine_labels AS known
        WHERE known.project = wanted.project AND known.input_hash = wanted.input_hash
            AND known.labeller_version = $version
    )
    ORDER BY wanted.project
"""
_DOCKERFILES = _CURRENT + (
    "SELECT DISTINCT ON (dockerfiles.project, dockerfiles.path) dockerfiles.project, dockerfiles.path, found.content "
    "FROM dockerfiles "
    "JOIN raw.dockerfiles AS found ON found.project = dockerfiles.project AND found.sha256 = dockerfiles.sha256 "
    "AND found.path = dockerfiles.path WHERE dockerfiles.project IN (SELECT unnest($projects)) "
    "ORDER BY dockerfiles.project, dockerfiles.path"
)
_FILES = _CURRENT + (
    "SELECT DISTINCT ON (files.project, files.path) files.project, files.path, found.content FROM files "
    "LEFT JOIN raw.repository_files AS found ON files.kept AND found.project = files.project "
    "AND found.path = files.path AND found.sha256 = files.sha256 AND found.content IS NOT NULL "
    "WHERE files.project IN (SELECT unnest($projects)) ORDER BY files.project, files.path"
)
LISTED_IN_PART = frozenset({"ease2022"})
"""Corpora whose collection has Dockerfiles and compose files alone: their list of files is no layout of a repository."""
AT_ONCE = 250
"""Projects that are read, labelled and stored together: bounds the memory, and what an interrupted run loses."""


@dg.definitions
def machine_label_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is read out of files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles"],
        code_version=labeller_version(),
    )
    def machine_labels(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Category and purposes of every project and the purposes of every Dockerfile, as the labellers see them.

        Fills `raw.machine_labels` (with probability; "cannot tell" is an answer) and `raw.machine_label_evidence` (file,
        line, rule).
        """
        with step_of_findings(context, warehouse):
            return label_projects(warehouse)

    return dg.Definitions(assets=[machine_labels])


def label_projects(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Label the projects whose files, metadata or labeller changed, ``AT_ONCE`` a transaction."""
    labeller = Labeller(
        {name: (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8") for name in SEEDS}
    )
    with warehouse.get_connection() as connection:
        make_visits(connection)
        result = connection.execute(_DUE, {"version": labeller_version()})
        names = [column[0] for column in result.description]
        due = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    rows = 0
    for start in range(0, len(due), AT_ONCE):
        rows += _label(warehouse, labeller, due[start : start + AT_ONCE])
    return dg.MaterializeResult(metadata={"projects labelled": len(due), "rows": rows})


def _label(warehouse: WarehouseResource, labeller: Labeller, due: list[dict[str, Any]]) -> int:
    with warehouse.get_connection() as connection:
        known = _known(connection, due)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for project, (dockerfiles, texts, paths) in zip(due, known, strict=True):
        metadata = ProjectMetadata(
            project["name"], project["description"], tuple(project["topics"] or ()), project["language"]
        )
        readings = {path: read_dockerfile(content) for path, content in dockerfiles.items()}
        stamp = {"project": project["project"], "corpus": project["corpus"]}
        for table, row in labeller.rows(project["project"], metadata, readings, texts=texts, paths=paths):
            if table == "machine_labels":
                row |= {"input_hash": project["input_hash"], "labeller_version": labeller_version()}
            rows[f"raw.{table}"].append({**stamp, **row})
        advance("projects labelled")
    with warehouse.get_connection() as connection:
        labelled_at = moment(connection)
        for row in rows["raw.machine_labels"]:
            row["labelled_at"] = labelled_at
        for table in TABLES:
            replace(connection, table, "project", [project["project"] for project in due], rows[table])
    return sum(len(found) for found in rows.values())


def _known(
    connection: duckdb.DuckDBPyConnection, due: list[dict[str, Any]]
) -> list[tuple[dict[str, bytes], dict[str, str], list[str] | None]]:
    """Of each project: Dockerfiles by path, other texts by path, and all paths where the corpus lists a whole repository.

    Two queries for all of them: one a project would read every table as often as there are projects.
    """
    make_visits(connection)
    keys = {"projects": [project["project"] for project in due]}
    dockerfiles: dict[str, dict[str, bytes]] = defaultdict(dict)
    for name, path, content in connection.execute(_DOCKERFILES, keys).fetchall():
        dockerfiles[name][path] = content
    files: dict[str, list[tuple[str, bytes | None]]] = defaultdict(list)
    for name, path, content in connection.execute(_FILES, keys).fetchall():
        files[name].append((path, content))
    known = []
    for project in due:
        found = files[project["project"]]
        whole = project["corpus"] not in LISTED_IN_PART and bool(found)
        known.append(
            (
                dockerfiles[project["project"]],
                dict(_texts(found)),
                [path for path, _ in found] if whole else None,
            )
        )
    return known


def _texts(files: list[tuple[str, bytes | None]]) -> Iterator[tuple[str, str]]:
    for path, content in files:
        if content is not None:
            yield path, content.decode("utf-8", "replace")
