-- RQ3: how many Dockerfiles follow each practice, among those to which it applies and whose verdict is known. The paper
-- has no such figure, so there is one reading. Dockerfiles of one project resemble each other, so the project is the cluster
-- of the intervals (core.share_intervals); the share per project is the better one if a project has many of the files.
WITH
    judged AS (
        SELECT
            found.corpus,
            found.rule AS practice,
            found.verdict,
            coalesce(projects.category, 'unlabelled') AS category
        FROM core.dockerfile_findings AS found
        JOIN core.projects AS projects ON projects.project = found.project
        WHERE found.source = 'dockml' AND found.dockerfile_valid AND projects.cohort IS DISTINCT FROM 'control'
    ),
    counted AS (
        SELECT
            corpus,
            coalesce(category, 'All') AS category,
            practice,
            count(*) FILTER (WHERE verdict = 'followed') AS followed,
            count(*) FILTER (WHERE verdict = 'violated') AS violated,
            count(*) FILTER (WHERE verdict = 'not applicable') AS not_applicable,
            count(*) FILTER (WHERE verdict = 'unknown') AS unknown
        FROM judged
        -- Categories are never NULL above, so NULL marks the set of all of them.
        GROUP BY GROUPING SETS ((corpus, category, practice), (corpus, practice))
    )
SELECT
    counted.corpus,
    'corrected' AS reading,
    counted.category,
    counted.practice,
    'Dockerfile' AS unit_of_analysis,
    counted.followed,
    counted.violated,
    counted.not_applicable,
    counted.unknown,
    counted.followed + counted.violated AS n,
    coalesce(pooled.clusters, 0) AS clusters,
    -- NULL, not zero, where nothing was judged.
    counted.followed / nullif(counted.followed + counted.violated, 0) AS share_followed,
    pooled.low AS share_low,
    pooled.high AS share_high,
    per_project.share AS share_per_project,
    per_project.low AS per_project_low,
    per_project.high AS per_project_high,
    pooled.largest_cluster_share,
    pooled.n_effective
FROM counted
LEFT JOIN core.share_intervals AS pooled
    ON pooled.corpus = counted.corpus
    AND pooled.category = counted.category
    AND pooled.measure = 'follows_' || regexp_replace(lower(counted.practice), '[^a-z0-9]+', '_', 'g')
    AND pooled.weighting = 'unit'
LEFT JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.weighting = 'project'
ORDER BY counted.corpus, counted.category = 'All' DESC, counted.category, counted.practice
