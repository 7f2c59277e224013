-- Units below the project that were seen but left out: files, images and layers that are too large, too many, links,
-- unreadable or cut short by a limit, and failures of steps that compute from them, with the reason. It reads only raw tables,
-- so that dockml status can run the same query between two builds. What a selection leaves out is in the funnel.
WITH
    listed AS (
        SELECT DISTINCT corpus, project FROM raw.inputs
    ),
    visits AS (
        SELECT corpus, project, stage, max(observed_at) AS observed_at
        FROM raw.outcomes
        WHERE subject = '' AND (NOT retryable OR status = 'collected')
            AND (project IS NULL OR project IN (SELECT project FROM listed))
        GROUP BY corpus, project, stage
    ),
    files AS (
        SELECT DISTINCT found.corpus, found.project, found.path, found.sha256, found.read_as, found.left_out
        FROM raw.repository_files AS found
        JOIN visits ON visits.project = found.project AND visits.stage = 'dockerfiles' AND visits.observed_at = found.last_seen
    ),
    dockerfiles AS (
        SELECT DISTINCT found.corpus, found.project, found.path, found.sha256
        FROM raw.dockerfiles AS found
        JOIN visits ON visits.project = found.project AND visits.stage = 'dockerfiles' AND visits.observed_at = found.last_seen
    ),
    layers AS (
        SELECT DISTINCT found.corpus, found.project, found.layer_digest
        FROM raw.image_layers AS found
        JOIN visits ON visits.project = found.project AND visits.stage = 'manifests' AND visits.observed_at = found.last_seen
    ),
    images AS (
        SELECT DISTINCT found.corpus, found.project, found.reference
        FROM raw.image_references AS found
        JOIN visits ON visits.project = found.project AND visits.stage = 'manifests' AND visits.observed_at = found.last_seen
    ),
    -- The newest outcome of every subject in the current visits.
    said AS (
        SELECT found.corpus, found.project, found.stage, found.subject, found.status, found.reason
        FROM raw.outcomes AS found
        LEFT JOIN visits
            ON visits.corpus = found.corpus
            AND visits.project IS NOT DISTINCT FROM found.project
            AND visits.stage = found.stage
        WHERE found.subject <> ''
            AND found.stage IN ('repo_list', 'dockerfiles', 'manifests', 'layer_stats')
            AND (found.project IS NULL OR found.project IN (SELECT project FROM listed))
            AND (visits.observed_at IS NULL OR found.observed_at >= visits.observed_at)
        QUALIFY row_number() OVER (
            PARTITION BY found.corpus, found.project, found.stage, found.subject ORDER BY found.observed_at DESC
        ) = 1
    ),
    -- An outcome of a computing step on a text holds for all projects with the text, even later ones. Each limit counts.
    remarks AS (
        SELECT
            stage,
            subject,
            project,
            arg_max(status, observed_at) AS status,
            arg_max_null(reason, observed_at) AS reason,
            arg_max_null(method_version, observed_at) AS method_version
        FROM raw.outcomes
        WHERE stage IN (
            'rebuilds', 'dockerfile_readings', 'dockerfile_lint', 'file_facts', 'machine_labels', 'image_links'
        )
        GROUP BY stage, subject, project
    ),
    made AS (
        SELECT 'rebuilds' AS stage, '' AS subject, project, walk_version AS version FROM raw.rebuild_walks
        UNION ALL SELECT 'dockerfile_readings', sha256, NULL, reader_version FROM raw.dockerfile_readings
        UNION ALL SELECT 'file_facts', sha256 || ' ' || read_as, NULL, facts_version FROM raw.file_facts
        UNION ALL SELECT 'machine_labels', '', project, labeller_version FROM raw.machine_labels
        UNION ALL SELECT 'image_links', '', project, rules_version FROM raw.image_link_readings
    ),
    computed AS (
        SELECT stage, subject, project, status, reason FROM remarks WHERE status = 'failed'
        UNION ALL
        SELECT stage, subject, project, status, 'censored: ' || unnest(string_split(substr(reason, 11), '; '))
        FROM remarks
        WHERE
            status = 'collected'
            AND starts_with(reason, 'censored: ')
            -- Only for current rows.
            AND EXISTS (
                SELECT 1 FROM made
                WHERE made.stage = remarks.stage AND made.subject = remarks.subject
                    AND (made.project = remarks.project OR made.project IS NULL) AND made.version = remarks.method_version
            )
    ),
    passed_over AS (
        SELECT
            corpus,
            project,
            stage,
            subject,
            status,
            reason,
            CASE stage
                WHEN 'repo_list' THEN 'repository'
                WHEN 'dockerfiles' THEN 'file'
                WHEN 'manifests' THEN 'image'
                ELSE 'layer'
            END AS unit_of_analysis
        FROM said
        WHERE CASE
            WHEN stage = 'repo_list'
                THEN status IN ('failed', 'unreadable', 'malformed')
                    OR status = 'not_selected'
                    AND NOT EXISTS (
                        SELECT 1 FROM raw.candidates AS found
                        WHERE found.corpus = said.corpus AND found.name = said.subject
                    )
            ELSE status <> 'collected' OR reason LIKE 'censored%'
        END
        UNION ALL
        SELECT files.corpus, files.project, 'dockerfiles', files.path, 'not_selected', files.left_out, 'file'
        FROM files
        WHERE files.left_out IS NOT NULL
            AND NOT EXISTS (
                SELECT 1 FROM said
                WHERE said.project = files.project AND said.stage = 'dockerfiles' AND said.subject = files.path
            )
        UNION ALL
        SELECT DISTINCT layers.corpus, layers.project, 'layer_stats', layers.layer_digest, 'collected',
            'censored: ' || found.censored, 'layer'
        FROM layers
        JOIN raw.layers AS found ON found.layer_digest = layers.layer_digest AND found.censored IS NOT NULL
        WHERE NOT EXISTS (
            SELECT 1 FROM said
            WHERE said.project = layers.project AND said.stage = 'layer_stats' AND said.subject = layers.layer_digest
        )
        UNION ALL
        -- An image whose packages are not all known has a reason, one text per image.
        SELECT DISTINCT found.corpus, found.project, 'layer_stats', found.reference, 'collected',
            'censored: the packages are not all known', 'image'
        FROM raw.image_summaries AS found
        JOIN images ON images.project = found.project AND images.reference = found.reference
        JOIN visits
            ON visits.project = found.project AND visits.stage = 'layer_stats' AND visits.observed_at = found.last_seen
        WHERE found.packages_reason IS NOT NULL
        UNION ALL
        SELECT DISTINCT found.corpus, found.project, 'manifests', found.repository, 'collected',
            'censored: ' || found.censored, 'image'
        FROM raw.hub_repositories AS found
        JOIN visits
            ON visits.project = found.project AND visits.stage = 'manifests' AND visits.observed_at = found.last_seen
        WHERE found.censored IS NOT NULL
        UNION ALL
        SELECT DISTINCT
            dockerfiles.corpus, dockerfiles.project, computed.stage, dockerfiles.path, computed.status, computed.reason, 'file'
        FROM computed
        JOIN dockerfiles ON dockerfiles.sha256 = computed.subject
        WHERE computed.stage IN ('dockerfile_readings', 'dockerfile_lint')
        UNION ALL
        SELECT DISTINCT files.corpus, files.project, computed.stage, files.path, computed.status, computed.reason, 'file'
        FROM computed
        JOIN files ON computed.subject = files.sha256 || ' ' || files.read_as
        WHERE computed.stage = 'file_facts'
        UNION ALL
        SELECT listed.corpus, listed.project, computed.stage, '', computed.status, computed.reason, 'project'
        FROM computed
        JOIN listed ON listed.project = computed.project
        WHERE computed.stage IN ('rebuilds', 'machine_labels', 'image_links')
    ),
    -- All units of a kind that were seen, taken or not.
    seen AS (
        SELECT corpus, unit_of_analysis, count(*) AS n
        FROM (
            SELECT corpus, project, path AS subject, 'file' AS unit_of_analysis FROM files
            UNION SELECT corpus, project, path, 'file' FROM dockerfiles
            UNION SELECT corpus, project, reference, 'image' FROM images
            UNION SELECT corpus, project, layer_digest, 'layer' FROM layers
            UNION SELECT corpus, project, '', 'project' FROM listed
            UNION SELECT corpus, project, project, 'repository' FROM listed
            UNION SELECT corpus, project, subject, unit_of_analysis FROM passed_over
        ) AS every
        GROUP BY corpus, unit_of_analysis
    )
SELECT
    passed_over.corpus,
    passed_over.stage,
    replace(passed_over.status, '_', ' ') AS state,
    passed_over.reason,
    passed_over.unit_of_analysis,
    count(DISTINCT (passed_over.project, passed_over.subject)) AS units,
    count(DISTINCT passed_over.project) AS projects,
    any_value(seen.n) AS n,
    min(concat_ws(' ', passed_over.project, nullif(passed_over.subject, ''))) AS example
FROM passed_over
JOIN seen ON seen.corpus = passed_over.corpus AND seen.unit_of_analysis = passed_over.unit_of_analysis
GROUP BY passed_over.corpus, passed_over.stage, passed_over.status, passed_over.reason, passed_over.unit_of_analysis
ORDER BY passed_over.corpus, passed_over.stage, units DESC, state, passed_over.reason
