"""The asset that links projects to images: ``image_links``.

Here: choosing the projects whose files, images (with their labels, and what Docker Hub says of them) or rules
changed, and storing the links. Not here: the rules
(``study.image_links``). As ``machine_labels`` it is keyed by a hash of all that is read: changed rules read every project
again without the network, and an unchanged project is left alone.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.study.image_links import GRADES, RULES_VERSION, Link, find_links, links_of_reference
from dockml_dagster.study.image_links.model import parse_mention
from dockml_dagster.warehouse.due.query import moment
from dockml_dagster.warehouse.due.visits import make_visits
from dockml_dagster.warehouse.rows import replace

TABLES = ("raw.image_links", "raw.image_reference_grades", "raw.image_link_readings")
"""Tables the asset fills."""
AT_ONCE = 250
"""Projects that are read and stored together: bounds the memory, and what an interrupted run loses."""

_CURRENT = """
    WITH
        listed AS (
            SELECT found.project, found.corpus, any_value(found.name) AS name
            FROM raw.projects AS found
            JOIN visits
                ON visits.corpus = found.corpus AND visits.project IS NULL AND visits.stage = 'repo_list'
                AND visits.observed_at = found.last_seen
            WHERE found.project IS NOT NULL
            GROUP BY found.project, found.corpus
        ),
        files AS (
            SELECT found.project, found.path, found.sha256, found.content
            FROM raw.repository_files AS found
            JOIN visits
                ON visits.project = found.project AND visits.stage = 'dockerfiles'
                AND visits.observed_at = found.last_seen
            WHERE found.content IS NOT NULL
        ),
        images AS (
            SELECT
                found.project,
                found.reference,
                any_value(configs.labels) AS labels,
                any_value(concat_ws(chr(10), hub.description, hub.full_description)) AS description
            FROM raw.image_references AS found
            JOIN visits
                ON visits.project = found.project AND visits.stage = 'manifests'
                AND visits.observed_at = found.last_seen
            LEFT JOIN raw.image_configs AS configs
                ON configs.corpus = found.corpus AND configs.reference = found.reference AND configs.labels IS NOT NULL
            LEFT JOIN raw.hub_repositories AS hub
                ON hub.project = found.project AND hub.last_seen = visits.observed_at
                AND hub.repository = found.registry || '/' || found.repository
            GROUP BY found.project, found.reference
        )
"""
_DUE = (
    _CURRENT
    + """,
        wanted AS (
            SELECT
                listed.*,
                sha256(concat_ws(
                    chr(0),
                    listed.name,
                    (SELECT string_agg(path || chr(0) || sha256, chr(0) ORDER BY path)
                     FROM files WHERE files.project = listed.project),
                    (SELECT string_agg(
                        concat_ws(chr(0), reference, coalesce(labels, ''), description), chr(0) ORDER BY reference
                     )
                     FROM images WHERE images.project = listed.project)
                )) AS input_hash
            FROM listed
        )
    SELECT wanted.*
    FROM wanted
    WHERE NOT EXISTS (
        SELECT 1 FROM raw.image_link_readings AS known
        WHERE known.project = wanted.project AND known.input_hash = wanted.input_hash AND known.rules_version = $version
    )
    ORDER BY wanted.project
"""
)
_FILES = _CURRENT + (
    "SELECT DISTINCT ON (project, path) project, path, content FROM files "
    "WHERE project IN (SELECT unnest($projects)) ORDER BY project, path"
)
_IMAGES = _CURRENT + (
    "SELECT project, reference, labels, description FROM images "
    "WHERE project IN (SELECT unnest($projects)) ORDER BY project, reference"
)


@dg.asset(
    group_name="collection",
    kinds={"python", "duckdb"},
    deps=["repo_list", "dockerfiles", "manifests"],
    code_version=RULES_VERSION,
)
def image_links(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> dg.MaterializeResult[None]:
    """Which images belong to each project, with the file and line that shows it and a grade: confirmed, likely, possible.

    Fills `raw.image_links`, `raw.image_reference_grades` (the grade of every image that a source names for a project, none
    among them) and `raw.image_link_readings`.
    """
    with step_of_findings(context, warehouse):
        return link_projects(warehouse)


def link_projects(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Link the projects of which something that is read changed, ``AT_ONCE`` a transaction."""
    own = RegistrySettings.parse(Settings.from_environment().registries).own
    # Which registries are real decides on links as the rules do.
    version = " ".join([RULES_VERSION, *sorted(own)])
    with warehouse.get_connection() as connection:
        make_visits(connection)
        due = connection.execute(_DUE, {"version": version}).fetchall()
    links = 0
    for start in range(0, len(due), AT_ONCE):
        links += _link(warehouse, due[start : start + AT_ONCE], own, version)
    return dg.MaterializeResult(metadata={"projects read": len(due), "links": links})


def _link(
    warehouse: WarehouseResource, due: list[tuple[str, str, str, str]], own: frozenset[str], version: str
) -> int:
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
    projects = [project for project, *_ in due]
    with warehouse.get_connection() as connection:
        texts_of, images_of = _known(connection, projects)
    for project, corpus, name, input_hash in due:
        texts, images = texts_of[project], images_of[project]
        stamp = {"project": project, "corpus": corpus}
        found = find_links(name, texts, own)
        of_images = {
            reference: links_of_reference(name, reference, labels=labels, description=description)
            for reference, labels, description in images
        }
        evidence = [*found, *dict.fromkeys(link for links in of_images.values() for link in links)]
        rows["raw.image_links"] += [{**stamp, **_row(link)} for link in evidence]
        rows["raw.image_reference_grades"] += [
            {**stamp, **_graded(reference, (*found, *links))} for reference, links in of_images.items()
        ]
        rows["raw.image_link_readings"].append(
            {
                **stamp,
                "links": len(evidence),
                "files": len(texts),
                "input_hash": input_hash,
                "rules_version": version,
            }
        )
        advance("projects linked")
    with warehouse.get_connection() as connection:
        linked_at = moment(connection)
        for row in rows["raw.image_link_readings"]:
            row["linked_at"] = linked_at
        for table in TABLES:
            replace(connection, table, "project", projects, rows[table])
    return len(rows["raw.image_links"])


def _row(link: Link) -> dict[str, Any]:
    return {
        "reference": link.reference,
        "repository": link.repository,
        "link_grade": link.grade,
        "kind": link.kind,
        "path": link.path,
        "line": link.line,
        "rule": link.rule,
    }


def _graded(reference: str, links: tuple[Link, ...]) -> dict[str, Any]:
    """The best of the links to the repository of an image that a source names."""
    image = parse_mention(reference)
    repository = str(image.repository) if image else None
    of_it = [link for link in links if link.repository == repository]
    best = min(of_it, key=lambda link: GRADES.index(link.grade), default=None)
    return {
        "reference": reference,
        "repository": repository,
        "link_grade": best.grade if best else "none",
        "kind": best.kind if best else None,
    }


def _known(
    connection: duckdb.DuckDBPyConnection, projects: list[str]
) -> tuple[Mapping[str, dict[str, str]], Mapping[str, list[tuple[str, dict[str, str], str]]]]:
    """Of each project: texts by path, and the images that a source names with their labels and description."""
    make_visits(connection)
    keys = {"projects": projects}
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for project, path, content in connection.execute(_FILES, keys).fetchall():
        texts[project][path] = content.decode("utf-8", "replace")
    images: dict[str, list[tuple[str, dict[str, str], str]]] = defaultdict(list)
    for project, reference, labels, description in connection.execute(_IMAGES, keys).fetchall():
        images[project].append((reference, _labels(labels), description))
    return texts, images


def _labels(text: str | None) -> dict[str, str]:
    try:
        labels = json.loads(text) if text else {}
    except ValueError:
        return {}
    return {k: v for k, v in labels.items() if isinstance(v, str)} if isinstance(labels, dict) else {}
