-- The texts over which the paper counted base images: one row per project, category and text of FROM. In the study's own
-- corpus they come from the sheet with hand-typed names, with the category in that sheet (one project has two); elsewhere
-- they are the arguments of FROM as written.
SELECT DISTINCT
    typed.corpus,
    typed.project,
    coalesce(mapping.category, 'unlabelled') AS category,
    lower(typed.base_text) AS base_text
FROM staging.base_image_labels AS typed
LEFT JOIN seeds.category_labels AS mapping ON mapping.label = typed.category_label
WHERE typed.base_text IS NOT NULL
UNION ALL
SELECT DISTINCT
    stages.corpus,
    stages.project,
    coalesce(projects.category_as_published, projects.category, 'unlabelled') AS category,
    lower(stages.base_text) AS base_text
FROM core.stages AS stages
JOIN core.projects AS projects ON projects.project = stages.project
WHERE
    projects.cohort IS DISTINCT FROM 'control'
    AND NOT EXISTS (SELECT 1 FROM staging.base_image_labels AS typed WHERE typed.corpus = stages.corpus)
