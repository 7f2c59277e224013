-- How many commits rebuild something, why, and how much of that work has no cause of its own or would have been avoided by
-- another order of lines; derived from history by BuildKit's cache rules, nothing is built. Commits of one project resemble
-- each other, so the project is the cluster. Few large projects dominate the pooled share, so the share per project leads.
WITH
    named AS (
        SELECT DISTINCT corpus, measure, unit_of_analysis, figure, period
        FROM core.history_parts
        WHERE topic = 'rebuilds'
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
ORDER BY named.corpus, pooled.category = 'All' DESC, pooled.category, named.period = 'all' DESC, named.period, named.unit_of_analysis, named.figure
