-- RQ4: growth of images from one tag of a project to the next, as stored, in all, and by cause if the packages of both are
-- known: the differences of packages that were added, removed, or changed version or only bytes, and of other files, add up.
WITH
    package AS (
        SELECT
            corpus,
            config_digest,
            ecosystem || ' ' || package AS name,
            list(DISTINCT version ORDER BY version) AS versions,
            sum(bytes + hidden_bytes)::BIGINT AS bytes
        FROM core.image_packages
        GROUP BY corpus, config_digest, ecosystem, package
    ),
    step AS (
        SELECT row_number() OVER (ORDER BY corpus, project, repository, platform, created_after, config_after) AS step, *
        FROM core.image_growth
    ),
    side AS (
        SELECT step.step, package.name, package.versions, package.bytes, 'before' AS side
        FROM step JOIN package ON package.corpus = step.corpus AND package.config_digest = step.config_before
        WHERE step.causes_known
        UNION ALL
        SELECT step.step, package.name, package.versions, package.bytes, 'after' AS side
        FROM step JOIN package ON package.corpus = step.corpus AND package.config_digest = step.config_after
        WHERE step.causes_known
    ),
    changed AS (
        SELECT
            step,
            name,
            coalesce(sum(bytes) FILTER (WHERE side = 'after'), 0)
            - coalesce(sum(bytes) FILTER (WHERE side = 'before'), 0) AS difference,
            CASE
                WHEN count(*) FILTER (WHERE side = 'before') = 0 THEN 'package added'
                WHEN count(*) FILTER (WHERE side = 'after') = 0 THEN 'package removed'
                WHEN count(DISTINCT versions) > 1 THEN 'package in another version'
                ELSE 'package in the same version'
            END AS cause
        FROM side
        GROUP BY step, name
    ),
    by_cause AS (
        SELECT step, cause, sum(difference)::BIGINT AS difference FROM changed GROUP BY step, cause
    ),
    attributed AS (
        SELECT step, sum(difference)::BIGINT AS difference FROM by_cause GROUP BY step
    ),
    cause AS (
        SELECT 'as stored' AS cause, step, compressed_difference AS difference FROM step
        UNION ALL
        SELECT 'all' AS cause, step, bytes_difference AS difference FROM step
        UNION ALL
        SELECT each.cause, step.step, coalesce(by_cause.difference, 0) AS difference
        FROM step
        CROSS JOIN
            unnest(['package added', 'package removed', 'package in another version', 'package in the same version'])
            AS each (cause)
        LEFT JOIN by_cause ON by_cause.step = step.step AND by_cause.cause = each.cause
        WHERE step.causes_known
        UNION ALL
        SELECT 'no package' AS cause, step.step, step.bytes_difference - coalesce(attributed.difference, 0) AS difference
        FROM step
        LEFT JOIN attributed ON attributed.step = step.step
        WHERE step.causes_known
    )
SELECT
    step.corpus,
    'two images that follow each other' AS unit_of_analysis,
    cause.cause,
    count(*) AS n,
    count(DISTINCT step.project) AS clusters,
    count(*) FILTER (WHERE cause.difference > 0) AS grew,
    count(*) FILTER (WHERE cause.difference < 0) AS shrank,
    count(*) FILTER (WHERE cause.difference > 0) / count(*) AS share_grew,
    median(cause.difference) AS difference_median,
    sum(cause.difference)::BIGINT AS difference_bytes
FROM step
JOIN cause ON cause.step = step.step
WHERE cause.difference IS NOT NULL
GROUP BY step.corpus, cause.cause
ORDER BY step.corpus, cause.cause
