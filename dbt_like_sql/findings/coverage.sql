-- The state of each stage of each corpus: done, due, failed for now, gone, censored, with reasons. It reads only raw tables,
-- so that dockml status can run the same query on the warehouse between two builds.
WITH
    latest AS (
        SELECT
            project,
            stage,
            arg_max(status, observed_at) AS status,
            -- arg_max skips rows without a reason and would return that of an older visit.
            arg_max_null(reason, observed_at) AS reason,
            arg_max(retryable, observed_at) AS retryable,
            arg_max_null(input_hash, observed_at) AS input_hash,
            arg_max_null(method_version, observed_at) AS method_version,
            max(observed_at) AS observed_at
        FROM raw.outcomes
        WHERE subject = ''
        GROUP BY project, stage
    ),
    asked AS (
        SELECT project, stage, max(asked_at) AS asked_at FROM raw.revisits GROUP BY project, stage
    ),
    listing AS (
        SELECT corpus, arg_max(method_version, listed_at) AS method_version FROM raw.listings GROUP BY corpus
    ),
    censored AS (
        SELECT listed.project, layers.censored AS reason
        FROM raw.image_layers AS listed
        JOIN raw.layers AS layers ON layers.layer_digest = listed.layer_digest
        WHERE layers.censored IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY listed.project ORDER BY layers.censored) = 1
    ),
    states AS (
        SELECT
            wanted.corpus,
            wanted.stage,
            CASE
                WHEN latest.retryable THEN 'failed for now'
                WHEN
                    latest.project IS NULL
                    OR latest.input_hash IS DISTINCT FROM wanted.input_hash
                    OR latest.other_method
                    OR asked.asked_at > latest.observed_at
                    THEN 'due'
                WHEN latest.status = 'collected' AND wanted.stage = 'layer_stats' AND censored.project IS NOT NULL
                    THEN 'censored'
                WHEN latest.status = 'collected' THEN 'done'
                ELSE replace(latest.status, '_', ' ')
            END AS state,
            CASE
                WHEN latest.retryable THEN latest.reason
                WHEN latest.project IS NULL THEN 'new'
                WHEN latest.input_hash IS DISTINCT FROM wanted.input_hash THEN 'changed'
                WHEN latest.other_method THEN 'method changed'
                WHEN asked.asked_at > latest.observed_at THEN 'asked again'
                WHEN latest.status = 'collected' AND wanted.stage = 'layer_stats' THEN censored.reason
                ELSE latest.reason
            END AS reason
        FROM raw.inputs AS wanted
        JOIN listing ON listing.corpus = wanted.corpus
        LEFT JOIN LATERAL (
            SELECT
                visits.*,
                -- The method of layers is the corpus's version followed by the scanner's.
                listing.method_version IS NOT NULL
                AND NOT coalesce(starts_with(visits.method_version || ' ', listing.method_version || ' '), false)
                    AS other_method
            FROM latest AS visits
            WHERE visits.project = wanted.project AND visits.stage = wanted.stage
        ) AS latest ON true
        LEFT JOIN asked ON asked.project = wanted.project AND asked.stage = wanted.stage
        LEFT JOIN censored ON censored.project = wanted.project
    ),
    -- A candidate counts once, by the furthest step that it reached.
    candidates AS (
        SELECT found.corpus, found.name, arg_max_null(found.not_asked_because, found.step_number) AS reason
        FROM raw.candidates AS found
        JOIN (SELECT corpus, max(listed_at) AS listed_at FROM raw.listings GROUP BY corpus) AS newest
            ON newest.corpus = found.corpus AND newest.listed_at = found.last_seen
        GROUP BY found.corpus, coalesce(found.cohort, 'ml'), found.name
    ),
    asked_candidates AS (
        SELECT
            corpus,
            'repo_list' AS stage,
            CASE WHEN reason IS NULL THEN 'done' ELSE 'not asked' END AS state,
            reason,
            'repository' AS unit_of_analysis
        FROM candidates
        WHERE corpus IN (SELECT corpus FROM candidates WHERE reason IS NOT NULL)
    ),
    all_states AS (
        SELECT corpus, stage, state, reason, 'project' AS unit_of_analysis FROM states
        UNION ALL
        FROM asked_candidates
    )
SELECT
    corpus,
    stage,
    state,
    reason,
    unit_of_analysis,
    count(*) AS projects,
    sum(count(*)) OVER (PARTITION BY corpus, stage)::BIGINT AS n,
    count(*) / sum(count(*)) OVER (PARTITION BY corpus, stage) AS share
FROM all_states
GROUP BY corpus, stage, state, reason, unit_of_analysis
ORDER BY corpus, list_position(['repo_list', 'dockerfiles', 'manifests', 'layer_stats'], stage), projects DESC, state, reason
