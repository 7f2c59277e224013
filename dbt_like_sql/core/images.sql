-- One row per distinct image: a config digest, which identifies its whole content.
WITH
    manifest AS (
        SELECT
            corpus,
            config_digest,
            min(manifest_digest) AS manifest_digest,
            min(reference) AS reference,
            list(DISTINCT reference ORDER BY reference) AS image_references,
            any_value(media_type) AS media_type,
            any_value(config_bytes) AS config_bytes,
            any_value(architecture) AS architecture,
            any_value(os) AS os,
            any_value(variant) AS variant,
            any_value(os_version) AS os_version
        FROM staging.manifests
        -- Models and other artifacts also have manifests.
        WHERE coalesce(kind, 'image') = 'image'
        GROUP BY corpus, config_digest
    ),
    layer AS (
        -- A layer that occurs twice in an image is stored and pulled once, but applied twice.
        SELECT
            corpus,
            config_digest,
            count(*) AS layers,
            -- The sum of the known values would be too small, so the total is unknown.
            CASE WHEN count(compressed_bytes) = count(*) THEN sum(compressed_bytes)::BIGINT END AS compressed_bytes,
            count(*) - count(compressed_bytes) AS layers_of_unknown_size
        FROM (SELECT DISTINCT corpus, config_digest, layer_digest, compressed_bytes FROM core.image_layers)
        GROUP BY corpus, config_digest
    ),
    config AS (
        SELECT *
        FROM staging.image_configs
        QUALIFY row_number() OVER (
            PARTITION BY corpus, config_digest ORDER BY source_file, source_row
        ) = 1
    ),
    base AS (
        SELECT
            corpus,
            config_digest,
            count(*) FILTER (WHERE from_base) AS base_layers,
            sum(visible_bytes) FILTER (WHERE from_base)::BIGINT AS base_bytes,
            any_value(base_method) AS base_method
        FROM core.image_layers
        WHERE base_method IS NOT NULL
        GROUP BY corpus, config_digest
    ),
    summary AS (
        SELECT *
        FROM staging.image_summaries
        QUALIFY row_number() OVER (
            PARTITION BY corpus, config_digest ORDER BY censored NULLS FIRST, manifest_digest, reference
        ) = 1
    ),
    removable AS (
        SELECT corpus, manifest_digest, sum(bytes)::BIGINT AS removable_bytes
        FROM (
            SELECT DISTINCT corpus, manifest_digest, rule, bytes
            FROM staging.image_contents
            WHERE removable
        )
        GROUP BY corpus, manifest_digest
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
    manifest.manifest_digest,
    coalesce(manifest.reference, config.reference) AS reference,
    coalesce(manifest.image_references, [config.reference]) AS image_references,
    manifest.media_type,
    coalesce(config.config_bytes, manifest.config_bytes) AS config_bytes,
    config.config_digest IS NOT NULL AS config_known,
    coalesce(config.architecture, manifest.architecture) AS architecture,
    coalesce(config.os, manifest.os) AS os,
    coalesce(config.variant, manifest.variant) AS variant,
    manifest.os_version,
    config.created,
    config.env_count,
    config.env_names,
    -- The exporter of 2021 stopped at the first absent key; the three keys after it are then unknown, not absent.
    CASE WHEN config.fields_complete THEN coalesce(config.user_name, '') END AS user_name,
    CASE WHEN config.fields_complete THEN config.entrypoint IS NOT NULL END AS has_entrypoint,
    CASE WHEN config.fields_complete THEN config.volumes IS NOT NULL END AS has_volumes,
    len(config.rootfs_diff_ids) AS rootfs_layers,
    layer.layers AS distinct_layers,
    layer.compressed_bytes,
    layer.layers_of_unknown_size,
    history.built_with_buildkit,
    base.base_layers,
    base.base_method,
    summary.config_digest IS NOT NULL AS layers_known,
    summary.censored,
    summary.files,
    summary.directories,
    summary.max_depth,
    summary.max_published_level,
    summary.bytes,
    base.base_bytes,
    summary.wasted_bytes,
    summary.wasted_files,
    summary.duplicate_bytes,
    summary.duplicate_files,
    summary.unhashed_files,
    -- If an image's files are known and no rule matches, the sum is 0. A file that matches two rules counts twice.
    CASE WHEN summary.config_digest IS NOT NULL THEN coalesce(removable.removable_bytes, 0) END AS removable_bytes,
    summary.gini,
    summary.largest_percent_share,
    summary.packages,
    summary.packages_bytes,
    summary.secret_files,
    summary.secrets_cut_short,
    summary.device_code_bytes,
    summary.device_code_idle_bytes
FROM digests
LEFT JOIN manifest ON manifest.corpus = digests.corpus AND manifest.config_digest = digests.config_digest
LEFT JOIN config ON config.corpus = digests.corpus AND config.config_digest = digests.config_digest
LEFT JOIN layer ON layer.corpus = digests.corpus AND layer.config_digest = digests.config_digest
LEFT JOIN history ON history.corpus = digests.corpus AND history.config_digest = digests.config_digest
LEFT JOIN base ON base.corpus = digests.corpus AND base.config_digest = digests.config_digest
LEFT JOIN summary ON summary.corpus = digests.corpus AND summary.config_digest = digests.config_digest
LEFT JOIN removable ON removable.corpus = summary.corpus AND removable.manifest_digest = summary.manifest_digest
