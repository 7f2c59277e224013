-- Instructions, practices and base images of the Dockerfiles that existed at the end of each year, from the histories of the
-- projects. A project is part of a year from its first Dockerfile to its last commit; it is the cluster of the intervals.
WITH
    named AS (
        SELECT DISTINCT corpus, measure, unit_of_analysis, figure, period
        FROM core.history_parts
        WHERE topic = 'change'
    )
SELECT
    named.corpus,
    'corrected' AS reading,
    pooled.category,
    named.period,
    named.figure,
    named.unit_of_analysis,
    pooled.counted,
    pooled.n,
    pooled.clusters,
    pooled.share,
    pooled.low AS share_low,
    pooled.high AS share_high,
    per_project.share AS share_per_project,
    per_project.low AS per_project_low,
    per_project.high AS per_project_high,
    pooled.largest_cluster_share,
    pooled.n_effective
FROM named
JOIN core.share_intervals AS pooled
    ON pooled.corpus = named.corpus AND pooled.measure = named.measure
    AND pooled.unit_of_analysis = named.unit_of_analysis AND pooled.weighting = 'unit'
JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus AND per_project.measure = pooled.measure
    AND per_project.unit_of_analysis = pooled.unit_of_analysis AND per_project.category = pooled.category
    AND per_project.weighting = 'project'
ORDER BY named.corpus, pooled.category = 'All' DESC, pooled.category, named.period, named.unit_of_analysis, named.figure
