-- The newest outcome of every subject of every stage.
SELECT
    corpus,
    project,
    stage,
    subject,
    status,
    reason,
    retryable,
    retry_at,
    observed_at
FROM raw.outcomes
QUALIFY row_number() OVER (PARTITION BY corpus, project, stage, subject ORDER BY observed_at DESC) = 1
