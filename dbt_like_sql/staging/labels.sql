-- The rows of raw.labels that the newest listing of their corpus saw.
SELECT found.* EXCLUDE (content_hash, first_seen, last_seen)
FROM raw.labels AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project IS NULL
    AND visit.stage = 'labels'
    AND visit.observed_at = found.last_seen
