-- One row a distinct image: a config digest, which names every byte of its content.
WITH
    manifest AS (
        SELECT
            corpus,
            config_digest,
            min(reference) AS reference,
            list(DISTINCT reference ORDER BY reference) AS "references",
            any_value(media_type) AS media_type,
            any_value(config_bytes) AS config_bytes
        FROM staging.manifests
        GROUP BY corpus, config_digest
    ),
    layer AS (
        -- A layer that occurs twice in an image is stored and pulled once, but is two steps of its file system.
        SELECT corpus, config_digest, count(*) AS layers, sum(compressed_bytes) AS compressed_bytes
        FROM (SELECT DISTINCT corpus, config_digest, layer_digest, compressed_bytes FROM staging.image_layers)
        GROUP BY corpus, config_digest
    ),
    config AS (
        SELECT *
        FROM staging.image_configs
        QUALIFY row_number() OVER (
            PARTITION BY corpus, config_digest ORDER BY source_file, source_row
        ) = 1
    ),
    digests AS (
        SELECT corpus, config_digest FROM manifest
        UNION
        SELECT corpus, config_digest FROM config
    ),
    history AS (
        SELECT
            corpus,
            config_digest,
            bool_or(created_by LIKE '%buildkit%' OR comment LIKE 'buildkit%') AS built_with_buildkit
        FROM staging.image_history
        GROUP BY corpus, config_digest
    )
SELECT
    digests.corpus,
    digests.config_digest,
    coalesce(manifest.reference, config.reference) AS reference,
    coalesce(manifest."references", [config.reference]) AS "references",
    manifest.media_type,
    coalesce(config.config_bytes, manifest.config_bytes) AS config_bytes,
    config.config_digest IS NOT NULL AS config_known,
    config.architecture,
    config.os,
    config.created,
    config.env_count,
    config.env_names,
    -- The exporter of 2021 stopped at the first absent key; where it did, these three are unknown, not absent.
    CASE WHEN config.fields_complete THEN coalesce(config.user_name, '') END AS user_name,
    CASE WHEN config.fields_complete THEN config.entrypoint IS NOT NULL END AS has_entrypoint,
    CASE WHEN config.fields_complete THEN config.volumes IS NOT NULL END AS has_volumes,
    len(config.rootfs_diff_ids) AS rootfs_layers,
    layer.layers AS distinct_layers,
    layer.compressed_bytes,
    history.built_with_buildkit
FROM digests
LEFT JOIN manifest ON manifest.corpus = digests.corpus AND manifest.config_digest = digests.config_digest
LEFT JOIN config ON config.corpus = digests.corpus AND config.config_digest = digests.config_digest
LEFT JOIN layer ON layer.corpus = digests.corpus AND layer.config_digest = digests.config_digest
LEFT JOIN history ON history.corpus = digests.corpus AND history.config_digest = digests.config_digest
