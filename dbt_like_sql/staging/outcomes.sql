-- The newest outcome of every subject of every stage, of the listed projects and of the listings themselves.
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
WHERE found.project IS NULL OR listed.project IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY found.corpus, found.project, found.stage, found.subject ORDER BY found.observed_at DESC
) = 1
