-- The most frequent recommendations and their savings: per recommendation and kind of subject, the projects to which it
-- applies out of those with such a subject, and the bytes over all distinct images. Bytes add up over recommendations,
-- because each is counted for one only; layers that images share are counted with each image.
WITH
    -- A row of core.recommendations is a subject; each project counts once.
    advised AS (
        SELECT
            found.corpus,
            coalesce(projects.category, 'unlabelled') AS category,
            found.about,
            found.recommendation,
            any_value(found.severity) AS severity,
            count(*) AS subjects
        FROM core.recommendations AS found
        JOIN core.projects AS projects ON projects.project = found.project
        GROUP BY found.corpus, projects.category, found.about, found.recommendation, found.project
    ),
    categorised AS (
        SELECT * FROM advised
        UNION ALL
        SELECT * REPLACE ('All' AS category) FROM advised
    ),
    judged AS (
        SELECT 'dockerfile' AS about, files.corpus, coalesce(projects.category, 'unlabelled') AS category, files.project
        FROM core.dockerfiles AS files
        JOIN core.projects AS projects ON projects.project = files.project
        WHERE files.valid
        UNION ALL
        SELECT 'image', named.corpus, coalesce(projects.category, 'unlabelled'), named.project
        FROM staging.image_summaries AS images
        JOIN core.project_images AS named ON named.corpus = images.corpus AND named.reference = images.reference
        JOIN core.projects AS projects ON projects.project = named.project
        UNION ALL
        SELECT 'project', files.corpus, coalesce(projects.category, 'unlabelled'), files.project
        FROM staging.repository_files AS files
        JOIN core.projects AS projects ON projects.project = files.project
        WHERE files.read_as IN ('compose', 'workflow') AND files.content IS NOT NULL
    ),
    denominators AS (
        SELECT about, corpus, category, count(DISTINCT project) AS n FROM judged GROUP BY about, corpus, category
        UNION ALL
        SELECT about, corpus, 'All', count(DISTINCT project) FROM judged GROUP BY about, corpus
    ),
    -- An image that several projects name counts once in each category and once in all.
    measured AS (
        SELECT DISTINCT
            found.corpus,
            unnest([coalesce(projects.category, 'unlabelled'), 'All']) AS category,
            found.about,
            found.recommendation,
            found.manifest_digest,
            found.saves_bytes
        FROM core.recommendations AS found
        JOIN core.projects AS projects ON projects.project = found.project
        WHERE found.saves_bytes IS NOT NULL
    ),
    bytes AS (
        SELECT corpus, category, about, recommendation, sum(saves_bytes)::BIGINT AS saves_bytes
        FROM measured
        GROUP BY corpus, category, about, recommendation
    )
SELECT
    found.corpus,
    found.category,
    found.about,
    found.recommendation,
    any_value(found.severity) AS severity,
    'project' AS unit_of_analysis,
    count(*) AS projects,
    any_value(denominators.n) AS n,
    count(*) / any_value(denominators.n) AS share,
    sum(found.subjects)::BIGINT AS subjects,
    any_value(bytes.saves_bytes) AS saves_bytes
FROM categorised AS found
JOIN denominators
    ON denominators.corpus = found.corpus
    AND denominators.category = found.category
    AND denominators.about = found.about
LEFT JOIN bytes
    ON bytes.corpus = found.corpus
    AND bytes.category = found.category
    AND bytes.about = found.about
    AND bytes.recommendation = found.recommendation
GROUP BY found.corpus, found.category, found.about, found.recommendation
ORDER BY found.corpus, found.category = 'All' DESC, found.category, found.about, saves_bytes DESC NULLS LAST, projects DESC,
    found.recommendation
