-- The rows of raw.image_links that are about listed projects.
SELECT found.*
FROM raw.image_links AS found
JOIN staging.listed_projects AS listed ON listed.project = found.project
