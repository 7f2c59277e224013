-- The rows of raw.histories that the newest listing of their corpus saw.
SELECT found.* EXCLUDE (row_hash, first_seen, last_seen)
FROM raw.histories AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project IS NULL
    AND visit.stage = 'repo_list'
    AND visit.observed_at = found.last_seen
