-- The newest visit of every stage that ended with an answer, of the listed projects and of the listings themselves
-- (project NULL). Every model of what was collected takes the rows of these visits, so a project that left is in none.
-- A visit that failed for now does not count: what an earlier one found stays current until a later one answers. One
-- that found something, and will look for the rest again, is an answer. The visit of a shard is one of each of its projects.
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
