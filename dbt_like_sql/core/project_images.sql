-- The images that each project names: one row per project and reference, and whether anything is known about the image.
WITH
    named AS (
        SELECT
            corpus,
            project,
            reference,
            -- The paper took its images from sheet filtered2; images that are only in the label sheet were added later.
            bool_or(origin <> 'labeling2.latest_image') AS in_published_sample,
            min((origin_row, position)) FILTER (WHERE origin <> 'labeling2.latest_image') AS published_order,
            list(DISTINCT origin ORDER BY origin) AS origins
        FROM staging.image_references
        GROUP BY corpus, project, reference
    ),
    inspected AS (
        SELECT corpus, reference FROM staging.image_configs
        UNION
        SELECT corpus, reference FROM staging.manifests
    )
SELECT
    named.corpus,
    named.project,
    named.reference,
    named.origins,
    named.in_published_sample,
    -- The paper counts an image for the first project that names it, in the order of its sheet.
    named.in_published_sample
    AND row_number() OVER (
        PARTITION BY named.corpus, named.reference ORDER BY named.published_order NULLS LAST
    ) = 1 AS published_owner,
    inspected.reference IS NOT NULL AS inspected
FROM named
LEFT JOIN inspected ON inspected.corpus = named.corpus AND inspected.reference = named.reference
