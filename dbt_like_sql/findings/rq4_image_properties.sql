-- RQ4, Table 2: what the images are like. as_published repeats the paper's sums over all images of a project, with
-- its duplicate rows and its RootFS count that is one too high an image; corrected is per distinct image.
WITH
    published_configs AS (
        SELECT
            owned.corpus,
            owned.project,
            sum(configs.config_bytes) AS config_bytes,
            sum(configs.env_count) AS environment_variables,
            sum(len(configs.rootfs_diff_ids) + 1) AS rootfs_layers
        FROM core.project_images AS owned
        JOIN staging.image_configs AS configs
            ON configs.corpus = owned.corpus AND configs.reference = owned.reference
        WHERE owned.published_owner
        GROUP BY owned.corpus, owned.project
    ),
    published_layers AS (
        SELECT
            owned.corpus,
            owned.project,
            count(DISTINCT layers.layer_digest) AS layers,
            sum(layers.compressed_bytes) AS compressed_bytes
        FROM core.project_images AS owned
        JOIN staging.image_layers AS layers
            ON layers.corpus = owned.corpus AND layers.reference = owned.reference
        WHERE owned.published_owner
        GROUP BY owned.corpus, owned.project
    ),
    measured AS (
        SELECT
            'as_published' AS reading,
            'project' AS unit_of_analysis,
            projects.corpus,
            coalesce(projects.category_as_published, projects.category, 'unlabelled') AS category,
            published_configs.config_bytes::DOUBLE AS config_bytes,
            published_configs.environment_variables::DOUBLE AS environment_variables,
            published_layers.layers::DOUBLE AS layers,
            published_configs.rootfs_layers::DOUBLE AS rootfs_layers,
            published_layers.compressed_bytes::DOUBLE AS compressed_bytes
        FROM core.projects AS projects
        LEFT JOIN published_configs ON published_configs.project = projects.project
        LEFT JOIN published_layers ON published_layers.project = projects.project
        UNION ALL
        SELECT
            'corrected' AS reading,
            'image' AS unit_of_analysis,
            images.corpus,
            categories.category,
            -- Config, environment and layers of the images whose config is known; sizes of all with a manifest.
            CASE WHEN images.config_known THEN images.config_bytes END AS config_bytes,
            images.env_count AS environment_variables,
            -- Distinct digests leave out the empty layers that repeat; diff-ids do not.
            images.rootfs_layers AS layers,
            images.rootfs_layers,
            images.compressed_bytes
        FROM core.images AS images
        JOIN (
            SELECT corpus, config_digest, category FROM core.image_categories
            UNION ALL
            SELECT corpus, config_digest, 'All' AS category FROM core.images
        ) AS categories
            ON categories.corpus = images.corpus AND categories.config_digest = images.config_digest
    ),
    long AS (
        UNPIVOT measured
        ON config_bytes, environment_variables, layers, rootfs_layers, compressed_bytes
        INTO NAME metric VALUE value
    )
SELECT
    corpus,
    reading,
    category,
    metric,
    CASE WHEN metric IN ('config_bytes', 'compressed_bytes') THEN 'byte' ELSE 'count' END AS unit,
    unit_of_analysis,
    count(*) AS n,
    median(value) AS median,
    quantile_cont(value, 0.25) AS q25,
    quantile_cont(value, 0.75) AS q75,
    quantile_cont(value, 0.90) AS p90,
    quantile_cont(value, 0.99) AS p99,
    avg(value) AS mean,
    max(value) AS maximum
FROM long
GROUP BY corpus, reading, category, metric, unit_of_analysis
ORDER BY corpus, reading, metric, category
