-- RQ1, Table 1: properties of the projects of each category.
WITH
    dockerfile_counts AS (
        SELECT project, count(*) FILTER (WHERE valid) AS dockerfiles
        FROM core.dockerfiles
        GROUP BY project
    ),
    measured AS (
        SELECT
            'as_published' AS reading,
            corpus,
            coalesce(category_as_published, category) AS category,
            {
                'repository_bytes': repository_bytes,
                'commits': commits,
                'contributors': contributors,
                'forks': forks,
                'stars': stars,
                'releases': releases,
                'dockerfiles': dockerfiles_as_listed
            } AS measures
        FROM core.projects
        WHERE in_published_sample AND cohort IS DISTINCT FROM 'control'
        UNION ALL
        SELECT
            'corrected' AS reading,
            projects.corpus,
            projects.category,
            {
                'repository_bytes': projects.repository_bytes,
                'commits': projects.commits,
                'contributors': projects.contributors,
                'forks': projects.forks,
                'stars': projects.stars,
                'releases': projects.releases,
                -- In a project that was read, no row means that nothing valid was found: the count is 0.
                'dockerfiles': CASE
                    WHEN visits.project IS NOT NULL THEN coalesce(dockerfile_counts.dockerfiles, 0)
                END
            } AS measures
        FROM core.projects AS projects
        LEFT JOIN dockerfile_counts ON dockerfile_counts.project = projects.project
        LEFT JOIN staging.visits AS visits
            ON visits.project = projects.project AND visits.stage = 'dockerfiles'
        WHERE projects.cohort IS DISTINCT FROM 'control'
    ),
    long AS (
        UNPIVOT (SELECT reading, corpus, coalesce(category, 'unlabelled') AS category, unnest(measures) FROM measured)
        ON COLUMNS(* EXCLUDE (reading, corpus, category))
        INTO NAME metric VALUE value
    ),
    described AS (
        SELECT
            corpus,
            reading,
            category,
            metric,
            CASE metric WHEN 'repository_bytes' THEN 'byte' ELSE 'count' END AS unit,
            'project' AS unit_of_analysis,
            count(value) AS n,
            median(value) AS median,
            quantile_cont(value, 0.25) AS q25,
            quantile_cont(value, 0.75) AS q75,
            min(value)::DOUBLE AS minimum,
            max(value)::DOUBLE AS maximum
        FROM long
        GROUP BY corpus, reading, category, metric
    )
SELECT
    described.*,
    CASE WHEN described.reading = 'corrected' THEN found.low END AS median_low,
    CASE WHEN described.reading = 'corrected' THEN found.high END AS median_high
FROM described
LEFT JOIN core.median_intervals AS found
    ON found.corpus = described.corpus
    AND found.category = described.category
    AND found.measure = described.metric
    AND found.weighting = 'project'
ORDER BY described.corpus, described.reading, described.metric, described.category
