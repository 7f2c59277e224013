-- RQ1: how many projects are in each category, and the source of their labels. as_published uses only the study's own labels
-- and exists only for its projects; corrected takes the adjudicated label, else the one most people gave, else the machine's.
-- The interval is Wilson's, at 95 % (Wilson, JASA 22, 1927).
WITH
    readings AS (
        SELECT
            'as_published' AS reading,
            corpus,
            category_as_published AS category,
            'people' AS label_source
        FROM core.projects
        WHERE in_published_sample AND category_as_published IS NOT NULL AND cohort IS DISTINCT FROM 'control'
        UNION ALL
        SELECT 'corrected' AS reading, corpus, category, label_source
        FROM core.projects
        WHERE cohort IS DISTINCT FROM 'control'
    ),
    counted AS (
        SELECT
            corpus,
            reading,
            coalesce(category, 'unlabelled') AS category,
            count(*) AS projects,
            count(*) FILTER (WHERE label_source = 'adjudicated') AS labelled_by_adjudication,
            count(*) FILTER (WHERE label_source = 'people') AS labelled_by_people,
            count(*) FILTER (WHERE label_source = 'machine') AS labelled_by_machine
        FROM readings
        GROUP BY ALL
    ),
    shares AS (
        SELECT
            *,
            sum(projects) OVER (PARTITION BY corpus, reading)::BIGINT AS n,
            projects / sum(projects) OVER (PARTITION BY corpus, reading) AS share,
            1.959963984540054::DOUBLE AS z
        FROM counted
    ),
    centred AS (
        SELECT
            *,
            (share + z * z / (2 * n)) / (1 + z * z / n) AS centre,
            z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n) AS half_width
        FROM shares
    ),
    printed AS (
        SELECT category, value / 100 AS published_share
        FROM seeds.published_values
        WHERE rq = 'rq1' AND metric = 'project_share'
    ),
    notes AS (
        SELECT category, note
        FROM seeds.published_values
        WHERE rq = 'rq1' AND metric = 'project_share_in_introduction' AND note <> ''
    )
SELECT
    centred.corpus,
    centred.reading,
    centred.category,
    'project' AS unit_of_analysis,
    centred.projects,
    centred.n,
    centred.share,
    centred.centre - centred.half_width AS share_low,
    -- Exactly 1 at the end, which rounding errors would miss.
    CASE WHEN centred.projects = centred.n THEN 1.0 ELSE centred.centre + centred.half_width END AS share_high,
    centred.labelled_by_adjudication,
    centred.labelled_by_people,
    centred.labelled_by_machine,
    printed.published_share,
    notes.note
FROM centred
LEFT JOIN printed ON printed.category = centred.category
LEFT JOIN notes ON notes.category = centred.category
ORDER BY centred.corpus, centred.reading, centred.projects DESC, centred.category
