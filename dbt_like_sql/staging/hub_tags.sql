-- The rows of raw.hub_tags that the newest visit saw, each once: if two projects name a repository, the tags are those of
-- the later visit.
SELECT found.* EXCLUDE (project, row_hash, first_seen, last_seen)
FROM raw.hub_tags AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project = found.project
    AND visit.stage = 'manifests'
    AND visit.observed_at = found.last_seen
QUALIFY rank() OVER (PARTITION BY found.corpus, found.repository ORDER BY found.last_seen DESC, found.project) = 1
