-- What to change: one row per project, subject (Dockerfile, image, or the project's own Compose files and workflows) and
-- recommendation. Bytes are measured in an image's layers, each for one recommendation only, so the rows of one image add
-- up; a Dockerfile alone has none. An image that several projects name has rows for each of them. `evidence`,
-- `evidence_paths`, `evidence_lines`, `evidence_layers` and `evidence_bytes` are parallel lists with one entry per place.
WITH
    of_dockerfiles AS (
        SELECT
            files.corpus,
            files.project,
            'dockerfile' AS about,
            files.path AS subject,
            NULL::VARCHAR AS manifest_digest,
            advised.recommendation,
            advised.note,
            advised.evidence,
            advised.evidence_lines
        FROM core.dockerfiles AS files
        JOIN raw.dockerfile_advice AS advised ON advised.sha256 = files.sha256
        WHERE files.valid
        UNION ALL
        -- The text alone does not show whether there is a .dockerignore.
        SELECT corpus, project, 'dockerfile', path, NULL, 'dockerignore', note, [note], [evidence_lines[1]]
        FROM core.dockerfile_findings
        WHERE
            source = 'dockml' AND rule = 'dockerignore' AND verdict = 'violated' AND dockerfile_valid
            -- The text alone may already trigger the recommendation of a .dockerignore.
            AND (project, path) NOT IN (
                SELECT (files.project, files.path)
                FROM core.dockerfiles AS files
                JOIN raw.dockerfile_advice AS advised ON advised.sha256 = files.sha256
                WHERE files.valid AND advised.recommendation = 'dockerignore'
            )
    ),
    project_facts AS (
        SELECT files.corpus, files.project, files.path, facts.fact, facts.line, facts.what
        FROM staging.repository_files AS files
        JOIN raw.file_facts AS facts ON facts.sha256 = files.sha256 AND facts.read_as = files.read_as
    ),
    asking AS (
        SELECT
            found.corpus,
            found.project,
            found.path,
            -- A missing scan is claimed only where a workflow builds images and none of the project names a scanner.
            CASE found.fact WHEN 'image-built' THEN 'no-image-scan' ELSE found.fact END AS fact,
            found.line,
            found.what
        FROM project_facts AS found
        WHERE
            found.fact <> 'image-built'
            OR NOT EXISTS (
                SELECT 1 FROM project_facts AS other WHERE other.project = found.project AND other.fact = 'image-scanned'
            )
    ),
    of_projects AS (
        SELECT
            asking.corpus,
            asking.project,
            rules.recommendation,
            list(asking.what ORDER BY asking.path, asking.line) AS evidence,
            list(asking.path ORDER BY asking.path, asking.line) AS evidence_paths,
            list(asking.line ORDER BY asking.path, asking.line) AS evidence_lines
        FROM asking
        JOIN seeds.recommendations AS rules
            ON list_contains(string_split(rules.triggers, ' '), 'fact:' || asking.fact)
        GROUP BY asking.corpus, asking.project, rules.recommendation
    ),
    of_images AS (
        SELECT named.project, advised.*
        FROM staging.image_advice AS advised
        JOIN core.project_images AS named
            ON named.corpus = advised.corpus AND named.reference = advised.reference
    ),
    everything AS (
        SELECT
            corpus,
            project,
            about,
            subject,
            manifest_digest,
            recommendation,
            NULL::BIGINT AS saves_bytes,
            NULL::BIGINT AS base_bytes,
            NULL::BIGINT AS files,
            note,
            evidence,
            list_transform(evidence, lambda place: subject) AS evidence_paths,
            evidence_lines,
            list_transform(evidence, lambda place: NULL::VARCHAR) AS evidence_layers,
            list_transform(evidence, lambda place: NULL::BIGINT) AS evidence_bytes
        FROM of_dockerfiles
        UNION ALL
        SELECT
            corpus,
            project,
            'project' AS about,
            project AS subject,
            NULL AS manifest_digest,
            recommendation,
            NULL AS saves_bytes,
            NULL AS base_bytes,
            NULL AS files,
            NULL AS note,
            evidence[:10],
            evidence_paths[:10],
            evidence_lines[:10],
            list_transform(evidence[:10], lambda place: NULL::VARCHAR) AS evidence_layers,
            list_transform(evidence[:10], lambda place: NULL::BIGINT) AS evidence_bytes
        FROM of_projects
        UNION ALL
        SELECT
            corpus,
            project,
            'image' AS about,
            reference AS subject,
            manifest_digest,
            recommendation,
            saves_bytes,
            base_bytes,
            files,
            note,
            evidence,
            evidence_paths,
            list_transform(evidence, lambda place: NULL::BIGINT) AS evidence_lines,
            evidence_layers,
            evidence_bytes
        FROM of_images
    )
SELECT
    everything.corpus,
    everything.project,
    everything.about,
    everything.subject,
    everything.manifest_digest,
    everything.recommendation,
    rules.severity,
    rules.effort,
    rules.confidence,
    everything.saves_bytes,
    everything.base_bytes,
    everything.files,
    everything.note,
    everything.evidence,
    everything.evidence_paths,
    everything.evidence_lines,
    everything.evidence_layers,
    everything.evidence_bytes,
    rules.action,
    rules.why
FROM everything
JOIN seeds.recommendations AS rules ON rules.recommendation = everything.recommendation
