-- The categories of the projects that name each distinct image. An image that projects of two categories name counts
-- in both, and once in 'All'.
SELECT DISTINCT
    named.corpus,
    named.config_digest,
    coalesce(projects.category, 'unlabelled') AS category
FROM core.project_image_configs AS named
JOIN core.projects AS projects ON projects.project = named.project
