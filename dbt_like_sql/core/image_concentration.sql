-- The distribution of each image's bytes over its files, its layers, and base image and project; and the shares of removable
-- bytes. Shares are between 0 and 1. Files are known only for images whose layers were scanned.
WITH
    ranked AS (
        SELECT
            corpus,
            config_digest,
            compressed_bytes,
            row_number() OVER (PARTITION BY corpus, config_digest ORDER BY compressed_bytes, layer_digest) AS rank,
            count(*) OVER (PARTITION BY corpus, config_digest) AS layers,
            sum(compressed_bytes) OVER (PARTITION BY corpus, config_digest) AS total,
            count(compressed_bytes) OVER (PARTITION BY corpus, config_digest) AS known
        FROM (SELECT DISTINCT corpus, config_digest, layer_digest, compressed_bytes FROM core.image_layers)
    ),
    layered AS (
        SELECT
            corpus,
            config_digest,
            max(compressed_bytes) / any_value(total) AS largest_layer_share,
            2 * sum(rank * compressed_bytes) / (any_value(layers) * any_value(total))
            - (any_value(layers) + 1) / any_value(layers) AS gini_of_layers
        FROM ranked
        WHERE total > 0 AND known = layers
        GROUP BY corpus, config_digest
    )
SELECT
    images.corpus,
    images.config_digest,
    images.censored IS NOT NULL AS is_censored,
    images.gini::DOUBLE AS gini_of_files,
    images.largest_percent_share::DOUBLE AS largest_percent_of_files_share,
    layered.gini_of_layers::DOUBLE AS gini_of_layers,
    layered.largest_layer_share::DOUBLE AS largest_layer_share,
    images.base_bytes / nullif(images.bytes, 0) AS base_share,
    images.wasted_bytes / nullif(images.bytes + images.wasted_bytes, 0) AS wasted_share,
    images.duplicate_bytes / nullif(images.bytes, 0) AS duplicate_share,
    images.removable_bytes / nullif(images.bytes, 0) AS removable_share
FROM core.images AS images
LEFT JOIN layered ON layered.corpus = images.corpus AND layered.config_digest = images.config_digest
