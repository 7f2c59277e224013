-- RQ4, Table 2: properties of images. as_published repeats the paper's sums over all images of a project, with its duplicate
-- rows and its RootFS count, which is one too high per image; it counts files in every layer (including hidden files and
-- whiteouts) and levels including the file name, of the last image only. corrected is per distinct image, as a container
-- sees it. If a limit stopped the scan of a layer, files and bytes are lower bounds: see n_censored.
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
    image_name AS (
        SELECT corpus, config_digest, max_published_level, unnest(image_references) AS reference
        FROM core.images
    ),
    published_contents AS (
        SELECT
            owned.corpus,
            owned.project,
            -- Unknown if one layer is unknown: its files would be missing from the sum.
            CASE
                WHEN count(*) = count(layers.entries) THEN sum(layers.entries - layers.directories)
            END AS files,
            CASE
                WHEN count(*) = count(layers.entries)
                    THEN arg_max(images.max_published_level, (named.position, images.config_digest))
            END AS max_published_level,
            bool_or(layers.censored IS NOT NULL) AS cut_short
        FROM core.project_images AS owned
        JOIN staging.image_references AS named
            ON named.corpus = owned.corpus
            AND named.project = owned.project
            AND named.reference = owned.reference
        JOIN image_name AS images ON images.corpus = owned.corpus AND images.reference = owned.reference
        JOIN core.image_layers AS placed
            ON placed.corpus = images.corpus AND placed.config_digest = images.config_digest
        LEFT JOIN core.layers AS layers
            ON layers.corpus = placed.corpus AND layers.layer_digest = placed.layer_digest
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
            published_layers.compressed_bytes::DOUBLE AS compressed_bytes,
            published_contents.files::DOUBLE AS files,
            NULL::DOUBLE AS directories,
            published_contents.max_published_level::DOUBLE AS max_published_level,
            NULL::DOUBLE AS max_depth,
            NULL::DOUBLE AS bytes,
            NULL::DOUBLE AS wasted_bytes,
            NULL::DOUBLE AS duplicate_bytes,
            NULL::DOUBLE AS removable_bytes,
            NULL::DOUBLE AS base_layers,
            coalesce(published_contents.cut_short, false) AS cut_short
        FROM core.projects AS projects
        LEFT JOIN published_configs ON published_configs.project = projects.project
        LEFT JOIN published_layers ON published_layers.project = projects.project
        LEFT JOIN published_contents ON published_contents.project = projects.project
        WHERE projects.cohort IS DISTINCT FROM 'control'
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
            images.compressed_bytes,
            images.files,
            images.directories,
            images.max_published_level,
            images.max_depth,
            images.bytes,
            images.wasted_bytes,
            images.duplicate_bytes,
            images.removable_bytes,
            images.base_layers,
            images.censored IS NOT NULL AS cut_short
        FROM core.images AS images
        JOIN core.image_categories AS categories
            ON categories.corpus = images.corpus AND categories.config_digest = images.config_digest
    ),
    long AS (
        UNPIVOT measured
        ON COLUMNS(* EXCLUDE (reading, unit_of_analysis, corpus, category, cut_short))
        INTO NAME metric VALUE value
    ),
    described AS (
        SELECT
            corpus,
            reading,
            category,
            metric,
            CASE WHEN metric LIKE '%bytes' THEN 'byte' ELSE 'count' END AS unit,
            unit_of_analysis,
            count(*) AS n,
            -- Only the content of layers may be censored, never facts stated in documents.
            count(*) FILTER (
                WHERE cut_short
                AND metric NOT IN (
                    'config_bytes', 'environment_variables', 'layers', 'rootfs_layers', 'compressed_bytes', 'base_layers'
                )
            ) AS n_censored,
            median(value) AS median,
            quantile_cont(value, 0.25) AS q25,
            quantile_cont(value, 0.75) AS q75,
            quantile_cont(value, 0.90) AS p90,
            quantile_cont(value, 0.99) AS p99,
            avg(value) AS mean,
            max(value) AS maximum
        FROM long
        GROUP BY corpus, reading, category, metric, unit_of_analysis
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
    ON described.reading = 'corrected'
    AND pooled.corpus = described.corpus
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
ORDER BY described.corpus, described.reading, described.metric, described.category
