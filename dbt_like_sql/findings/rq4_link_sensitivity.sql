-- RQ4, repeated with fewer images: only those whose link to a project has at least the grade. "any" is every image that a
-- source names. Intervals are over the projects of the images. Differences between "any" and "confirmed" are due to images
-- that may not belong to the project.
WITH
    graded AS (
        SELECT
            grades.corpus,
            grades.reference,
            -- A source may name one image for several projects: its best grade counts.
            min(list_position(['confirmed', 'likely', 'possible', 'none'], grades.link_grade)) AS rank
        FROM staging.image_reference_grades AS grades
        GROUP BY grades.corpus, grades.reference
    ),
    image AS (
        SELECT images.corpus, images.config_digest, min(graded.rank) AS rank
        FROM core.images AS images
        CROSS JOIN unnest(images.image_references) AS names (reference)
        JOIN graded ON graded.corpus = images.corpus AND graded.reference = names.reference
        GROUP BY images.corpus, images.config_digest
    ),
    levels (link_grade, worst) AS (VALUES ('confirmed', 1), ('likely', 2), ('possible', 3), ('any', 4)),
    measured AS (
        SELECT
            images.corpus,
            images.config_digest,
            levels.link_grade,
            levels.worst,
            images.compressed_bytes::DOUBLE AS compressed_bytes,
            CASE WHEN images.config_known THEN images.config_bytes END::DOUBLE AS config_bytes,
            images.env_count::DOUBLE AS environment_variables,
            images.rootfs_layers::DOUBLE AS layers,
            images.files::DOUBLE AS files,
            images.bytes::DOUBLE AS bytes,
            images.wasted_bytes::DOUBLE AS wasted_bytes,
            images.removable_bytes::DOUBLE AS removable_bytes,
            images.censored IS NOT NULL AS cut_short
        FROM core.images AS images
        JOIN image ON image.corpus = images.corpus AND image.config_digest = images.config_digest
        JOIN core.image_categories AS placed
            ON placed.corpus = images.corpus AND placed.config_digest = images.config_digest AND placed.category = 'All'
        JOIN levels ON image.rank <= levels.worst
    ),
    long AS (
        UNPIVOT measured
        ON compressed_bytes, config_bytes, environment_variables, layers, files, bytes, wasted_bytes, removable_bytes
        INTO NAME metric VALUE value
    ),
    summary AS (
        SELECT
            corpus,
            link_grade,
            worst,
            metric,
            count(*) AS n,
            -- Only the content of layers may be censored, never facts stated in documents.
            count(*) FILTER (
                WHERE cut_short AND metric IN ('files', 'bytes', 'wasted_bytes', 'removable_bytes')
            ) AS n_censored,
            median(value) AS median,
            quantile_cont(value, 0.25) AS q25,
            quantile_cont(value, 0.75) AS q75
        FROM long
        GROUP BY corpus, link_grade, worst, metric
    )
SELECT
    summary.corpus,
    'corrected' AS reading,
    'image' AS unit_of_analysis,
    summary.link_grade,
    summary.metric,
    CASE WHEN summary.metric LIKE '%bytes' THEN 'byte' ELSE 'count' END AS unit,
    summary.n,
    coalesce(found.clusters, 0) AS clusters,
    summary.n_censored,
    summary.median,
    found.low AS median_low,
    found.high AS median_high,
    q25,
    q75,
    summary.median / nullif(max(summary.median) FILTER (WHERE summary.link_grade = 'any') OVER (PARTITION BY summary.corpus, summary.metric), 0) AS ratio_to_any
FROM summary
LEFT JOIN core.median_intervals AS found
    ON found.corpus = summary.corpus
    AND found.category = 'All'
    AND found.link_grade = summary.link_grade
    AND found.measure = 'image_' || summary.metric
    AND found.weighting = 'unit'
ORDER BY summary.corpus, summary.metric, summary.worst
