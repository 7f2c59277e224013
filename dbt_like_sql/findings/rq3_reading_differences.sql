-- RQ3: Dockerfiles in which dockerfile-parse, by which the paper read, sees something else than BuildKit, by kind of
-- difference. A file may differ in several ways; `any` counts it once. n is every file that was read, valid or not,
-- because the paper took whatever its parser did not refuse.
WITH
    files AS (
        SELECT corpus, project, path, differences
        FROM core.dockerfiles
        WHERE differences IS NOT NULL
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
    coalesce(counted.files, 0) / denominators.n AS share
FROM denominators
CROSS JOIN seeds.reading_difference_kinds AS kinds
LEFT JOIN counted ON counted.corpus = denominators.corpus AND counted.kind = kinds.kind
ORDER BY denominators.corpus, kinds.kind <> 'any', files DESC, kinds.kind
