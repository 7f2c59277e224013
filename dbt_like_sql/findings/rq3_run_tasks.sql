-- RQ3: what RUN is used for, in the paper's five classes. The median is over the projects with such a task; what
-- each reading counts: core.project_shares.
WITH
    totals AS (
        SELECT corpus, reading, category, count(DISTINCT project) AS n, sum(occurrences) AS hits
        FROM core.project_shares
        WHERE what = 'RUN task'
        GROUP BY corpus, reading, category
    )
SELECT
    shares.corpus,
    shares.reading,
    shares.category,
    shares.item AS task,
    'project' AS unit_of_analysis,
    count(*) AS projects_using,
    any_value(totals.n) AS n,
    median(shares.share) AS median_share,
    quantile_cont(shares.share, 0.25) AS q25_share,
    quantile_cont(shares.share, 0.75) AS q75_share,
    sum(shares.occurrences)::BIGINT AS hits,
    sum(shares.occurrences) / any_value(totals.hits) AS pooled_share,
    any_value(pooled.low) AS pooled_low,
    any_value(pooled.high) AS pooled_high,
    any_value(per_project.share) AS share_per_project,
    any_value(per_project.low) AS per_project_low,
    any_value(per_project.high) AS per_project_high,
    any_value(pooled.clusters) AS clusters,
    any_value(pooled.largest_cluster_share) AS largest_cluster_share
FROM core.project_shares AS shares
JOIN totals
    ON totals.corpus = shares.corpus AND totals.reading = shares.reading AND totals.category = shares.category
LEFT JOIN core.share_intervals AS pooled
    ON shares.reading = 'corrected'
    AND pooled.corpus = shares.corpus
    AND pooled.category = shares.category
    AND pooled.measure = 'RUN task ' || shares.item
    AND pooled.weighting = 'unit'
LEFT JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.weighting = 'project'
WHERE shares.what = 'RUN task'
GROUP BY shares.corpus, shares.reading, shares.category, shares.item
ORDER BY shares.corpus, shares.reading, shares.category, pooled_share DESC, shares.item
