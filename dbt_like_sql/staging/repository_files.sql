-- The rows of raw.repository_files that the newest visit of their project saw.
SELECT found.* EXCLUDE (row_hash, first_seen, last_seen)
FROM raw.repository_files AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project = found.project
    AND visit.stage = 'dockerfiles'
    AND visit.observed_at = found.last_seen
