-- RQ4: packages in the distinct images whose packages are known: by package as named by its manager, and by family (a
-- framework or a CUDA library, whichever package provides it). A package that is part of another one counts as present, but
-- its bytes count with the other. Versions are compared within a manager and package among all images of the corpus.
WITH
    known AS (
        SELECT images.corpus, images.config_digest
        FROM core.images AS images
        JOIN core.image_categories AS placed
            ON placed.corpus = images.corpus AND placed.config_digest = images.config_digest AND placed.category = 'All'
        WHERE images.packages IS NOT NULL
    ),
    total AS (
        SELECT corpus, count(*) AS n FROM known GROUP BY corpus
    ),
    version AS (
        SELECT
            corpus,
            ecosystem,
            package,
            version_key,
            dense_rank() OVER (PARTITION BY corpus, ecosystem, package ORDER BY version_key DESC) - 1 AS newer
        FROM (SELECT DISTINCT corpus, ecosystem, package, version_key FROM core.image_packages WHERE visible)
    ),
    listed AS (
        SELECT found.*, version.newer
        FROM core.image_packages AS found
        JOIN known ON known.corpus = found.corpus AND known.config_digest = found.config_digest
        JOIN version
            ON version.corpus = found.corpus
            AND version.ecosystem = found.ecosystem
            AND version.package = found.package
            AND version.version_key = found.version_key
        WHERE found.visible
    ),
    named AS (
        SELECT *, 'package' AS unit_of_counting, ecosystem || ' ' || package AS name FROM listed
        UNION ALL
        SELECT *, 'family' AS unit_of_counting, family AS name FROM listed WHERE family IS NOT NULL
    ),
    -- Its presence in one image, all versions and managers together.
    of_image AS (
        SELECT
            corpus,
            unit_of_counting,
            name,
            config_digest,
            any_value(family_group) AS family_group,
            sum(bytes)::BIGINT AS bytes,
            count(DISTINCT ecosystem || ' ' || version) FILTER (WHERE inside IS NULL AND bytes > 0) AS copies,
            min(newer) AS versions_behind
        FROM named
        GROUP BY corpus, unit_of_counting, name, config_digest
    ),
    seen AS (
        SELECT corpus, unit_of_counting, name, count(DISTINCT ecosystem || ' ' || version) AS versions
        FROM named
        GROUP BY corpus, unit_of_counting, name
    ),
    cluster AS (
        SELECT of_image.corpus, of_image.unit_of_counting, of_image.name, count(DISTINCT owned.project) AS clusters
        FROM of_image
        JOIN core.project_image_configs AS owned
            ON owned.corpus = of_image.corpus AND owned.config_digest = of_image.config_digest
        GROUP BY of_image.corpus, of_image.unit_of_counting, of_image.name
    )
SELECT
    of_image.corpus,
    'image' AS unit_of_analysis,
    of_image.unit_of_counting,
    of_image.name,
    any_value(of_image.family_group) AS family_group,
    count(*) AS images,
    any_value(total.n) AS n,
    count(*) / any_value(total.n) AS share,
    any_value(coalesce(cluster.clusters, 0)) AS clusters,
    median(of_image.bytes) AS bytes_median,
    max(of_image.bytes) AS bytes_maximum,
    any_value(seen.versions) AS versions,
    median(of_image.versions_behind) AS versions_behind_median,
    count(*) FILTER (WHERE of_image.copies > 1) AS images_with_several
FROM of_image
JOIN total ON total.corpus = of_image.corpus
JOIN seen
    ON seen.corpus = of_image.corpus
    AND seen.unit_of_counting = of_image.unit_of_counting
    AND seen.name = of_image.name
LEFT JOIN cluster
    ON cluster.corpus = of_image.corpus
    AND cluster.unit_of_counting = of_image.unit_of_counting
    AND cluster.name = of_image.name
GROUP BY of_image.corpus, of_image.unit_of_counting, of_image.name
ORDER BY of_image.corpus, of_image.unit_of_counting, images DESC, of_image.name
