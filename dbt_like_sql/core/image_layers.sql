-- One row per layer position of a distinct image, lowest first: the layer, what made it, whether it came with the base
-- image, and its contribution to what a container sees.
WITH
    listed AS (
        -- One config may be in several manifests (an image pushed as gzip and as zstd): one of them counts.
        SELECT *
        FROM staging.image_layers
        QUALIFY row_number() OVER (
            PARTITION BY corpus, config_digest, position
            ORDER BY manifest_digest, reference, source_file, source_row
        ) = 1
    ),
    config AS (
        SELECT corpus, config_digest, any_value(rootfs_diff_ids) AS diff_ids
        FROM staging.image_configs
        WHERE len(rootfs_diff_ids) > 0
        GROUP BY corpus, config_digest
    ),
    prefix AS (
        SELECT
            config.corpus,
            config.config_digest,
            each.length,
            hash(list_slice(config.diff_ids, 1, each.length)) AS chain
        FROM config
        CROSS JOIN unnest(range(1, len(config.diff_ids))) AS each (length)
    ),
    known_base AS (
        -- Another image that was seen has exactly these lowest layers.
        SELECT prefix.corpus, prefix.config_digest, max(prefix.length) AS base_layers
        FROM prefix
        JOIN config AS base
            ON base.corpus = prefix.corpus
            AND len(base.diff_ids) = prefix.length
            AND hash(base.diff_ids) = prefix.chain
        GROUP BY prefix.corpus, prefix.config_digest
    ),
    share AS (
        SELECT *
        FROM staging.image_layer_shares
        QUALIFY row_number() OVER (PARTITION BY corpus, manifest_digest, position ORDER BY reference) = 1
    )
SELECT
    listed.corpus,
    listed.config_digest,
    listed.manifest_digest,
    listed.position,
    listed.layer_digest,
    coalesce(listed.diff_id, config.diff_ids[listed.position + 1]) AS diff_id,
    listed.media_type,
    listed.compressed_bytes,
    listed.instruction,
    coalesce(listed.position < known_base.base_layers, listed.before_last_start) AS from_base,
    CASE
        WHEN known_base.base_layers IS NOT NULL THEN 'known'
        WHEN listed.before_last_start IS NOT NULL THEN 'instructions'
    END AS base_method,
    share.visible_files,
    share.visible_bytes,
    share.hidden_files,
    share.hidden_bytes,
    share.hides_bytes
FROM listed
LEFT JOIN config ON config.corpus = listed.corpus AND config.config_digest = listed.config_digest
LEFT JOIN known_base ON known_base.corpus = listed.corpus AND known_base.config_digest = listed.config_digest
LEFT JOIN share
    ON share.corpus = listed.corpus
    AND share.manifest_digest = listed.manifest_digest
    AND share.position = listed.position
