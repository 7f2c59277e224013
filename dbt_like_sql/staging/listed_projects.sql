-- One row a project that the newest listing of its corpus has. Who is in nothing but older listings left: what was
-- collected of them stays in raw, and nothing after it counts them. A shard is no project, its projects are.
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
