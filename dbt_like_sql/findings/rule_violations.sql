-- Rules by which other papers check Dockerfiles (binnacle's 23, and 8 of the 9 that Parfum adds). as_published: counted their
-- way, over all places where a rule applies, in every file. corrected: the verdicts of the equivalent practice of dockml, over
-- valid Dockerfiles; it looks only at the shipped stage, and knows caches in mounts, settings and configuration files.
WITH
    files AS (
        SELECT found.corpus, found.rule, count(*) AS dockerfiles, count(*) FILTER (found.violations > 0) AS violating
        FROM core.rule_matches AS found
        JOIN core.projects AS projects ON projects.project = found.project
        WHERE projects.cohort IS DISTINCT FROM 'control'
        GROUP BY ALL
    ),
    every AS (
        SELECT
            files.corpus,
            'as_published' AS reading,
            rules.rule,
            rules.unit AS unit_of_analysis,
            'rule ' || rules.rule AS measure,
            files.dockerfiles,
            files.violating,
            false AS of_followed
        FROM files
        JOIN seeds.published_rules AS rules ON rules.rule = files.rule
        UNION ALL
        SELECT
            practices.corpus,
            'corrected',
            rules.rule,
            practices.unit_of_analysis,
            'follows_' || regexp_replace(lower(rules.practice), '[^a-z0-9]+', '_', 'g'),
            practices.n,
            practices.violated,
            true
        FROM findings.rq3_practices AS practices
        JOIN seeds.published_rules AS rules ON rules.practice = practices.practice
        WHERE practices.category = 'All' AND practices.n > 0
    )
SELECT
    every.corpus,
    every.reading,
    every.rule,
    rules.asks,
    rules.binnacle AS of_binnacle,
    rules.parfum AS of_parfum,
    rules.kept AS kept_by_binnacle,
    rules.practice,
    every.unit_of_analysis,
    CASE WHEN every.of_followed THEN pooled.n - pooled.counted ELSE pooled.counted END AS violations,
    pooled.n,
    pooled.clusters,
    CASE WHEN every.of_followed THEN 1 - pooled.share ELSE pooled.share END AS share_violated,
    CASE WHEN every.of_followed THEN 1 - pooled.high ELSE pooled.low END AS share_low,
    CASE WHEN every.of_followed THEN 1 - pooled.low ELSE pooled.high END AS share_high,
    CASE WHEN every.of_followed THEN 1 - per_project.share ELSE per_project.share END AS share_per_project,
    CASE WHEN every.of_followed THEN 1 - per_project.high ELSE per_project.low END AS per_project_low,
    CASE WHEN every.of_followed THEN 1 - per_project.low ELSE per_project.high END AS per_project_high,
    every.dockerfiles,
    every.violating AS dockerfiles_violating,
    pooled.largest_cluster_share,
    pooled.n_effective
FROM every
JOIN seeds.published_rules AS rules ON rules.rule = every.rule
JOIN core.share_intervals AS pooled
    ON pooled.corpus = every.corpus
    AND pooled.category = 'All'
    AND pooled.measure = every.measure
    AND pooled.unit_of_analysis = every.unit_of_analysis
    AND pooled.weighting = 'unit'
JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = 'All'
    AND per_project.measure = pooled.measure
    AND per_project.unit_of_analysis = pooled.unit_of_analysis
    AND per_project.weighting = 'project'
ORDER BY every.corpus, every.reading, every.rule
