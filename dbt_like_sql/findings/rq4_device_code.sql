-- RQ4: how many of the distinct images whose layers were searched have GPU code that a container sees, its bytes by
-- architecture, and the part that a single GPU cannot use. Binary code and code that the driver compiles are separate.
WITH
    total AS (
        SELECT corpus, count(*) AS n FROM core.images WHERE device_code_bytes IS NOT NULL GROUP BY corpus
    ),
    found AS (
        SELECT
            code.corpus,
            code.config_digest,
            code.vendor,
            code.kind,
            code.architecture,
            code.path,
            code.bytes,
            images.device_code_bytes,
            images.device_code_idle_bytes
        FROM core.image_device_code AS code
        JOIN core.images AS images
            ON images.corpus = code.corpus AND images.config_digest = code.config_digest
        WHERE code.visible AND images.device_code_bytes IS NOT NULL
    ),
    named AS (
        SELECT * FROM found
        UNION ALL
        SELECT * REPLACE ('any' AS vendor, 'any' AS kind, 'any' AS architecture) FROM found
    ),
    of_image AS (
        SELECT
            corpus,
            vendor,
            kind,
            architecture,
            config_digest,
            count(DISTINCT path) AS files,
            sum(bytes)::BIGINT AS bytes,
            sum(bytes) / any_value(device_code_bytes) AS share_of_device_code,
            any_value(device_code_idle_bytes / device_code_bytes) AS idle_share
        FROM named
        GROUP BY corpus, vendor, kind, architecture, config_digest
    ),
    cluster AS (
        SELECT
            of_image.corpus,
            of_image.vendor,
            of_image.kind,
            of_image.architecture,
            count(DISTINCT owned.project) AS clusters
        FROM of_image
        JOIN core.project_image_configs AS owned
            ON owned.corpus = of_image.corpus AND owned.config_digest = of_image.config_digest
        GROUP BY of_image.corpus, of_image.vendor, of_image.kind, of_image.architecture
    )
SELECT
    total.corpus,
    'image' AS unit_of_analysis,
    coalesce(of_image.vendor, 'any') AS vendor,
    coalesce(of_image.kind, 'any') AS kind,
    coalesce(of_image.architecture, 'any') AS architecture,
    count(of_image.config_digest) AS images,
    any_value(total.n) AS n,
    count(of_image.config_digest) / any_value(total.n) AS share,
    any_value(coalesce(cluster.clusters, 0)) AS clusters,
    coalesce(sum(of_image.files), 0)::BIGINT AS files,
    median(of_image.bytes) AS bytes_median,
    coalesce(sum(of_image.bytes), 0)::BIGINT AS bytes,
    median(of_image.share_of_device_code) AS share_of_device_code_median,
    CASE WHEN coalesce(of_image.vendor, 'any') = 'any' THEN median(of_image.idle_share) END AS idle_share_median
FROM total
LEFT JOIN of_image ON of_image.corpus = total.corpus
LEFT JOIN cluster
    ON cluster.corpus = of_image.corpus
    AND cluster.vendor = of_image.vendor
    AND cluster.kind = of_image.kind
    AND cluster.architecture = of_image.architecture
GROUP BY total.corpus, of_image.vendor, of_image.kind, of_image.architecture
ORDER BY total.corpus, images DESC, bytes DESC, vendor, kind, architecture
