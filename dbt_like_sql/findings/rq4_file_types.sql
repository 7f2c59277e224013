-- RQ4: what kinds of file images hold. By image: files that a container sees, by extension, by first bytes (magic), and by
-- the paper's classes. By layer: files of distinct layers by extension, which is all that a source without contents tells.
-- as_published: as the paper counts, every layer of every image of a project, whiteouts and hidden files among them.
WITH
    of_image AS (
        SELECT
            found.corpus,
            'corrected' AS reading,
            category.category,
            'image' AS unit_of_analysis,
            found.classification,
            found.file_type,
            found.config_digest AS unit,
            found.files,
            found.bytes,
            images.censored IS NOT NULL AS cut_short
        FROM staging.image_file_types AS found
        JOIN core.images AS images
            ON images.corpus = found.corpus
            AND images.config_digest = found.config_digest
            AND images.manifest_digest = found.manifest_digest
        JOIN core.image_categories AS category ON category.corpus = found.corpus AND category.config_digest = found.config_digest
        QUALIFY row_number() OVER (
            PARTITION BY found.corpus, found.manifest_digest, category.category, found.classification, found.file_type
            ORDER BY found.reference
        ) = 1
    ),
    exported AS (
        SELECT
            corpus,
            layer_digest,
            lower(ltrim(coalesce(extension, ''), '.')) AS extension,
            any_value(files) AS files,
            any_value(coalesce(bytes, (bytes_mean * files)::BIGINT)) AS bytes
        FROM (
            -- A layer that was exported with several images, or named by several, is there once.
            SELECT *
            FROM staging.layer_file_types
            QUALIFY dense_rank() OVER (PARTITION BY corpus, layer_digest ORDER BY reference, source_file) = 1
        )
        GROUP BY ALL
    ),
    extension AS (
        -- One spelling, as of images: without the dot. A source that takes the first suffix writes python.cpython-38.pyc as
        -- cpython-38, and shared objects by what follows .so: a platform, or a version. A number alone is such a version where the
        -- files are large on average (manual pages are named so too, and have some KiB).
        SELECT
            corpus,
            layer_digest,
            CASE
                WHEN extension = 'none' THEN ''
                WHEN regexp_full_match(extension, '(.*-linux-(gnu|musl).*|.*-darwin|abi3)') THEN 'so'
                WHEN regexp_full_match(extension, 'cpython-[0-9]+(\.opt-[0-9])?') THEN 'pyc'
                WHEN regexp_full_match(extension, '[0-9]+') AND bytes > 16384 * files THEN 'so'
                ELSE extension
            END AS file_type,
            sum(files)::BIGINT AS files,
            sum(bytes)::BIGINT AS bytes
        FROM exported
        GROUP BY ALL
    ),
    layer AS (
        SELECT extension.*, layers.censored IS NOT NULL AS cut_short
        FROM extension
        JOIN core.layers AS layers
            ON layers.corpus = extension.corpus AND layers.layer_digest = extension.layer_digest
    ),
    placed AS (
        SELECT DISTINCT layers.corpus, category.category, layers.layer_digest
        FROM core.image_layers AS layers
        JOIN core.image_categories AS category ON category.corpus = layers.corpus AND category.config_digest = layers.config_digest
    ),
    of_layer AS (
        SELECT
            layer.corpus,
            'corrected' AS reading,
            placed.category,
            'layer' AS unit_of_analysis,
            'extension' AS classification,
            layer.file_type,
            layer.layer_digest AS unit,
            layer.files,
            layer.bytes,
            layer.cut_short
        FROM layer
        JOIN placed ON placed.corpus = layer.corpus AND placed.layer_digest = layer.layer_digest
    ),
    of_project AS (
        SELECT
            layer.corpus,
            'as_published' AS reading,
            category.category,
            'project' AS unit_of_analysis,
            'extension' AS classification,
            layer.file_type,
            projects.project AS unit,
            sum(layer.files)::BIGINT AS files,
            sum(layer.bytes)::BIGINT AS bytes,
            bool_or(layer.cut_short) AS cut_short
        FROM core.project_images AS owned
        JOIN core.projects AS projects ON projects.project = owned.project
        JOIN staging.image_layers AS listed ON listed.corpus = owned.corpus AND listed.reference = owned.reference
        JOIN layer ON layer.corpus = listed.corpus AND layer.layer_digest = listed.layer_digest
        CROSS JOIN (VALUES (true), (false)) AS every (one)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN every.one THEN 'All' ELSE coalesce(projects.category, 'unlabelled') END AS category
        ) AS category
        WHERE owned.published_owner AND projects.cohort IS DISTINCT FROM 'control'
        GROUP BY layer.corpus, category.category, layer.file_type, projects.project
    ),
    counted AS (
        SELECT * FROM of_image
        UNION ALL
        SELECT * FROM of_layer
        UNION ALL
        SELECT * FROM of_project
    ),
    unit AS (
        SELECT
            corpus,
            reading,
            category,
            unit_of_analysis,
            classification,
            unit,
            sum(files) AS files,
            sum(bytes) AS bytes,
            bool_or(cut_short) AS cut_short
        FROM counted
        GROUP BY ALL
    ),
    total AS (
        SELECT
            corpus,
            reading,
            category,
            unit_of_analysis,
            classification,
            count(*) AS n,
            count(*) FILTER (WHERE cut_short) AS n_censored,
            sum(files) AS files,
            sum(bytes) AS bytes
        FROM unit
        GROUP BY ALL
    ),
    pooled AS (
        SELECT
            counted.corpus,
            counted.reading,
            counted.category,
            counted.unit_of_analysis,
            counted.classification,
            counted.file_type,
            count(*) AS units,
            sum(counted.files)::BIGINT AS files,
            sum(counted.bytes)::BIGINT AS bytes,
            -- Units without the type have a share of zero: the sum over those that have it, by all of them.
            sum(counted.files / nullif(unit.files, 0)) AS shares_of_files,
            sum(counted.bytes / nullif(unit.bytes, 0)) AS shares_of_bytes
        FROM counted
        JOIN unit USING (corpus, reading, category, unit_of_analysis, classification, unit)
        GROUP BY ALL
    )
SELECT
    pooled.corpus,
    pooled.reading,
    pooled.category,
    pooled.unit_of_analysis,
    pooled.classification,
    pooled.file_type,
    pooled.units,
    total.n,
    total.n_censored,
    pooled.files,
    pooled.bytes,
    pooled.files / nullif(total.files, 0) AS share_of_files,
    pooled.bytes / nullif(total.bytes, 0) AS share_of_bytes,
    pooled.shares_of_files / total.n AS mean_share_of_files,
    pooled.shares_of_bytes / total.n AS mean_share_of_bytes,
    row_number() OVER by_files AS rank_by_files,
    sum(pooled.files) OVER by_files / nullif(total.files, 0) AS cumulative_share_of_files
FROM pooled
JOIN total USING (corpus, reading, category, unit_of_analysis, classification)
WINDOW
    by_files AS (
        PARTITION BY pooled.corpus, pooled.reading, pooled.category, pooled.unit_of_analysis, pooled.classification
        ORDER BY pooled.files DESC, pooled.file_type
        ROWS UNBOUNDED PRECEDING
    )
ORDER BY pooled.corpus, pooled.reading, pooled.unit_of_analysis, pooled.classification, pooled.category, rank_by_files
