-- One row per project in the newest listing of its corpus. A project that is only in older listings has left: its collected
-- rows stay in raw, and no later model counts them. A shard is not a project; its projects are.
WITH
    listings AS (
        SELECT corpus, max(listed_at) AS listed_at FROM raw.listings GROUP BY corpus
    ),
    members AS (
        SELECT found.corpus, found.project, found.shard
        FROM raw.projects AS found
        JOIN listings ON listings.corpus = found.corpus AND listings.listed_at = found.last_seen
        WHERE found.shard IS NOT NULL
    )
SELECT DISTINCT corpus, project
FROM raw.inputs
WHERE project NOT IN (SELECT shard FROM members)
UNION
SELECT corpus, project FROM members
