-- The rows of raw.hub_repositories that the newest visit saw.
SELECT found.* EXCLUDE (row_hash, first_seen, last_seen)
FROM raw.hub_repositories AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project = found.project
    AND visit.stage = 'manifests'
    AND visit.observed_at = found.last_seen
