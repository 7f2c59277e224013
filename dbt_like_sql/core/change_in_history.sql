-- One row per commit and Dockerfile whose text it added, changed or removed, with BuildKit's reading of the text after and
-- before it. A refused text has no instructions: NULL, not zero.
WITH
    practices AS (
        SELECT
            sha256,
            list(practice ORDER BY practice) FILTER (verdict = 'followed') AS followed,
            list(practice ORDER BY practice) FILTER (verdict = 'violated') AS violated
        FROM raw.dockerfile_practices
        GROUP BY sha256
    ),
    bases AS (
        SELECT
            sha256,
            list_sort(list_distinct(list(base_text))) AS bases,
            list_sort(list_distinct(list(coalesce(base_image_type, 'not classified')))) AS base_image_types
        FROM raw.dockerfile_stages
        WHERE reaches_shipped AND base_kind = 'image'
        GROUP BY sha256
    )
SELECT
    found.corpus,
    found.project,
    found.path,
    found.position,
    found.commit_id,
    found.committed_at,
    -- The latest year so far: a commit with a wrong clock does not go back in time.
    greatest(
        max(year(found.committed_at)) OVER (PARTITION BY found.project ORDER BY found.position), 1970
    ) AS committed_in,
    found.event,
    found.sha256,
    found.keywords_added,
    found.keywords_removed,
    readings.valid,
    CASE WHEN readings.valid THEN readings.instructions END AS instructions,
    CASE WHEN readings.valid THEN readings.stages END AS stages,
    CASE WHEN readings.valid THEN coalesce(practices.followed, []) END AS practices_followed,
    CASE WHEN readings.valid THEN coalesce(practices.violated, []) END AS practices_violated,
    CASE WHEN readings.valid THEN coalesce(bases.bases, []) END AS bases,
    CASE WHEN readings.valid THEN coalesce(bases.base_image_types, []) END AS base_image_types,
    lag(CASE WHEN readings.valid THEN coalesce(practices.violated, []) END) OVER before AS practices_violated_before,
    lag(CASE WHEN readings.valid THEN coalesce(bases.bases, []) END) OVER before AS bases_before
FROM staging.dockerfile_changes AS found
JOIN core.histories AS histories ON histories.project = found.project AND histories.reason IS NULL
LEFT JOIN raw.dockerfile_readings AS readings ON readings.sha256 = found.sha256 AND readings.reading = 'corrected'
LEFT JOIN practices ON practices.sha256 = found.sha256
LEFT JOIN bases ON bases.sha256 = found.sha256
WINDOW before AS (PARTITION BY found.project, found.path ORDER BY found.position)
