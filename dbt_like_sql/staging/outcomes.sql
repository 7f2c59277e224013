-- The newest outcome of every subject of every stage, for the listed projects, shards and the listings themselves. Outcomes
-- older than the newest answered visit do not count: if that visit reports nothing, the subject was read or is not needed.
SELECT
    found.corpus,
    found.project,
    found.stage,
    found.subject,
    found.status,
    found.reason,
    found.retryable,
    found.retry_at,
    found.observed_at
FROM raw.outcomes AS found
LEFT JOIN staging.listed_projects AS listed ON listed.project = found.project
LEFT JOIN staging.visits AS visits
    ON visits.corpus = found.corpus
    AND visits.project IS NOT DISTINCT FROM found.project
    AND visits.stage = found.stage
WHERE
    (
        found.project IS NULL
        OR listed.project IS NOT NULL
        OR EXISTS (SELECT 1 FROM staging.projects AS members WHERE members.shard = found.project)
    )
    AND (visits.observed_at IS NULL OR found.observed_at >= visits.observed_at)
QUALIFY row_number() OVER (
    PARTITION BY found.corpus, found.project, found.stage, found.subject ORDER BY found.observed_at DESC
) = 1
