-- RQ4: the distribution of an image's bytes over its files, its layers, and base image and project; and the shares of
-- removable bytes. Shares are between 0 and 1. Files are known only for images whose layers were scanned: see n.
WITH
    measured AS (
        SELECT spread.* EXCLUDE (config_digest), categories.category
        FROM core.image_concentration AS spread
        JOIN core.image_categories AS categories
            ON categories.corpus = spread.corpus AND categories.config_digest = spread.config_digest
    ),
    long AS (
        UNPIVOT measured
        ON COLUMNS(* EXCLUDE (corpus, category, is_censored))
        INTO NAME metric VALUE value
    ),
    described AS (
        SELECT
            corpus,
            'corrected' AS reading,
            category,
            metric,
            'ratio' AS unit,
            'image' AS unit_of_analysis,
            count(*) AS n,
            count(*) FILTER (WHERE is_censored AND metric NOT IN ('gini_of_layers', 'largest_layer_share')) AS n_censored,
            median(value) AS median,
            quantile_cont(value, 0.25) AS q25,
            quantile_cont(value, 0.75) AS q75,
            quantile_cont(value, 0.90) AS p90,
            avg(value) AS mean,
            max(value) AS maximum
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
    AND pooled.measure = 'image_' || described.metric
    AND pooled.link_grade = 'any'
    AND pooled.weighting = 'unit'
LEFT JOIN core.median_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.link_grade = pooled.link_grade
    AND per_project.weighting = 'project'
ORDER BY described.corpus, described.metric, described.category
