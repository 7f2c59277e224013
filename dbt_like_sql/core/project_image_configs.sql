-- One row per project, image name and image that the name resolves to: joins projects with core.images, core.image_layers
-- and other tables by config digest. A name with several platforms resolves to one image for each.
SELECT
    named.corpus,
    named.project,
    named.reference,
    images.config_digest,
    images.os || '/' || images.architecture || coalesce('/' || nullif(images.variant, ''), '') AS platform,
    coalesce(grades.link_grade, 'none') AS link_grade
FROM core.images AS images
CROSS JOIN unnest(images.image_references) AS each (reference)
JOIN core.project_images AS named
    ON named.corpus = images.corpus AND named.reference = each.reference
LEFT JOIN staging.image_reference_grades AS grades
    ON grades.project = named.project AND grades.reference = named.reference
