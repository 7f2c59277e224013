-- One row per project and pair of consecutive images: tags of one repository, on one platform, ordered by the creation time
-- in their configs. A tag with the same image as the one before is no step. Bytes are of all layers, including hidden files.
WITH
    named AS (
        SELECT DISTINCT
            corpus,
            project,
            regexp_replace(reference, '(:[^/:@]+)?(@[^/@]+)?$', '') AS repository,
            platform,
            config_digest
        FROM core.project_image_configs
    ),
    ordered AS (
        SELECT
            named.*,
            images.created,
            images.compressed_bytes,
            images.bytes + images.wasted_bytes AS bytes,
            images.packages IS NOT NULL AS packages_known
        FROM named
        JOIN core.images AS images
            ON images.corpus = named.corpus AND images.config_digest = named.config_digest
        -- Reproducible builds state 1970 or 1980 for everything, which gives no order.
        WHERE images.created > TIMESTAMP '1980-01-02'
    ),
    steps AS (
        SELECT
            *,
            lag(config_digest) OVER step AS config_before,
            lag(created) OVER step AS created_before,
            lag(compressed_bytes) OVER step AS compressed_before,
            lag(bytes) OVER step AS bytes_before,
            lag(packages_known) OVER step AS packages_known_before
        FROM ordered
        WINDOW step AS (PARTITION BY corpus, project, repository, platform ORDER BY created, config_digest)
    )
SELECT
    corpus,
    project,
    repository,
    platform,
    config_before,
    config_digest AS config_after,
    created_before,
    created AS created_after,
    compressed_before,
    compressed_bytes AS compressed_after,
    compressed_bytes - compressed_before AS compressed_difference,
    bytes_before,
    bytes AS bytes_after,
    bytes - bytes_before AS bytes_difference,
    packages_known AND packages_known_before AND bytes - bytes_before IS NOT NULL AS causes_known
FROM steps
WHERE config_before IS NOT NULL
