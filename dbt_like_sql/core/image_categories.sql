-- The categories of the projects that name each distinct image. An image that projects of two categories name counts
-- in both, and once in 'All'.
SELECT DISTINCT
    images.corpus,
    images.config_digest,
    coalesce(projects.category, 'unlabelled') AS category
FROM core.images AS images
CROSS JOIN unnest(images."references") AS named (reference)
JOIN core.project_images AS project_images
    ON project_images.corpus = images.corpus AND project_images.reference = named.reference
JOIN core.projects AS projects ON projects.project = project_images.project
