-- The rows of raw.image_reference_grades that are about listed projects.
SELECT found.*
FROM raw.image_reference_grades AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
