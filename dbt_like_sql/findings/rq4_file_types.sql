-- RQ4: file types in images. By image: files that a container sees, by extension, by first bytes (magic), and by
-- the paper's classes. By layer: files of distinct layers by extension, the only type that a source without contents has.
-- as_published counts like the paper: every layer of every image of a project, including whiteouts and hidden files.
WITH
    of_image AS (
        SELECT
            found.corpus,
            'corrected' AS reading,
            category.category,
            'image' AS unit_of_analysis,
            found.classification,
            found.file_type,
            found.config_digest AS unit,
            found.files,
            found.bytes,
            images.censored IS NOT NULL AS cut_short
        FROM staging.image_file_types AS found
        JOIN core.images AS images
            ON images.corpus = found.corpus
            AND images.config_digest = found.config_digest
            AND images.manifest_digest = found.manifest_digest
        JOIN core.image_categories AS category ON category.corpus = found.corpus AND category.config_digest = found.config_digest
        QUALIFY row_number() OVER (
            PARTITION BY found.corpus, found.manifest_digest, category.category, found.classification, found.file_type
            ORDER BY found.reference
        ) = 1
    ),
    exported AS (
        SELECT
            corpus,
            layer_digest,
            -- Extensions that differ only in case are one type in several rows; a duplicate row counts once.
            lower(ltrim(extension, '.')) AS extension,
            sum(files) AS files,
            sum(bytes) AS bytes
        FROM (
            SELECT
                corpus,
                layer_digest,
                coalesce(extension, '') AS extension,
                max(files) AS files,
                max(coalesce(bytes, (bytes_mean * files)::BIGINT)) AS bytes
            FROM (
                -- A layer that was exported with, or named by, several images counts once.
                SELECT *
                FROM staging.layer_file_types
                QUALIFY dense_rank() OVER (PARTITION BY corpus, layer_digest ORDER BY reference, source_file) = 1
            )
            GROUP BY ALL
        )
        GROUP BY ALL
    ),
    extension AS (
        -- One spelling, as for images: without the dot. A source that takes the first suffix writes python.cpython-38.pyc as
        -- cpython-38, and shared objects by the part after .so: a platform or a version. A number alone is such a version if the
        -- files are large on average (manual pages have such names too, but only some KiB).
        SELECT
            corpus,
            layer_digest,
            CASE
                WHEN extension = 'none' THEN ''
                WHEN regexp_full_match(extension, '(.*-linux-(gnu|musl).*|.*-darwin|abi3)') THEN 'so'
                WHEN regexp_full_match(extension, 'cpython-[0-9]+(\.opt-[0-9])?') THEN 'pyc'
                WHEN regexp_full_match(extension, '[0-9]+') AND bytes > 16384 * files THEN 'so'
                ELSE extension
            END AS file_type,
            sum(files)::BIGINT AS files,
            sum(bytes)::BIGINT AS bytes
        FROM exported
        GROUP BY ALL
    ),
    layer AS (
        SELECT extension.*, layers.censored IS NOT NULL AS cut_short
        FROM extension
        JOIN core.layers AS layers
            ON layers.corpus = extension.corpus AND layers.layer_digest = extension.layer_digest
    ),
    placed AS (
        SELECT DISTINCT layers.corpus, category.category, layers.layer_digest
        FROM core.image_layers AS layers
        JOIN core.image_categories AS category ON category.corpus = layers.corpus AND category.config_digest = layers.config_digest
    ),
    of_layer AS (
        SELECT
            layer.corpus,
            'corrected' AS reading,
            placed.category,
            'layer' AS unit_of_analysis,
            'extension' AS classification,
            layer.file_type,
            layer.layer_digest AS unit,
            layer.files,
            layer.bytes,
            layer.cut_short
        FROM layer
        JOIN placed ON placed.corpus = layer.corpus AND placed.layer_digest = layer.layer_digest
    ),
    of_project AS (
        SELECT
            layer.corpus,
            'as_published' AS reading,
            category.category,
            'project' AS unit_of_analysis,
            'extension' AS classification,
            layer.file_type,
            projects.project AS unit,
            sum(layer.files)::BIGINT AS files,
            sum(layer.bytes)::BIGINT AS bytes,
            bool_or(layer.cut_short) AS cut_short
        FROM core.project_images AS owned
        JOIN core.projects AS projects ON projects.project = owned.project
        JOIN staging.image_layers AS listed ON listed.corpus = owned.corpus AND listed.reference = owned.reference
        JOIN layer ON layer.corpus = listed.corpus AND layer.layer_digest = listed.layer_digest
        CROSS JOIN (VALUES (true), (false)) AS every (one)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN every.one THEN 'All' ELSE coalesce(projects.category, 'unlabelled') END AS category
        ) AS category
        WHERE owned.published_owner AND projects.cohort IS DISTINCT FROM 'control'
        GROUP BY layer.corpus, category.category, layer.file_type, projects.project
    ),
    counted AS (
        SELECT * FROM of_image
        UNION ALL
        SELECT * FROM of_layer
        UNION ALL
        SELECT * FROM of_project
    ),
    unit AS (
        SELECT
            corpus,
            reading,
            category,
            unit_of_analysis,
            classification,
            unit,
            sum(files) AS files,
            sum(bytes) AS bytes,
            bool_or(cut_short) AS cut_short
        FROM counted
        GROUP BY ALL
    ),
    total AS (
        SELECT
            corpus,
            reading,
            category,
            unit_of_analysis,
            classification,
            count(*) AS n,
            count(*) FILTER (WHERE cut_short) AS n_censored,
            sum(files) AS files,
            sum(bytes) AS bytes
        FROM unit
        GROUP BY ALL
    ),
    pooled AS (
        SELECT
            counted.corpus,
            counted.reading,
            counted.category,
            counted.unit_of_analysis,
            counted.classification,
            counted.file_type,
            count(*) AS units,
            sum(counted.files)::BIGINT AS files,
            sum(counted.bytes)::BIGINT AS bytes,
            -- Units without the type have a share of zero, so divide the sum over units with it by the number of all units.
            sum(counted.files / nullif(unit.files, 0)) AS shares_of_files,
            sum(counted.bytes / nullif(unit.bytes, 0)) AS shares_of_bytes
        FROM counted
        JOIN unit USING (corpus, reading, category, unit_of_analysis, classification, unit)
        GROUP BY ALL
    ),
    -- Intervals take the project as the cluster, leaving out one at a time, as in core.share_intervals. A unit of several
    -- projects counts in part for each; one of no project is its own cluster. A project without the type differs from others
    -- only in its total, so sums over the projects with the type suffice.
    named AS (
        SELECT corpus, 'image' AS unit_of_analysis, config_digest AS unit, project
        FROM core.project_image_configs
        UNION
        SELECT placed.corpus, 'layer' AS unit_of_analysis, placed.layer_digest AS unit, images.project
        FROM core.image_layers AS placed
        JOIN core.project_image_configs AS images
            ON images.corpus = placed.corpus AND images.config_digest = placed.config_digest
    ),
    owner AS (
        SELECT *, 1 / count(*) OVER (PARTITION BY corpus, unit_of_analysis, unit) AS part FROM named
    ),
    -- Rarer types are too many for intervals to be useful.
    frequent AS (
        SELECT corpus, reading, category, unit_of_analysis, classification, pooled.file_type
        FROM pooled
        JOIN total USING (corpus, reading, category, unit_of_analysis, classification)
        WHERE reading = 'corrected' AND (pooled.files >= 0.001 * total.files OR pooled.bytes >= 0.001 * total.bytes)
    ),
    held AS (
        SELECT
            counted.corpus,
            counted.category,
            counted.unit_of_analysis,
            counted.classification,
            coalesce(owner.project, counted.unit) AS project,
            counted.file_type,
            unnest(['files', 'bytes']) AS what,
            unnest([counted.files, counted.bytes]) * coalesce(owner.part, 1) AS amount
        FROM counted
        JOIN frequent USING (corpus, reading, category, unit_of_analysis, classification, file_type)
        LEFT JOIN owner
            ON owner.corpus = counted.corpus
            AND owner.unit_of_analysis = counted.unit_of_analysis
            AND owner.unit = counted.unit
    ),
    cluster AS (
        SELECT
            *,
            1 / nullif(fsum(whole) OVER (PARTITION BY corpus, category, unit_of_analysis, classification, what) - whole, 0)
                AS inverse
        FROM (
            SELECT
                unit.corpus,
                unit.category,
                unit.unit_of_analysis,
                unit.classification,
                coalesce(owner.project, unit.unit) AS project,
                amounts.what,
                fsum(CASE amounts.what WHEN 'files' THEN unit.files ELSE unit.bytes END * coalesce(owner.part, 1)) AS whole
            FROM unit
            CROSS JOIN (VALUES ('files'), ('bytes')) AS amounts (what)
            LEFT JOIN owner
                ON owner.corpus = unit.corpus
                AND owner.unit_of_analysis = unit.unit_of_analysis
                AND owner.unit = unit.unit
            WHERE unit.reading = 'corrected'
            GROUP BY ALL
        )
    ),
    every AS (
        SELECT
            corpus,
            category,
            unit_of_analysis,
            classification,
            what,
            fsum(whole) AS whole,
            count(*) AS clusters,
            fsum(whole * inverse) AS ratios,
            fsum(pow(whole * inverse, 2)) AS ratio_squares
        FROM cluster
        GROUP BY ALL
    ),
    -- Without a project the share differs by (share * whole - part) * inverse, with the project's own part and whole. These
    -- small numbers are summed instead of the shares, whose squares would lose all but the last digits.
    moments AS (
        SELECT
            corpus,
            category,
            unit_of_analysis,
            classification,
            what,
            file_type,
            clusters,
            share,
            -- Projects without the type have no part: their sums are the total less the sums of the others.
            count(*) < clusters AS some_without,
            fsum((share * whole - part) * inverse)
            + some_without::INTEGER * share * (ratios - fsum(whole * inverse)) AS differences,
            fsum(pow((share * whole - part) * inverse, 2))
            + some_without::INTEGER * share * share * (ratio_squares - fsum(pow(whole * inverse, 2))) AS squares
        FROM (
            SELECT
                parts.*,
                cluster.whole,
                cluster.inverse,
                every.clusters,
                every.ratios,
                every.ratio_squares,
                parts.of_all / nullif(every.whole, 0) AS share
            FROM (
                SELECT
                    corpus,
                    category,
                    unit_of_analysis,
                    classification,
                    what,
                    file_type,
                    project,
                    fsum(amount) AS part,
                    fsum(fsum(amount)) OVER (
                        PARTITION BY corpus, category, unit_of_analysis, classification, what, file_type
                    ) AS of_all
                FROM held
                GROUP BY corpus, category, unit_of_analysis, classification, what, file_type, project
            ) AS parts
            JOIN cluster USING (corpus, category, unit_of_analysis, classification, what, project)
            JOIN every USING (corpus, category, unit_of_analysis, classification, what)
        )
        GROUP BY
            corpus, category, unit_of_analysis, classification, what, file_type, clusters, share, ratios, ratio_squares
    ),
    spread AS (
        SELECT *, (clusters - 1) / clusters * (squares - differences * differences / clusters) AS variance
        FROM moments
    ),
    effective AS (
        SELECT
            spread.*,
            critical.t,
            CASE
                WHEN spread.clusters < 2 THEN NULL
                WHEN spread.share <= 1e-12 OR spread.share >= 1 - 1e-12 OR spread.variance <= 1e-24 THEN spread.clusters::DOUBLE
                ELSE spread.share * (1 - spread.share) / spread.variance
            END AS n_effective
        FROM spread
        LEFT JOIN core.critical_values AS critical ON critical.clusters = spread.clusters
    ),
    intervals AS (
        SELECT
            corpus,
            category,
            unit_of_analysis,
            classification,
            file_type,
            any_value(clusters) AS clusters,
            any_value(low) FILTER (what = 'files') AS files_low,
            any_value(least(high, 1)) FILTER (what = 'files') AS files_high,
            any_value(low) FILTER (what = 'bytes') AS bytes_low,
            any_value(least(high, 1)) FILTER (what = 'bytes') AS bytes_high
        FROM (
            SELECT
                *,
                (
                    share + t * t / (2 * n_effective)
                    + t * sqrt(greatest(share * (1 - share), 0) / n_effective + t * t / (4 * n_effective * n_effective))
                )
                / (1 + t * t / n_effective) AS high,
                -- Both ends are roots of one quadratic; computing the lower from their product avoids cancellation near zero.
                share * share / ((1 + t * t / n_effective) * high) AS low
            FROM effective
        )
        WHERE high IS NOT NULL
        GROUP BY ALL
    )
SELECT
    pooled.corpus,
    pooled.reading,
    pooled.category,
    pooled.unit_of_analysis,
    pooled.classification,
    pooled.file_type,
    pooled.units,
    total.n,
    total.n_censored,
    pooled.files,
    pooled.bytes,
    pooled.files / nullif(total.files, 0) AS share_of_files,
    pooled.bytes / nullif(total.bytes, 0) AS share_of_bytes,
    intervals.clusters,
    intervals.files_low,
    intervals.files_high,
    intervals.bytes_low,
    intervals.bytes_high,
    pooled.shares_of_files / total.n AS mean_share_of_files,
    pooled.shares_of_bytes / total.n AS mean_share_of_bytes,
    row_number() OVER by_files AS rank_by_files,
    sum(pooled.files) OVER by_files / nullif(total.files, 0) AS cumulative_share_of_files
FROM pooled
JOIN total USING (corpus, reading, category, unit_of_analysis, classification)
LEFT JOIN intervals
    ON pooled.reading = 'corrected'
    AND intervals.corpus = pooled.corpus
    AND intervals.category = pooled.category
    AND intervals.unit_of_analysis = pooled.unit_of_analysis
    AND intervals.classification = pooled.classification
    AND intervals.file_type = pooled.file_type
WINDOW
    by_files AS (
        PARTITION BY pooled.corpus, pooled.reading, pooled.category, pooled.unit_of_analysis, pooled.classification
        ORDER BY pooled.files DESC, pooled.file_type
        ROWS UNBOUNDED PRECEDING
    )
ORDER BY pooled.corpus, pooled.reading, pooled.unit_of_analysis, pooled.classification, pooled.category, rank_by_files
