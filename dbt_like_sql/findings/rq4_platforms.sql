-- RQ4: operating systems and CPU architectures of the images. By project (as_published) the paper unites the platforms of a
-- project's images; by image each distinct image has one platform; by image name one name may have several.
WITH
    placed AS (
        SELECT
            images.corpus,
            categories.category,
            images.config_digest,
            images.image_references,
            images.os || '/' || images.architecture || coalesce('/' || images.variant, '') AS platform,
            images.os,
            images.architecture
        FROM core.images AS images
        JOIN core.image_categories AS categories
            ON categories.corpus = images.corpus AND categories.config_digest = images.config_digest
        WHERE images.os IS NOT NULL AND images.architecture IS NOT NULL
    ),
    -- The unit that is counted, as text, and its platforms.
    unit AS (
        SELECT corpus, category, 'corrected' AS reading, 'image' AS unit_of_analysis, config_digest AS unit, platform, os, architecture
        FROM placed
        UNION ALL
        SELECT placed.corpus, placed.category, 'corrected', 'image name', each.reference, placed.platform, placed.os, placed.architecture
        FROM placed
        CROSS JOIN unnest(placed.image_references) AS each (reference)
        UNION ALL
        SELECT placed.corpus, placed.category, 'as_published', 'project', owned.project, placed.platform, placed.os, placed.architecture
        FROM placed
        JOIN core.project_image_configs AS named
            ON named.corpus = placed.corpus AND named.config_digest = placed.config_digest
        JOIN core.project_images AS owned
            ON owned.corpus = named.corpus AND owned.project = named.project AND owned.reference = named.reference
        JOIN core.projects AS projects ON projects.project = owned.project
        WHERE owned.published_owner AND projects.cohort IS DISTINCT FROM 'control' AND placed.category IN ('All', coalesce(projects.category, 'unlabelled'))
    ),
    total AS (
        SELECT corpus, category, reading, unit_of_analysis, count(DISTINCT unit) AS n
        FROM unit
        GROUP BY corpus, category, reading, unit_of_analysis
    )
SELECT
    unit.corpus,
    unit.reading,
    unit.category,
    unit.unit_of_analysis,
    unit.platform,
    any_value(unit.os) AS os,
    any_value(unit.architecture) AS architecture,
    count(DISTINCT unit.unit) AS units,
    any_value(total.n) AS n,
    count(DISTINCT unit.unit) / any_value(total.n) AS share,
    any_value(pooled.clusters) AS clusters,
    any_value(pooled.low) AS share_low,
    any_value(pooled.high) AS share_high,
    any_value(per_project.share) AS share_per_project,
    any_value(per_project.low) AS per_project_low,
    any_value(per_project.high) AS per_project_high
FROM unit
JOIN total
    ON total.corpus = unit.corpus
    AND total.category = unit.category
    AND total.reading = unit.reading
    AND total.unit_of_analysis = unit.unit_of_analysis
LEFT JOIN core.share_intervals AS pooled
    ON unit.unit_of_analysis = 'image'
    AND pooled.corpus = unit.corpus
    AND pooled.category = unit.category
    AND pooled.measure = 'platform ' || unit.platform
    AND pooled.weighting = 'unit'
LEFT JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.weighting = 'project'
GROUP BY unit.corpus, unit.reading, unit.category, unit.unit_of_analysis, unit.platform
ORDER BY unit.corpus, unit.reading, unit.unit_of_analysis, unit.category, units DESC, unit.platform
