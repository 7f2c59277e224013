-- The rows of raw.image_references that the newest visit of their project saw.
SELECT found.* EXCLUDE (row_hash, first_seen, last_seen)
FROM raw.image_references AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project = found.project
    AND visit.stage = 'manifests'
    AND visit.observed_at = found.last_seen
