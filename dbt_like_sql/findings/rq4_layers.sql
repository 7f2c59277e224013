-- RQ4: distributions over distinct layers. Files, directories and levels are known only for scanned layers: see n.
WITH long AS (
    UNPIVOT (
        SELECT
            corpus,
            compressed_bytes::DOUBLE AS compressed_bytes,
            files::DOUBLE AS files,
            directories::DOUBLE AS directories,
            max_published_level::DOUBLE AS max_published_level,
            max_depth::DOUBLE AS max_depth
        FROM core.layers
    )
    ON COLUMNS(* EXCLUDE (corpus))
    INTO NAME metric VALUE value
)
SELECT
    corpus,
    'corrected' AS reading,
    metric,
    CASE metric WHEN 'compressed_bytes' THEN 'byte' ELSE 'count' END AS unit,
    'layer' AS unit_of_analysis,
    count(*) AS n,
    median(value) AS median,
    quantile_cont(value, 0.25) AS q25,
    quantile_cont(value, 0.75) AS q75,
    quantile_cont(value, 0.90) AS p90,
    quantile_cont(value, 0.99) AS p99,
    max(value) AS maximum,
    -- The paper sets its numbers beside these thresholds of the general Docker Hub (study, section 6.3).
    CASE metric WHEN 'files' THEN avg((value < 30)::INTEGER) END AS share_below_30,
    CASE metric WHEN 'files' THEN avg((value = 1)::INTEGER) END AS share_of_one,
    CASE metric WHEN 'files' THEN avg((value > 50000)::INTEGER) END AS share_above_50000,
    CASE metric WHEN 'compressed_bytes' THEN avg((value < 4 * 1024 * 1024)::INTEGER) END AS share_below_4_mib
FROM long
GROUP BY corpus, metric
ORDER BY corpus, metric
