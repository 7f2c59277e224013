-- The newest visit of every stage that ended with an answer, for the listed projects and for the listings themselves
-- (project NULL). Every model of collected data takes the rows of these visits, so projects that left are in none.
-- A visit that failed for now does not count: the results of an earlier one stay current until a later one answers. A visit
-- that found a part and will be repeated for the rest is an answer. The visit of a shard is one of each of its projects.
WITH
    answered AS (
        SELECT
            corpus,
            project,
            stage,
            max(observed_at) AS observed_at,
            arg_max(status, observed_at) AS status,
            -- arg_max passes over rows without a reason and would give an older visit's.
            arg_max_null(reason, observed_at) AS reason
        FROM raw.outcomes
        WHERE
            subject = ''
            AND (NOT retryable OR status = 'collected')
            AND (project IS NULL OR project IN (SELECT project FROM raw.inputs))
        GROUP BY corpus, project, stage
    )
SELECT * FROM answered
UNION ALL
SELECT answered.corpus, members.project, answered.stage, answered.observed_at, answered.status, answered.reason
FROM raw.projects AS members
JOIN answered AS listed
    ON listed.corpus = members.corpus AND listed.project IS NULL AND listed.stage = 'repo_list'
    AND listed.observed_at = members.last_seen
JOIN answered ON answered.project = members.shard
