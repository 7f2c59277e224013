-- RQ4: how many of the distinct images whose layers were searched have a secret in a file, by rule and for any rule.
-- Keys that a package publishes do not count. Hidden: no container sees any of its files, but the layers have them.
WITH
    total AS (
        SELECT corpus, count(*) AS n FROM core.images WHERE secret_files IS NOT NULL GROUP BY corpus
    ),
    found AS (
        SELECT secrets.*
        FROM core.image_secrets AS secrets
        JOIN core.images AS images
            ON images.corpus = secrets.corpus AND images.config_digest = secrets.config_digest
        WHERE secrets.published_with IS NULL AND images.secret_files IS NOT NULL
    ),
    named AS (
        SELECT corpus, config_digest, rule, layer_position, path, visible FROM found
        UNION ALL
        SELECT corpus, config_digest, 'any' AS rule, layer_position, path, visible FROM found
    ),
    of_image AS (
        SELECT
            corpus,
            rule,
            config_digest,
            count(DISTINCT layer_position || ' ' || path) AS files,
            NOT bool_or(visible) AS hidden
        FROM named
        GROUP BY corpus, rule, config_digest
    ),
    cluster AS (
        SELECT of_image.corpus, of_image.rule, count(DISTINCT owned.project) AS clusters
        FROM of_image
        JOIN core.project_image_configs AS owned
            ON owned.corpus = of_image.corpus AND owned.config_digest = of_image.config_digest
        GROUP BY of_image.corpus, of_image.rule
    )
SELECT
    total.corpus,
    'image' AS unit_of_analysis,
    coalesce(of_image.rule, 'any') AS rule,
    count(of_image.config_digest) AS images,
    any_value(total.n) AS n,
    count(of_image.config_digest) / any_value(total.n) AS share,
    any_value(coalesce(cluster.clusters, 0)) AS clusters,
    count(*) FILTER (WHERE of_image.hidden) AS images_hidden,
    coalesce(sum(of_image.files), 0)::BIGINT AS files
FROM total
LEFT JOIN of_image ON of_image.corpus = total.corpus
LEFT JOIN cluster ON cluster.corpus = of_image.corpus AND cluster.rule = of_image.rule
GROUP BY total.corpus, of_image.rule
ORDER BY total.corpus, images DESC, rule
