-- One row a project, name and image that the name leads to: the bridge from projects to core.images, core.image_layers
-- and whatever else is of a config digest. A name that offers several platforms leads to an image for each.
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
