-- One row per project: the last commit to which its history was walked, or why there is none. If reason is NULL the history
-- was walked, and a project without a row in core.rebuilds rebuilds nothing; otherwise nothing is known.
WITH
    years AS (
        SELECT project, sum(commits_since_first)::BIGINT AS commits_since_first
        FROM staging.rebuild_years
        GROUP BY project
    )
SELECT
    projects.corpus,
    projects.project,
    walks.last_commit,
    walks.walked_at,
    CASE
        WHEN walks.reason IS NOT NULL THEN walks.reason
        WHEN listed.reason IS NOT NULL THEN listed.reason
        WHEN listed.project IS NULL THEN 'the corpus has no git repository of it'
        WHEN walks.project IS NULL THEN 'not walked yet'
    END AS reason,
    CASE WHEN listed.last_commit IS NOT NULL THEN walks.commits END AS commits,
    CASE WHEN listed.last_commit IS NOT NULL THEN walks.commits_censored END AS commits_censored,
    CASE WHEN listed.last_commit IS NOT NULL THEN years.commits_since_first END AS commits_since_first
FROM core.projects AS projects
LEFT JOIN staging.histories AS listed ON listed.project = projects.project
LEFT JOIN staging.rebuild_walks AS walks ON walks.project = projects.project
LEFT JOIN years ON years.project = projects.project
