-- The rows of raw.dockerfiles that the newest visit of their project saw.
SELECT found.* EXCLUDE (row_hash, first_seen, last_seen)
FROM raw.dockerfiles AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project = found.project
    AND visit.stage = 'dockerfiles'
    AND visit.observed_at = found.last_seen
