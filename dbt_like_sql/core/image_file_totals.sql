-- Number and depth of an image's files, one row per image and project that names it (NULL if none does): from the union of
-- its layers, as a container sees it; if only summaries of its layers were published, by name, the sums over these, in which
-- files hidden by a later layer count too and levels include the file name.
WITH
    united AS (
        SELECT corpus, config_digest AS image, files, max_depth AS depth, 'union of layers' AS basis
        FROM core.images
        WHERE files IS NOT NULL
    ),
    summed AS (
        SELECT
            types.corpus,
            types.reference AS image,
            sum(types.files)::BIGINT AS files,
            max(types.published_level_max) AS depth,
            'sum of layers' AS basis
        FROM staging.layer_file_types AS types
        WHERE NOT EXISTS (
            SELECT 1
            FROM core.images AS images
            WHERE
                images.corpus = types.corpus
                AND images.files IS NOT NULL
                AND list_contains(images.image_references, types.reference)
        )
        GROUP BY types.corpus, types.reference
    )
SELECT DISTINCT united.corpus, united.image, owners.project, united.files, united.depth, united.basis
FROM united
LEFT JOIN core.project_image_configs AS owners
    ON owners.corpus = united.corpus AND owners.config_digest = united.image
UNION ALL
SELECT summed.corpus, summed.image, owners.project, summed.files, summed.depth, summed.basis
FROM summed
LEFT JOIN core.project_images AS owners ON owners.corpus = summed.corpus AND owners.reference = summed.image
