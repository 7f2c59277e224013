-- The rows of raw.image_device_code that the newest visit saw, each row of the source once: an image that two projects name
-- was collected with both. Rows that belong to no selected project came with the listing.
SELECT found.* EXCLUDE (project, row_hash, first_seen, last_seen)
FROM raw.image_device_code AS found
JOIN staging.visits AS visit
    ON visit.corpus = found.corpus
    AND visit.project IS NOT DISTINCT FROM found.project
    AND visit.stage = CASE WHEN found.project IS NULL THEN 'repo_list' ELSE 'layer_stats' END
    AND visit.observed_at = found.last_seen
QUALIFY row_number() OVER (
    PARTITION BY found.corpus, found.reference, found.source_file, found.source_row
    ORDER BY found.project
) = 1
