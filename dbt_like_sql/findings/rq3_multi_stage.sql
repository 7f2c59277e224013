-- RQ3: Dockerfiles with more than one FROM, and projects that have such a Dockerfile.
WITH
    files AS (
        SELECT
            corpus,
            reading,
            project,
            path,
            count(*) FILTER (WHERE keyword = 'FROM') AS from_instructions
        FROM core.instructions
        WHERE reading = 'as_published' OR dockerfile_valid
        GROUP BY ALL
        HAVING from_instructions > 0
    ),
    categorised AS (
        SELECT
            files.*,
            coalesce(
                CASE files.reading WHEN 'as_published' THEN projects.category_as_published END,
                projects.category,
                'unlabelled'
            ) AS category
        FROM files
        JOIN core.projects AS projects ON projects.project = files.project
        UNION ALL
        SELECT *, 'All' AS category
        FROM files
    ),
    units AS (
        SELECT corpus, reading, category, 'Dockerfile' AS unit_of_analysis, from_instructions
        FROM categorised
        UNION ALL
        SELECT corpus, reading, category, 'project' AS unit_of_analysis, max(from_instructions) AS from_instructions
        FROM categorised
        GROUP BY corpus, reading, category, project
    )
SELECT
    corpus,
    reading,
    category,
    unit_of_analysis,
    count(*) FILTER (WHERE from_instructions > 1) AS multiple_from,
    count(*) AS n,
    multiple_from / n AS share,
    max(from_instructions) AS maximum_from
FROM units
GROUP BY corpus, reading, category, unit_of_analysis
ORDER BY corpus, reading, unit_of_analysis, category
