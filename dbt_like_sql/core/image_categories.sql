-- The categories of the machine-learning projects that name each distinct image. An image of projects in two categories
-- counts in both, and once in 'All', which has every image except those that only a control cohort names.
WITH
    named AS (
        SELECT
            named.corpus,
            named.config_digest,
            coalesce(projects.category, 'unlabelled') AS category,
            projects.cohort IS NOT DISTINCT FROM 'control' AS by_control
        FROM core.project_image_configs AS named
        JOIN core.projects AS projects ON projects.project = named.project
    )
SELECT DISTINCT corpus, config_digest, category
FROM named
WHERE NOT by_control
UNION ALL
SELECT images.corpus, images.config_digest, 'All' AS category
FROM core.images AS images
LEFT JOIN (
    SELECT corpus, config_digest, bool_and(by_control) AS by_control_only
    FROM named
    GROUP BY corpus, config_digest
) AS owners ON owners.corpus = images.corpus AND owners.config_digest = images.config_digest
WHERE owners.by_control_only IS DISTINCT FROM true
