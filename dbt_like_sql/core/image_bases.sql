-- One row per distinct image and base image: an image of any corpus whose layers are its lowest ones, found by layers alone,
-- without label or history. The longest such stack counts; images with the same stack are alternatives that nothing tells
-- apart. Images without a known base have no row.
WITH
    config AS (
        SELECT corpus, config_digest, any_value(rootfs_diff_ids) AS diff_ids
        FROM staging.image_configs
        WHERE len(rootfs_diff_ids) > 0
        GROUP BY corpus, config_digest
    ),
    named AS (
        SELECT DISTINCT config_digest, reference, diff_ids
        FROM staging.image_configs AS named
        JOIN config USING (corpus, config_digest)
    ),
    prefix AS (
        SELECT
            config.corpus,
            config.config_digest,
            config.diff_ids,
            each.length,
            hash(list_slice(config.diff_ids, 1, each.length)) AS chain
        FROM config
        CROSS JOIN unnest(range(1, len(config.diff_ids))) AS each (length)
    ),
    found AS (
        SELECT prefix.corpus, prefix.config_digest, prefix.length, prefix.diff_ids, named.*
            EXCLUDE (config_digest, diff_ids), named.config_digest AS base_config_digest
        FROM prefix
        JOIN named
            ON len(named.diff_ids) = prefix.length
            AND hash(named.diff_ids) = prefix.chain
            AND named.diff_ids = list_slice(prefix.diff_ids, 1, prefix.length)
        QUALIFY prefix.length = max(prefix.length) OVER (PARTITION BY prefix.corpus, prefix.config_digest)
    )
SELECT
    corpus,
    config_digest,
    reference AS base_reference,
    base_config_digest,
    length AS base_layers,
    list_slice(diff_ids, 1, length) AS diff_ids,
    count(*) OVER (PARTITION BY corpus, config_digest) AS alternatives
FROM found
