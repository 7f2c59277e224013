"""The tables that are computed from collected data, and their inputs.

Here: a ``Derivation`` for each: its tables, its inputs as SQL, the module that computes it. Not here: how due units are
found (``derivation``), the computing (``study``), reporting to Dagster (``defs.assets``).

The queries read ``visits`` (see ``visits``), which gives the current rows, as the staging models do, before these are made.
"""

from __future__ import annotations

from dockml_dagster.warehouse.due.derivation import Derivation

_LISTED = """
    listed AS (
        SELECT found.*
        FROM raw.projects AS found
        JOIN visits
            ON visits.corpus = found.corpus AND visits.project IS NULL AND visits.stage = 'repo_list'
            AND visits.observed_at = found.last_seen
        WHERE found.project IS NOT NULL
        -- As in core.projects: the sheet that knows a project best.
        QUALIFY row_number() OVER (
            PARTITION BY found.project
            ORDER BY list_position(['filtered2', 'notarchived', 'labeling2'], sheet), source_row
        ) = 1
    )
"""
_FILES = """
    files AS (
        SELECT found.project, found.path, found.sha256, found.content, found.bytes
        FROM raw.repository_files AS found
        JOIN visits
            ON visits.project = found.project AND visits.stage = 'dockerfiles'
            AND visits.observed_at = found.last_seen
    )
"""
_DOCKERFILES = """
    dockerfiles AS (
        SELECT found.project, found.path, found.sha256, found.content
        FROM raw.dockerfiles AS found
        JOIN visits
            ON visits.project = found.project AND visits.stage = 'dockerfiles'
            AND visits.observed_at = found.last_seen
    )
"""
_IMAGES = """
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
_TEXTS_OF_DOCKERFILES = "SELECT sha256 FROM raw.dockerfiles GROUP BY sha256"
_CONTENT_OF_DOCKERFILES = """
    SELECT sha256, any_value(content) FROM raw.dockerfiles
    WHERE sha256 IN (SELECT unnest($sha256))
    GROUP BY sha256
    ORDER BY sha256
"""

_TEXTS_NOW_OR_ONCE = "SELECT sha256 FROM raw.dockerfiles UNION SELECT sha256 FROM raw.history_texts"
_CONTENT_NOW_OR_ONCE = """
    SELECT sha256, any_value(content)
    FROM (SELECT sha256, content FROM raw.dockerfiles UNION ALL SELECT sha256, content FROM raw.history_texts)
    WHERE sha256 IN (SELECT unnest($sha256))
    GROUP BY sha256
    ORDER BY sha256
"""

READINGS = Derivation(
    name="dockerfile_readings",
    tables=(
        "raw.dockerfile_readings",
        "raw.dockerfile_instructions",
        "raw.dockerfile_stages",
        "raw.dockerfile_stage_edges",
        "raw.dockerfile_run_commands",
        "raw.dockerfile_packages",
        "raw.dockerfile_practices",
        "raw.dockerfile_advice",
        "raw.dockerfile_word_counts",
    ),
    key=("sha256",),
    version="reader_version",
    made_at="read_at",
    inputs=_TEXTS_NOW_OR_ONCE,
    contents={"texts": _CONTENT_NOW_OR_ONCE},
    module="study.readings",
    seeds=("base_image_rules", "run_task_commands", "run_tasks", "recommendations"),
    at_once=1000,
)
"""By content, not by project: 2,493 files have 2,341 texts. Texts of a project's history are read too."""

FACTS = Derivation(
    name="file_facts",
    tables=("raw.file_facts",),
    key=("sha256", "read_as"),
    version="facts_version",
    made_at="read_at",
    inputs="""
        SELECT sha256, read_as, any_value(path) AS path FROM raw.repository_files
        WHERE content IS NOT NULL AND read_as IN ('compose', 'workflow')
        GROUP BY sha256, read_as
    """,
    contents={
        # The same text may be a Compose file in one project and a workflow in another: two units.
        "texts": """
            SELECT sha256, any_value(content) FROM raw.repository_files
            WHERE content IS NOT NULL
                AND (sha256, read_as) IN (SELECT (unnest($sha256), unnest($read_as)))
            GROUP BY sha256
        """
    },
    module="study.advice.project",
    at_once=1000,
)

LABELS = Derivation(
    name="machine_labels",
    tables=("raw.machine_labels", "raw.machine_label_evidence"),
    key=("project",),
    marks=("input_hash",),
    version="labeller_version",
    made_at="labelled_at",
    # A project's paths show its layout only if its corpus states that it listed all of them.
    inputs=f"""
        WITH {_LISTED}, {_FILES}, {_DOCKERFILES},
        seen AS (
            SELECT
                visits.project,
                EXISTS (
                    SELECT 1 FROM raw.outcomes AS said
                    WHERE said.project = visits.project AND said.stage = visits.stage
                        AND said.observed_at = visits.observed_at
                        AND said.subject = 'file list' AND said.status = 'collected'
                ) AS whole
            FROM visits
            WHERE visits.stage = 'dockerfiles'
        )
        SELECT
            listed.project,
            listed.corpus,
            listed.name,
            listed.description,
            listed.topics,
            listed.language,
            seen.whole,
            sha256(concat_ws(
                chr(0),
                listed.name,
                coalesce(listed.description, ''),
                coalesce(listed.topics::VARCHAR, ''),
                coalesce(listed.language, ''),
                seen.whole::VARCHAR,
                (SELECT string_agg(path || chr(0) || sha256, chr(0) ORDER BY path)
                 FROM dockerfiles WHERE dockerfiles.project = listed.project),
                (SELECT string_agg(
                    concat_ws(
                        chr(0), path, CASE WHEN content IS NULL THEN '' ELSE coalesce(sha256, '') END,
                        coalesce(bytes::VARCHAR, '')
                    ),
                    chr(0) ORDER BY path
                 )
                 FROM files WHERE files.project = listed.project)
            )) AS input_hash
        FROM listed
        JOIN seen ON seen.project = listed.project
    """,
    contents={
        "dockerfiles": f"""
            WITH {_DOCKERFILES}
            SELECT DISTINCT ON (project, path) project, path, content FROM dockerfiles
            WHERE project IN (SELECT unnest($project))
            ORDER BY project, path
        """,
        "files": f"""
            WITH {_FILES}
            SELECT DISTINCT ON (project, path) project, path, content, bytes FROM files
            WHERE project IN (SELECT unnest($project))
            ORDER BY project, path, content IS NULL
        """,
    },
    module="study.labels.machine",
    seeds=(
        "category_features",
        "category_weights",
        "purpose_rules",
        "categories",
        "purposes",
        "sub_purposes",
    ),
    at_once=1000,
)

LINKS = Derivation(
    name="image_links",
    tables=("raw.image_link_readings", "raw.image_links", "raw.image_reference_grades"),
    key=("project",),
    version="rules_version",
    made_at="linked_at",
    inputs=f"""
        WITH {_LISTED}, {_FILES}, {_IMAGES}
        SELECT
            listed.project,
            listed.corpus,
            listed.name,
            sha256(concat_ws(
                chr(0),
                listed.name,
                (SELECT string_agg(path || chr(0) || sha256, chr(0) ORDER BY path)
                 FROM files WHERE files.project = listed.project AND content IS NOT NULL),
                (SELECT string_agg(
                    concat_ws(chr(0), reference, coalesce(labels, ''), description), chr(0) ORDER BY reference
                 )
                 FROM images WHERE images.project = listed.project)
            )) AS input_hash
        FROM listed
    """,
    contents={
        "files": f"""
            WITH {_FILES}
            SELECT DISTINCT ON (project, path) project, path, content FROM files
            WHERE content IS NOT NULL AND project IN (SELECT unnest($project))
            ORDER BY project, path
        """,
        "images": f"""
            WITH {_IMAGES}
            SELECT project, reference, labels, description FROM images
            WHERE project IN (SELECT unnest($project))
            ORDER BY project, reference
        """,
    },
    module="study.image_links.rows",
    marks=("input_hash",),
    at_once=1000,
)

REBUILDS = Derivation(
    name="rebuilds",
    tables=(
        "raw.rebuild_walks",
        "raw.rebuilds",
        "raw.rebuild_years",
        "raw.rebuild_moves",
        "raw.dockerfile_changes",
        "raw.history_texts",
    ),
    key=("project",),
    marks=("last_commit",),
    version="walk_version",
    made_at="walked_at",
    inputs="""
        SELECT found.project, found.corpus, found.last_commit
        FROM raw.histories AS found
        JOIN visits
            ON visits.corpus = found.corpus AND visits.project IS NULL AND visits.stage = 'repo_list'
            AND visits.observed_at = found.last_seen
        WHERE found.last_commit IS NOT NULL
    """,
    contents={
        "walks": """
            SELECT project, last_commit, walk_state, walk_version FROM raw.rebuild_walks
            WHERE project IN (SELECT unnest($project))
        """,
        "rebuilds": """
            SELECT project, rows FROM raw.rebuilds AS rows WHERE project IN (SELECT unnest($project))
        """,
        "changes": """
            SELECT project, rows FROM raw.dockerfile_changes AS rows WHERE project IN (SELECT unnest($project))
            ORDER BY project, position
        """,
        "texts": """
            SELECT project, rows FROM raw.history_texts AS rows WHERE project IN (SELECT unnest($project))
        """,
    },
    module="corpora.history",
    at_once=10,
    seconds=600.0,
)
"""By the newest commit of the branch. A walk continues the one before, and its rows are added to that one's."""

LINT = Derivation(
    name="dockerfile_lint",
    tables=("raw.dockerfile_lint",),
    key=("sha256",),
    version="tool_version",
    made_at="linted_at",
    inputs=_TEXTS_OF_DOCKERFILES,
    contents={"texts": _CONTENT_OF_DOCKERFILES},
    module="clients.hadolint",
    at_once=200,
)
"""By hadolint's version and the code that runs it (``lint_version``). ``at_once``: about ten seconds of work."""

DERIVATIONS = (REBUILDS, READINGS, FACTS, LABELS, LINKS)
"""The derivations that are computed with the findings. ``LINT`` is computed only on request."""
