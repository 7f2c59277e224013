-- The projects of the categories, and those of the states of a stage, add up to their denominator.
SELECT 'findings.rq1_categories' AS finding, corpus, reading AS part, sum(projects) AS added, any_value(n) AS n
FROM findings.rq1_categories
GROUP BY corpus, reading
HAVING sum(projects) <> any_value(n) OR count(DISTINCT n) > 1
UNION ALL
SELECT 'findings.coverage', corpus, stage, sum(projects), any_value(n)
FROM findings.coverage
GROUP BY corpus, stage
HAVING sum(projects) <> any_value(n) OR count(DISTINCT n) > 1
UNION ALL
SELECT 'findings.funnel', corpus, step, n, n
FROM findings.funnel
WHERE n < 0
UNION ALL
-- A project is counted once in each corpus: by its metadata and by the listing.
SELECT 'core.projects', corpus, NULL, count(*), count(DISTINCT project)
FROM core.projects
GROUP BY corpus
HAVING count(*) <> count(DISTINCT project)
