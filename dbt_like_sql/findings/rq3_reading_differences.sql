-- RQ3: Dockerfiles that dockerfile-parse, which the paper used, reads differently from BuildKit, by kind of
-- difference. A file may differ in several ways; `any` counts it once. n is every file that was read, valid or not,
-- because the paper took every file that its parser did not refuse.
WITH
    files AS (
        SELECT corpus, project, path, differences
        FROM core.dockerfiles
        WHERE
            differences IS NOT NULL
            AND project NOT IN (SELECT project FROM core.projects WHERE cohort = 'control')
    ),
    denominators AS (
        SELECT corpus, count(*) AS n
        FROM files
        GROUP BY corpus
    ),
    differing AS (
        SELECT corpus, unnest(differences) AS kind
        FROM files
        UNION ALL
        SELECT corpus, 'any' AS kind
        FROM files
        WHERE len(differences) > 0
    ),
    counted AS (
        SELECT corpus, kind, count(*) AS files
        FROM differing
        GROUP BY corpus, kind
    )
SELECT
    denominators.corpus,
    kinds.kind,
    'Dockerfile' AS unit_of_analysis,
    coalesce(counted.files, 0) AS files,
    denominators.n,
    coalesce(counted.files, 0) / denominators.n AS share,
    pooled.clusters,
    pooled.low AS share_low,
    pooled.high AS share_high,
    per_project.share AS share_per_project,
    per_project.low AS per_project_low,
    per_project.high AS per_project_high
FROM denominators
CROSS JOIN seeds.reading_difference_kinds AS kinds
LEFT JOIN counted ON counted.corpus = denominators.corpus AND counted.kind = kinds.kind
LEFT JOIN core.share_intervals AS pooled
    ON pooled.corpus = denominators.corpus
    AND pooled.category = 'All'
    AND pooled.measure = 'misread ' || kinds.kind
    AND pooled.weighting = 'unit'
LEFT JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.measure = pooled.measure
    AND per_project.weighting = 'project'
ORDER BY denominators.corpus, kinds.kind <> 'any', files DESC, kinds.kind
