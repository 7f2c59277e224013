-- RQ4: distributions over distinct layers; for a category, over those in its images. The content is known only for
-- scanned layers: see n. If a limit or damage stopped a scan, the value is a lower bound: see n_censored.
WITH
    -- Layers that occur only in images of a control cohort (not layers without a listed image).
    control AS (
        SELECT listed.corpus, listed.layer_digest
        FROM staging.image_layers AS listed
        JOIN core.images AS images
            ON images.corpus = listed.corpus AND images.config_digest = listed.config_digest
        LEFT JOIN core.image_categories AS categories
            ON categories.corpus = images.corpus
            AND categories.config_digest = images.config_digest
            AND categories.category = 'All'
        GROUP BY listed.corpus, listed.layer_digest
        HAVING count(categories.category) = 0
    ),
    placed AS (
        SELECT DISTINCT layers.corpus, categories.category, layers.layer_digest
        FROM core.image_layers AS layers
        JOIN core.image_categories AS categories
            ON categories.corpus = layers.corpus AND categories.config_digest = layers.config_digest
        WHERE categories.category <> 'All'
        UNION ALL
        SELECT corpus, 'All' AS category, layer_digest
        FROM core.layers
        ANTI JOIN control USING (corpus, layer_digest)
    ),
    long AS (
        UNPIVOT (
            SELECT
                placed.corpus,
                placed.category,
                layers.censored IS NOT NULL AS cut_short,
                layers.compressed_bytes::DOUBLE AS compressed_bytes,
                layers.bytes::DOUBLE AS bytes,
                layers.files::DOUBLE AS files,
                layers.directories::DOUBLE AS directories,
                layers.max_published_level::DOUBLE AS max_published_level,
                layers.max_depth::DOUBLE AS max_depth,
                layers.bytes::DOUBLE / nullif(layers.compressed_bytes, 0) AS compression_ratio
            FROM placed
            JOIN core.layers AS layers
                ON layers.corpus = placed.corpus AND layers.layer_digest = placed.layer_digest
        )
        ON COLUMNS(* EXCLUDE (corpus, category, cut_short))
        INTO NAME metric VALUE value
    ),
    described AS (
        SELECT
            corpus,
            'corrected' AS reading,
            category,
            metric,
            CASE
                WHEN metric IN ('compressed_bytes', 'bytes') THEN 'byte'
                WHEN metric = 'compression_ratio' THEN 'ratio'
                ELSE 'count'
            END AS unit,
            'layer' AS unit_of_analysis,
            count(*) AS n,
            count(*) FILTER (WHERE cut_short AND metric <> 'compressed_bytes') AS n_censored,
            median(value) AS median,
            quantile_cont(value, 0.25) AS q25,
            quantile_cont(value, 0.75) AS q75,
            quantile_cont(value, 0.90) AS p90,
            quantile_cont(value, 0.99) AS p99,
            max(value) AS maximum,
            -- The paper compares its numbers with these thresholds for Docker Hub in general (study, section 6.3).
            CASE metric WHEN 'files' THEN avg((value < 30)::INTEGER) END AS share_below_30,
            CASE metric WHEN 'files' THEN avg((value = 1)::INTEGER) END AS share_of_one,
            CASE metric WHEN 'files' THEN avg((value > 50000)::INTEGER) END AS share_above_50000,
            CASE metric WHEN 'compressed_bytes' THEN avg((value < 4 * 1024 * 1024)::INTEGER) END AS share_below_4_mib
        FROM long
        GROUP BY corpus, category, metric
    )
SELECT
    described.*,
    pooled.clusters,
    pooled.low AS median_low,
    pooled.high AS median_high,
    per_project.median AS median_per_project,
    per_project.low AS per_project_low,
    per_project.high AS per_project_high
FROM described
LEFT JOIN core.median_intervals AS pooled
    ON pooled.corpus = described.corpus
    AND pooled.category = described.category
    AND pooled.measure = 'layer_' || described.metric
    AND pooled.link_grade = 'any'
    AND pooled.weighting = 'unit'
LEFT JOIN core.median_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.link_grade = pooled.link_grade
    AND per_project.weighting = 'project'
ORDER BY described.corpus, described.metric, described.category
