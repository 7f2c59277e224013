-- RQ1: how many projects are of each category.
WITH
    readings AS (
        SELECT 'as_published' AS reading, corpus, category FROM core.projects WHERE in_published_sample
        UNION ALL
        SELECT 'corrected' AS reading, corpus, category FROM core.projects
    ),
    counted AS (
        SELECT corpus, reading, coalesce(category, 'unlabelled') AS category, count(*) AS projects
        FROM readings
        GROUP BY ALL
    )
SELECT
    corpus,
    reading,
    category,
    'project' AS unit_of_analysis,
    projects,
    sum(projects) OVER (PARTITION BY corpus, reading)::BIGINT AS n,
    projects / sum(projects) OVER (PARTITION BY corpus, reading) AS share
FROM counted
ORDER BY corpus, reading, projects DESC, category
