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
        WHERE
            (reading = 'as_published' OR dockerfile_valid)
            AND project NOT IN (SELECT project FROM core.projects WHERE cohort = 'control')
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
    ),
    counted AS (
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
    )
SELECT
    counted.*,
    pooled.clusters,
    pooled.low AS share_low,
    pooled.high AS share_high,
    per_project.share AS share_per_project,
    per_project.low AS per_project_low,
    per_project.high AS per_project_high,
    pooled.largest_cluster_share
FROM counted
LEFT JOIN core.share_intervals AS pooled
    ON counted.reading = 'corrected'
    AND pooled.corpus = counted.corpus
    AND pooled.category = counted.category
    AND pooled.unit_of_analysis = counted.unit_of_analysis
    AND pooled.measure = 'multi_stage'
    AND pooled.weighting = 'unit'
LEFT JOIN core.share_intervals AS per_project
    ON per_project.corpus = pooled.corpus
    AND per_project.category = pooled.category
    AND per_project.unit_of_analysis = pooled.unit_of_analysis
    AND per_project.measure = pooled.measure
    AND per_project.weighting = 'project'
ORDER BY counted.corpus, counted.reading, counted.unit_of_analysis, counted.category
