-- RQ4: sharing of layers between distinct images, and of files between layers; the savings of storing each once. For a
-- category: among its images. Files are known only for scanned layers, so their denominator is files, not n.
-- The interval is a jackknife over projects. Leaving out a project removes the images that only it names and the layers that
-- only these have; a layer that then occurs in one image counts as unshared.
WITH
    placed AS (
        SELECT DISTINCT layers.corpus, category.category, layers.config_digest, layers.layer_digest, layers.compressed_bytes
        FROM staging.image_layers AS layers
        JOIN core.image_categories AS category ON category.corpus = layers.corpus AND category.config_digest = layers.config_digest
    ),
    stored AS (
        SELECT corpus, category, layer_digest, max(compressed_bytes) AS compressed_bytes, count(*) AS images
        FROM placed
        GROUP BY corpus, category, layer_digest
    ),
    project AS (
        SELECT placed.corpus, placed.category, placed.layer_digest, count(DISTINCT named.project) AS projects
        FROM placed
        JOIN core.project_image_configs AS named
            ON named.corpus = placed.corpus AND named.config_digest = placed.config_digest
        GROUP BY placed.corpus, placed.category, placed.layer_digest
    ),
    naming AS (
        SELECT DISTINCT placed.corpus, placed.config_digest, named.project
        FROM placed
        JOIN core.project_image_configs AS named
            ON named.corpus = placed.corpus AND named.config_digest = placed.config_digest
        JOIN core.projects AS projects ON projects.project = named.project
        WHERE placed.category = 'All' AND projects.cohort IS DISTINCT FROM 'control'
    ),
    leaving AS (
        -- A project's layers, with the number of images that would be removed with it: those that only it names.
        SELECT only_named.project, placed.corpus, placed.layer_digest, count(*) AS images
        FROM placed
        JOIN (
            SELECT corpus, config_digest, any_value(project) AS project
            FROM naming
            GROUP BY corpus, config_digest
            HAVING count(*) = 1
        ) AS only_named
            ON only_named.corpus = placed.corpus AND only_named.config_digest = placed.config_digest
        WHERE placed.category = 'All'
        GROUP BY ALL
    ),
    change AS (
        SELECT
            leaving.corpus,
            leaving.project,
            count(*) FILTER (WHERE stored.images = leaving.images) AS layers,
            count(*) FILTER (WHERE stored.images = 1)
            - count(*) FILTER (WHERE stored.images - leaving.images = 1) AS alone
        FROM leaving
        JOIN stored
            ON stored.category = 'All' AND stored.corpus = leaving.corpus AND stored.layer_digest = leaving.layer_digest
        GROUP BY leaving.corpus, leaving.project
    ),
    alone AS (
        SELECT corpus, count(*) AS n, count(*) FILTER (WHERE images = 1) AS alone
        FROM stored
        WHERE category = 'All'
        GROUP BY corpus
    ),
    spread AS (
        SELECT
            projects.corpus,
            count(*) AS clusters,
            (count(*) - 1) * var_pop(
                (alone.alone - coalesce(change.alone, 0)) / nullif(alone.n - coalesce(change.layers, 0), 0)
            ) AS variance
        FROM (SELECT DISTINCT corpus, project FROM naming) AS projects
        JOIN alone ON alone.corpus = projects.corpus
        LEFT JOIN change ON change.corpus = projects.corpus AND change.project = projects.project
        GROUP BY projects.corpus
    ),
    effective AS (
        SELECT
            spread.corpus,
            spread.clusters,
            alone.alone / alone.n AS share,
            critical.t,
            CASE
                WHEN alone.alone IN (0, alone.n) OR spread.variance <= 1e-24 THEN spread.clusters::DOUBLE
                ELSE least(alone.alone / alone.n * (1 - alone.alone / alone.n) / spread.variance, alone.n)
            END AS n_effective
        FROM spread
        JOIN alone ON alone.corpus = spread.corpus
        -- A single project has no critical value.
        JOIN core.critical_values AS critical ON critical.clusters = spread.clusters
    ),
    around AS (
        SELECT
            corpus,
            clusters,
            share,
            (share + t * t / (2 * n_effective)) / (1 + t * t / n_effective) AS centre,
            t * sqrt(share * (1 - share) / n_effective + t * t / (4 * n_effective * n_effective))
            / (1 + t * t / n_effective) AS half_width
        FROM effective
    ),
    content AS (
        -- Equal files have the same hash and size; hashes of two algorithms are never equal. Hashing to 64 bits again needs some
        -- hundred megabytes for ten million files instead of gigabytes.
        SELECT
            stored.corpus,
            stored.category,
            hash(files.file_hash) AS content,
            files.stored_bytes AS bytes,
            count(*) AS copies
        FROM raw.layer_files AS files
        JOIN stored ON stored.layer_digest = files.layer_digest
        WHERE files.kind = 'file' AND files.stored_bytes > 0 AND files.file_hash IS NOT NULL
        GROUP BY ALL
    ),
    file AS (
        SELECT
            corpus,
            category,
            sum(copies)::BIGINT AS files,
            sum(copies * bytes)::BIGINT AS file_bytes,
            count(*) AS distinct_files,
            sum(bytes)::BIGINT AS distinct_file_bytes
        FROM content
        GROUP BY corpus, category
    ),
    volume AS (
        SELECT
            corpus,
            category,
            count(DISTINCT config_digest) AS images,
            TRY_CAST(sum(compressed_bytes) AS BIGINT) AS referenced_bytes
        FROM placed
        GROUP BY corpus, category
    )
SELECT
    stored.corpus,
    'corrected' AS reading,
    stored.category,
    'layer' AS unit_of_analysis,
    any_value(volume.images) AS images,
    count(*) AS n,
    count(*) FILTER (WHERE stored.images = 1) AS layers_in_one_image,
    count(*) FILTER (WHERE stored.images > 1) AS layers_shared,
    count(*) FILTER (WHERE stored.images = 1) / count(*) AS share_in_one_image,
    any_value(around.clusters) AS clusters,
    -- Exactly 0 and 1 at the ends, which rounding errors would miss.
    any_value(if(around.share = 0, 0, around.centre - around.half_width)) AS share_low,
    any_value(if(around.share = 1, 1, around.centre + around.half_width)) AS share_high,
    count(*) FILTER (WHERE project.projects > 1) AS layers_shared_by_projects,
    max(stored.images) AS most_shared_images,
    -- Of several equally shared layers, the first by digest.
    first(stored.layer_digest ORDER BY stored.images DESC, stored.layer_digest) AS most_shared_layer,
    any_value(volume.referenced_bytes) AS referenced_bytes,
    -- Sizes are claimed by untrusted manifests: their sum may exceed the column's type, and is then unknown.
    TRY_CAST(sum(stored.compressed_bytes) AS BIGINT) AS distinct_bytes,
    any_value(volume.referenced_bytes) / sum(stored.compressed_bytes) AS layer_dedup_ratio,
    any_value(file.files) AS files,
    any_value(file.distinct_files) AS distinct_files,
    any_value(file.file_bytes) AS file_bytes,
    any_value(file.distinct_file_bytes) AS distinct_file_bytes,
    any_value(file.file_bytes) / any_value(file.distinct_file_bytes) AS file_dedup_ratio
FROM stored
JOIN volume ON volume.corpus = stored.corpus AND volume.category = stored.category
LEFT JOIN project
    ON project.corpus = stored.corpus
    AND project.category = stored.category
    AND project.layer_digest = stored.layer_digest
LEFT JOIN around ON stored.category = 'All' AND around.corpus = stored.corpus
LEFT JOIN file ON file.corpus = stored.corpus AND file.category = stored.category
GROUP BY stored.corpus, stored.category
ORDER BY stored.corpus, stored.category
