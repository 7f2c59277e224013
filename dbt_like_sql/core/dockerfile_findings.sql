-- One row per Dockerfile and practice (dockml), or per Dockerfile and rule that hadolint reports. The reader judges a text
-- without its repository; whether there is a .dockerignore is decided here.
WITH
    -- Only a complete list of a project's files shows that a file is absent; the corpus states whether its list is complete.
    listing AS (
        SELECT project
        FROM staging.outcomes
        WHERE stage = 'dockerfiles' AND subject = 'file list' AND status = 'collected'
    ),
    -- The Dockerfile does not state its build context: it may be any folder from its own up to the root.
    ignoring AS (
        SELECT files.project, files.path, min(ignored.path) AS ignore_file
        FROM core.dockerfiles AS files
        JOIN staging.repository_files AS ignored
            ON ignored.project = files.project
            AND (
                ignored.path = files.path || '.dockerignore'
                OR (
                    parse_filename(ignored.path) = '.dockerignore'
                    AND starts_with(files.path, left(ignored.path, -len('.dockerignore')))
                )
            )
        GROUP BY files.project, files.path
    ),
    judged AS (
        SELECT
            files.corpus,
            files.project,
            files.path,
            files.valid AS dockerfile_valid,
            found.practice,
            found.verdict,
            found.evidence_lines,
            found.note,
            found.practice = 'dockerignore' AND found.verdict = 'unknown' AS undecided,
            ignoring.ignore_file,
            listing.project IS NOT NULL AS files_listed
        FROM core.dockerfiles AS files
        JOIN raw.dockerfile_practices AS found ON found.sha256 = files.sha256
        LEFT JOIN ignoring ON ignoring.project = files.project AND ignoring.path = files.path
        LEFT JOIN listing ON listing.project = files.project
    ),
    -- Only the newest version of the tool that saw a text: versions have different rules.
    lint AS (
        SELECT *
        FROM raw.dockerfile_lint
        QUALIFY rank() OVER (PARTITION BY sha256 ORDER BY linted_at DESC) = 1
    )
SELECT
    corpus,
    project,
    path,
    dockerfile_valid,
    'dockml' AS source,
    practice AS rule,
    CASE
        WHEN undecided AND ignore_file IS NOT NULL THEN 'followed'
        WHEN undecided AND files_listed THEN 'violated'
        ELSE verdict
    END AS verdict,
    NULL::VARCHAR AS severity,
    evidence_lines,
    CASE
        WHEN undecided AND ignore_file IS NOT NULL THEN ignore_file
        WHEN undecided AND files_listed THEN 'no .dockerignore in the folder of the Dockerfile or above'
        ELSE note
    END AS note
FROM judged
UNION ALL
SELECT
    files.corpus,
    files.project,
    files.path,
    files.valid AS dockerfile_valid,
    'hadolint' AS source,
    lint.rule,
    CASE lint.rule WHEN 'refused' THEN 'unknown' ELSE 'violated' END AS verdict,
    any_value(lint.severity) AS severity,
    list(DISTINCT lint.line ORDER BY lint.line) FILTER (WHERE lint.line IS NOT NULL) AS evidence_lines,
    any_value(lint.reason) AS note
FROM core.dockerfiles AS files
JOIN lint ON lint.sha256 = files.sha256
-- The row that marks a text as linted is not a finding.
WHERE lint.rule <> 'linted'
GROUP BY files.corpus, files.project, files.path, files.valid, lint.rule
